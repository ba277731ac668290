/**
 * The nats-server that leads the log is killed, twice, under paced writes in every region. No local write fails, and no
 * authoritative one is told anything that is not so.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { figuresOf } from "../../infra/load/figures.ts";
import { PacedLoad } from "../../infra/load/paced-load.ts";
import { StreamRecord } from "../../infra/load/record.ts";
import { eventually, leaderOf, startBed, type Bed } from "../integration/cluster/bed.ts";
import { checkPaced } from "../integration/cluster/paced-check.ts";
import {
  authoritativeStream,
  localStream,
  openPacedCollection,
} from "../integration/cluster/paced-writes.ts";

const RUN = "killed";
const SECONDS_MAX = 120;
const AUTHORITATIVE_PER_SECOND = 10;
const KILLS = 2;

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("leader-killed");
  await openPacedCollection(bed);
});

afterAll(() => bed.stop());

function startLoad(): Promise<PacedLoad> {
  const options = { ratePerSecond: AUTHORITATIVE_PER_SECOND, secondsMax: SECONDS_MAX, run: RUN };
  const streams = bed.cluster.regions.flatMap((region) => [
    localStream(region, 50, RUN),
    authoritativeStream(region, options),
  ]);
  return PacedLoad.start({ streams, secondsMax: SECONDS_MAX });
}

/** By region: how many authoritative writes have succeeded so far. */
function countSuccesses(load: PacedLoad): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  load.onSecond((streams) => {
    for (const { region, class: name, succeeded } of streams) {
      if (name === "authoritative") counts.set(region, (counts.get(region) ?? 0) + succeeded);
    }
  });
  return counts;
}

/** Waits until every region has seen that many more of them succeed. */
async function untilEveryRegion(counts: ReadonlyMap<string, number>, more: number): Promise<void> {
  const before = new Map(counts);
  await eventually(`${more} more authoritative writes succeed in every region`, () =>
    bed.cluster.regions.every(({ name }) => (counts.get(name) ?? 0) - (before.get(name) ?? 0) >= more)
      ? true
      : undefined,
  );
}

it("costs no local write, and nobody is told a lie", async () => {
  const load = await startLoad();
  const counts = countSuccesses(load);
  await untilEveryRegion(counts, 10);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const server = await leaderOf(bed);
    await bed.cluster.killNats(server);
    // Its region's own writes go on meanwhile; two seconds of them are enough to see it.
    const atMs = load.elapsedMs();
    await eventually("two seconds have gone by", () => (load.elapsedMs() - atMs > 2_000 ? true : undefined));
    await bed.cluster.startNats(server);
    await untilEveryRegion(counts, 10);
  }
  const records = await load.stop();
  const local = figuresOf(records.filter((record) => record.class === "local"));
  expect(local.due).toBeGreaterThan(500);
  expect({ succeeded: local.succeeded, failures: local.failures }).toEqual({
    succeeded: local.due,
    failures: {},
  });
  const checked = await checkPaced(bed, { records, run: RUN });
  expect(checked.problems).toEqual([]);
  expect(checked.committed).toBeGreaterThan(60);

  // The check can fail: had these clients been told otherwise, it would say so.
  const toldOtherwise = records.map((record) => StreamRecord.from(record.toData()));
  for (const record of toldOtherwise) {
    const committed = Array.from({ length: record.count }, (_, number) => number);
    const number = committed.find((number) => record.outcome(number) === "succeeded")!;
    record.finish(number, { ...record.result(number), outcome: "refused" });
  }
  const { problems } = await checkPaced(bed, { records: toldOtherwise, run: RUN });
  // Each of three regions holds one write of each that was refused, and one counter to which all three first wrote.
  expect(problems.filter((problem) => problem.includes("was told refused"))).toHaveLength(9);
  expect(problems.filter((problem) => problem.includes("was acknowledged"))).toHaveLength(3);
});
