/** The bus's contract, kept by the simulated twin: what the simulation proves rests on this. */
import { announcementsContract } from "../contract/announcements.ts";
import { busContract } from "../contract/bus.ts";
import { SimulatedBus, SimulatedBusNetwork } from "./bus.ts";
import { runInBackground } from "./run-in-background.ts";
import { Process, World } from "./world.ts";

const SEED = 1;
const REGIONS = ["eu", "us", "ap"] as const;

const open = async () => {
  const world = new World(SEED);
  const network = new SimulatedBusNetwork(world);
  const startProcess = (region: string) => {
    const bus = new SimulatedBus({ network, process: new Process(world, region), region });
    return { bus, connect: () => bus.connect() };
  };
  const first = new Map(REGIONS.map((region) => [region as string, startProcess(region)]));
  const time = runInBackground(world);
  await Promise.all([...first.values()].map((process) => process.connect()));
  return {
    regions: REGIONS,
    bus: (region: string) => first.get(region)!.bus,
    startProcess,
    pause: (durationMs: number) => new Promise<void>((resolve) => setTimeout(resolve, durationMs)),
    close: () => time.stop(),
  };
};

busContract("the simulated twin", open);
announcementsContract("the simulated twin", open);
