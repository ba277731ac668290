import { announcementsContract } from "../../contract/announcements.ts";
import { busContract } from "../../contract/bus.ts";
import { openBusBed } from "./bus-bed.ts";
import { REGIONS } from "./nats-cluster.ts";

const open = async () => {
  const bed = await openBusBed();
  const first = new Map(REGIONS.map((region) => [region as string, bed.startProcess(region)]));
  await Promise.all([...first.values()].map((process) => process.connect()));
  return {
    regions: REGIONS,
    bus: (region: string) => first.get(region)!.bus,
    startProcess: (region: string) => bed.startProcess(region),
    pause: (durationMs: number) => new Promise<void>((resolve) => setTimeout(resolve, durationMs)),
    close: () => bed.close(),
  };
};

busContract("NATS on three servers", open);
announcementsContract("NATS on three servers", open);
