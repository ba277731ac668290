import { busContract } from "../../contract/bus.ts";
import { openBusBed } from "./bus-bed.ts";
import { REGIONS } from "./nats-cluster.ts";

busContract("NATS on three servers", async () => {
  const bed = await openBusBed();
  const first = new Map(REGIONS.map((region) => [region as string, bed.startProcess(region)]));
  await Promise.all([...first.values()].map((process) => process.connect()));
  return {
    regions: REGIONS,
    bus: (region) => first.get(region)!.bus,
    startProcess: (region) => bed.startProcess(region),
    pause: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
    close: () => bed.close(),
  };
});
