/** A block of one server's copy is damaged on disk: whoever reads there is held back an entry, and finds it elsewhere. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { LogGapError, type LogMessage } from "../../../services/ports/global-log.ts";
import { receiveCount } from "../../contract/global-log.ts";
import { eventually } from "../nats/eventually.ts";
import { REGIONS } from "../nats/nats-cluster.ts";
import { isDense, leaderOf, openBed, Outcomes, type JetStreamBed } from "./bed.ts";

const TIMEOUT_MS = 120_000;
const COUNT = 60;
const RECEIVE = { messagesMax: 1_000, bytesMax: 10_000_000, timeoutMs: 20_000 };

let bed: JetStreamBed;
afterEach(() => bed.close(), TIMEOUT_MS);

/** @returns a region whose server holds the log and does not lead it. */
async function fill(): Promise<string> {
  await bed.log("eu").ensureStream(0);
  const outcomes = new Outcomes();
  for (let number = 1; outcomes.stored.size < COUNT; number += 1)
    await outcomes.publish(bed.log("eu"), {
      partition: 0,
      origin: "eu",
      text: `entry ${number} `.repeat(20),
      timeoutMs: 5_000,
    });
  const leader = await leaderOf(bed.log("eu"), 0);
  const region = REGIONS.find((name) => name !== leader)!;
  await eventually(`${region} has all`, async () => {
    const { replicas } = await bed.log(leader).leadership(0);
    return replicas.find((one) => one.region === region)?.isCurrent === true ? true : undefined;
  });
  return region;
}

/** Flips a bit in the middle of the stream's largest block. */
function flipBit(region: string, seed: number): void {
  const folder = join(
    bed.cluster.server(region).storeFolder,
    "jetstream",
    "$G",
    "streams",
    "FOREBAY_LOG_0",
    "msgs",
  );
  const blocks = readdirSync(folder).filter((name) => name.endsWith(".blk"));
  const path = join(folder, blocks.toSorted()[0]!);
  const bytes = readFileSync(path);
  bytes[Math.floor((bytes.length * (seed + 1)) / 5)]! ^= 4;
  writeFileSync(path, bytes);
}

async function readAll(region: string, isElsewhere: boolean): Promise<LogMessage[]> {
  const subscription = await bed.log(region).subscribe({ partition: 0, from: 1, isElsewhere });
  try {
    return await receiveCount(subscription, COUNT);
  } finally {
    await subscription.close();
  }
}

/** @returns what is held back of the own copy; undefined where nothing is, or the reading ends for another reason. */
async function gapOf(region: string): Promise<LogGapError | undefined> {
  const subscription = await bed.log(region).subscribe({ partition: 0, from: 1 });
  try {
    for (let count = 0; count < COUNT;) count += (await subscription.receive(RECEIVE)).length;
    return undefined;
  } catch (error) {
    if (error instanceof LogGapError) return error;
    throw error;
  } finally {
    await subscription.close();
  }
}

describe("a damaged copy of the log", () => {
  it.each([0, 1, 2])(
    "holds an entry back, which is noticed, and read elsewhere, seed %i",
    { timeout: TIMEOUT_MS },
    async (seed) => {
      bed = await openBed({ streamReplicas: 3 });
      const region = await fill();
      flipBit(region, seed);
      // The server reads its disk once it no longer has the block in memory.
      const gap = await eventually("an entry is held back", () => gapOf(region));
      expect(gap.position).toBeLessThanOrEqual(COUNT);
      // A consumer that was just made on another server may not be known to the own one yet: any doubt ends a subscription,
      // and its reader subscribes anew.
      const found = await eventually("all of it elsewhere", () => readAll(region, true));
      expect(isDense(found)).toBe(true);
    },
  );
});
