/** The region store's contract, kept by the simulated twin: what the simulation proves rests on this. */
import { regionStoreContract } from "../contract/region-store.ts";
import { SimulatedDatabase } from "./database.ts";
import { SimulatedRegionStore } from "./region-store.ts";
import { runInBackground } from "./run-in-background.ts";
import { Process, wallClockMs, World } from "./world.ts";

const SEED = 1;

regionStoreContract("the simulated twin", ({ region }) => {
  const world = new World(SEED);
  const database = new SimulatedDatabase(region, () => wallClockMs(world));
  let processes = 0;
  const connect = () => {
    const process = new Process(world, `process-${(processes += 1)}`);
    return new SimulatedRegionStore({ database, process });
  };
  const time = runInBackground(world);
  const patient = new Process(world, "patient");
  return Promise.resolve({
    store: connect(),
    reopen: () => Promise.resolve(connect()),
    pause: (durationMs: number) => patient.pass(durationMs),
    edit: (...change) => Promise.resolve(database.edit(...change)),
    close: () => time.stop(),
  });
});
