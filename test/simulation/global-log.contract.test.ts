/** The global log's contract, kept by the simulated twin: what the simulation proves rests on this. */
import { globalLogContract } from "../contract/global-log.ts";
import { SimulatedLog, SimulatedLogServers } from "./global-log.ts";
import { runInBackground } from "./run-in-background.ts";
import { Process, World } from "./world.ts";

const SEED = 1;
const REGIONS = ["eu", "us", "ap"] as const;

globalLogContract("the simulated twin", () => {
  const world = new World(SEED);
  const servers = new SimulatedLogServers(world, { leader: REGIONS[0], members: REGIONS });
  const logs = new Map<string, SimulatedLog>(
    REGIONS.map((region) => {
      const process = new Process(world, region);
      return [region, new SimulatedLog({ servers, process, region })];
    }),
  );
  const time = runInBackground(world);
  let partitions = 0;
  return Promise.resolve({
    regions: REGIONS,
    log: (region: string) => logs.get(region)!,
    newPartition: () => Promise.resolve(partitions++),
    remove: (partition) => Promise.resolve(servers.remove(partition)),
    pause: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
    close: () => time.stop(),
  });
});
