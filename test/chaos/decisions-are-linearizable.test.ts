/**
 * Histories recorded from three real regions while links are cut, leaders and region processes are killed: each has to be
 * linearizable. FOREBAY_RUNS=20 records more than every test run does; FOREBAY_SEED begins at another seed.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection } from "../integration/cluster/load.ts";
import { Recorder } from "../integration/cluster/recorder.ts";
import { checkLinearizability, describeResult } from "../linearizability/checker.ts";
import { versionedRegisterModel } from "../linearizability/versioned-register.ts";
import { SeededRandom } from "../simulation/random.ts";

const RUNS = Number(process.env["FOREBAY_RUNS"] ?? "3");
const FIRST_SEED = Number(process.env["FOREBAY_SEED"] ?? "1");
const REGIONS = ["eu", "us", "ap"];
const CLIENTS = 8;
const STRIKES = 3;
/** So many operations are answered before the first fault and after each: a history of refusals would prove nothing. */
const ANSWERED_BETWEEN = 20;
const SCHEMA = { fields: { value: { class: "authoritative", type: "string" } } };

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("linearizable");
});

afterAll(() => bed.stop());

const pause = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs));

/** One after the other: each begins, lasts a while, and is undone. */
async function strike(random: SeededRandom): Promise<string> {
  const { cluster } = bed;
  const region = random.pick(REGIONS);
  const other = random.pick(REGIONS.filter((name) => name !== region));
  const durationMs = random.integer(300, 2_500);
  switch (random.integer(0, 3)) {
    case 0:
      cluster.cutLink(region, other);
      await pause(durationMs);
      cluster.healLink(region, other);
      return `cut ${region} ${other}`;
    case 1:
      for (const name of REGIONS) if (name !== region) cluster.cutLink(region, name);
      await pause(durationMs);
      for (const name of REGIONS) if (name !== region) cluster.healLink(region, name);
      return `isolate ${region}`;
    case 2:
      await cluster.killNats(region);
      await pause(durationMs);
      await cluster.startNats(region);
      return `kill nats ${region}`;
    default:
      await cluster.killRegion(region);
      await pause(durationMs / 4);
      await cluster.startRegion(region);
      return `kill region ${region}`;
  }
}

async function moreAreAnswered(recorder: Recorder): Promise<void> {
  const before = recorder.completed;
  await eventually(`${ANSWERED_BETWEEN} more operations are answered`, () =>
    recorder.completed - before >= ANSWERED_BETWEEN ? true : undefined,
  );
}

async function trouble(recorder: Recorder, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  await moreAreAnswered(recorder);
  for (let count = 0; count < STRIKES; count += 1) {
    await strike(random);
    await pause(random.integer(200, 1_500));
    await moreAreAnswered(recorder);
  }
}

describe("what clients are told by three regions under faults", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
    it(`is linearizable with seed ${seed}`, async () => {
      const collection = `run-${seed}`;
      // The run before may have left the log in an election.
      await eventually("the log takes the collection", async () => {
        await createCollection(bed, collection, SCHEMA);
        return true;
      });
      const recorder = new Recorder(bed, { seed, collection });
      await recorder.run(CLIENTS, trouble(recorder, seed));
      expect(recorder.surprises).toEqual([]);
      const result = checkLinearizability(versionedRegisterModel(), recorder.history);
      expect(result.verdict, `seed ${seed}: ${describeResult(result)}`).toBe("linearizable");
    });
  }
});
