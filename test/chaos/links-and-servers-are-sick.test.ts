/**
 * A cut in one direction, servers that accept and never answer, resets, jitter: for some seconds each, under writes in every
 * region. Local writes go on wherever there is a database, nothing hangs beyond its deadline, nobody is told a lie.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { figuresOf } from "../../infra/load/figures.ts";
import { PacedLoad } from "../../infra/load/paced-load.ts";
import type { StreamRecord } from "../../infra/load/record.ts";
import { eventually, leaderOf, startBed, type Bed } from "../integration/cluster/bed.ts";
import { checkPaced } from "../integration/cluster/paced-check.ts";
import {
  authoritativeStream,
  localStream,
  openPacedCollection,
} from "../integration/cluster/paced-writes.ts";
import { SICKNESSES } from "../integration/cluster/sicknesses.ts";

const RUN = "sick";
const SECONDS_MAX = 240;
const SICK_MS = 5_000;
const TIMEOUT_MS = 30_000;

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("sick");
  await openPacedCollection(bed);
});

afterAll(() => bed.stop());

function startLoad(): Promise<PacedLoad> {
  const options = { ratePerSecond: 10, secondsMax: SECONDS_MAX, run: RUN };
  const streams = bed.cluster.regions.flatMap((region) => [
    { ...localStream(region, 30, RUN), timeoutMs: TIMEOUT_MS },
    { ...authoritativeStream(region, options), timeoutMs: TIMEOUT_MS },
  ]);
  return PacedLoad.start({ streams, secondsMax: SECONDS_MAX });
}

/** By stream: how many have succeeded so far. */
function countSuccesses(load: PacedLoad): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  load.onSecond((streams) => {
    for (const { region, class: name, succeeded } of streams) {
      counts.set(`${region} ${name}`, (counts.get(`${region} ${name}`) ?? 0) + succeeded);
    }
  });
  return counts;
}

/** Failures of local writes that were due in a window, by region, of those whose database was there. */
function failuresOf(
  records: readonly StreamRecord[],
  window: { fromMs: number; toMs: number; withoutDatabase: string | undefined },
) {
  const local = records.filter(
    ({ region, class: name }) => name === "local" && region !== window.withoutDatabase,
  );
  return figuresOf(local, window).failures;
}

it("local writes go on, nothing hangs, and nobody is told a lie", async () => {
  const load = await startLoad();
  const counts = countSuccesses(load);
  const untilAllSucceed = () => {
    const before = new Map(counts);
    return eventually("writes of both kinds succeed in every region", () =>
      before.size > 0 && [...before].every(([name, count]) => counts.get(name)! - count >= 10)
        ? true
        : undefined,
    );
  };
  await eventually("all streams have begun", () => (counts.size === 6 ? true : undefined));
  const windows = [];
  for (const sickness of SICKNESSES) {
    await untilAllSucceed();
    const led = await leaderOf(bed);
    const withoutDatabase = sickness.isDatabaseOf?.(bed.cluster, led);
    const fromMs = load.elapsedMs();
    await sickness.begin(bed.cluster, led);
    await eventually("it was sick for a while", () =>
      load.elapsedMs() - fromMs > SICK_MS ? true : undefined,
    );
    await bed.cluster.faults.healAll();
    windows.push({ name: sickness.name, withoutDatabase, fromMs, toMs: load.elapsedMs() });
  }
  await untilAllSucceed();
  const records = await load.stop();
  expect(windows.map(({ name, ...window }) => [name, failuresOf(records, window)])).toEqual(
    SICKNESSES.map(({ name }) => [name, {}]),
  );
  expect(figuresOf(records).failures["timeout"]).toBeUndefined();
  const checked = await checkPaced(bed, { records, run: RUN });
  expect(checked.problems).toEqual([]);
  expect(checked.committed).toBeGreaterThan(60);
});
