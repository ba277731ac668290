/**
 * decisions-are-linearizable.test.ts is worth something only if it can fail. Here its recorder reads from what a region has
 * folded, and not through the log, while that region is cut off: the checker has to say so.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection } from "../integration/cluster/load.ts";
import { Recorder, type Asked } from "../integration/cluster/recorder.ts";
import { send } from "../integration/cluster/request.ts";
import { checkLinearizability, describeResult, type CheckResult } from "../linearizability/checker.ts";
import { versionedRegisterModel } from "../linearizability/versioned-register.ts";

const SEED = Number(process.env["FOREBAY_SEED"] ?? "1");
const CLIENTS = 8;
const SCHEMA = { fields: { value: { class: "authoritative", type: "string" } } };
const LONELY = "ap";
const OTHERS = ["eu", "us"];

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("recorder");
});

afterEach(async () => heal());

afterAll(() => bed.stop());

function isolate(): void {
  for (const other of OTHERS) bed.cluster.cutLink(LONELY, other);
}

function heal(): void {
  for (const other of OTHERS) bed.cluster.healLink(LONELY, other);
}

async function recorderOf(reads: "linearizable" | "local", collection: string): Promise<Recorder> {
  // The test before may have left the log in an election.
  await eventually("the log takes the collection", async () => {
    await createCollection(bed, collection, SCHEMA);
    return true;
  });
  return new Recorder(bed, { seed: SEED, collection, reads });
}

function check(recorder: Recorder): CheckResult<unknown, unknown> {
  return checkLinearizability(versionedRegisterModel(), recorder.history);
}

/** Until the client is told: there may be an election. */
async function done(recorder: Recorder, asked: Asked): Promise<void> {
  await eventually(`a ${asked.kind} through ${asked.region} is answered`, async () =>
    (await recorder.operate(asked)) ? true : undefined,
  );
}

/** A write that the lonely region knows, one that it can't know, and a read there. @returns whether that was answered. */
async function readInIsolation(recorder: Recorder, collection: string): Promise<boolean> {
  const write = { client: "writer", region: "eu", key: "a", kind: "write" } as const;
  await done(recorder, write);
  const record = `${bed.cluster.region(LONELY).url}/v1/collections/${collection}/records/a`;
  await eventually("the region that will be lonely has the record", async () =>
    (await send(`${record}?consistency=linearizable`, { method: "GET" }))?.status === 200 ? true : undefined,
  );
  isolate();
  await done(recorder, write);
  return recorder.operate({ client: "reader", region: LONELY, key: "a", kind: "read" });
}

describe("a recorder that reads from the region alone", () => {
  it("records a history that the checker refuses: a read of what another region has overwritten", async () => {
    const recorder = await recorderOf("local", "stale");
    expect(await readInIsolation(recorder, "stale")).toBe(true);
    const result = check(recorder);
    expect(result.verdict, describeResult(result)).toBe("violation");
    expect(result).toMatchObject({ key: "a", unplaced: [{ client: "reader" }] });
  });

  it("is caught among clients that do what chance wants", async () => {
    const recorder = await recorderOf("local", "chance");
    isolate();
    const caught = eventually("the checker refuses the history", () =>
      check(recorder).verdict === "violation" ? true : undefined,
    );
    await recorder.run(
      CLIENTS,
      caught.then(() => undefined),
    );
    expect(recorder.surprises, `seed ${SEED}`).toEqual([]);
  });
});

describe("a recorder that reads through the log", () => {
  it("gets no answer in the same isolation, and records a linearizable history", async () => {
    const recorder = await recorderOf("linearizable", "fresh");
    expect(await readInIsolation(recorder, "fresh")).toBe(false);
    const alone = check(recorder);
    expect(alone.verdict, describeResult(alone)).toBe("linearizable");
    heal();
    await done(recorder, { client: "reader", region: LONELY, key: "a", kind: "read" });
    const result = check(recorder);
    expect(result.verdict, describeResult(result)).toBe("linearizable");
    expect(recorder.surprises).toEqual([]);
  });
});
