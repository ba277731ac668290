/**
 * `npm run bench -- verify [--records N] [--drifted N] [--rate N] [--only match|folding]`: what it costs to prove that three regions hold the same.
 * With `--chaos [--verifications N] [--seconds N]`: whether what is said is true (`chaos.ts`).
 *
 * A real cluster whose databases hold the same records, an operation each, loaded by SQL. All three regions digest at once
 * on this machine's processors; besides the wall-clock time each region's own scan is told, and next to it in the same run
 * a bare scan that hashes each row once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { putCollection, withCluster } from "../bench-cluster.ts";
import { BENCH_COLLECTION, BENCH_FIELDS } from "../operations.ts";
import { positiveNumber, readOptions } from "../options.ts";
import { median, progress, report, round } from "../report.ts";
import { benchVerdicts } from "./chaos.ts";
import { plantDrift, spreadDrift } from "./drift.ts";
import {
  Appender,
  compareWindows,
  foldedDuring,
  foldedIn,
  untilFolded,
  type Stores,
  type Window,
} from "./folding.ts";
import { bareScans, loadRows, writeTemplate } from "./load-rows.ts";
import { MeasuredCoordinator, type MeasuredVerification } from "./measured-coordinator.ts";

const RECORDS = 1_000_000;
const DRIFTED = 1_000;
const STEADY_PER_SECOND = 2_000;
const TOPOLOGY = "test/integration/topologies/one-partition.yaml";
/** Nobody verifies but this program. */
const ENVIRONMENT = { FOREBAY_VERIFY_EVERY_SECONDS: "0" };
/** Verifications of one measurement. */
const ROUNDS = 3;
const ALONE_MS = 6_000;
const REGION_THAT_DRIFTS = "us";
/** What a saturated fold has to do at first; with none left in the end it would not be saturated. */
const BACKLOG_OPERATIONS = 1_000_000;
const STORE_TIMEOUT_MS = 30_000;
const VERIFICATIONS = 200;
const CHAOS_SECONDS = 240;

/** `match` is followed by drift, on the same records. */
const PARTS: readonly string[] = ["match", "folding"];

interface VerifyOptions {
  readonly records: number;
  readonly drifted: number;
  readonly ratePerSecond: number;
  /** One of `PARTS`; default all. */
  readonly only: string | undefined;
}

export async function benchVerify(words: readonly string[]): Promise<void> {
  const names = ["records", "drifted", "rate", "verifications", "seconds"] as const;
  const { chaos = false, only, ...texts } = readOptions(words, [...names, "only"], ["chaos"]);
  if (only !== undefined && !PARTS.includes(only))
    throw new Error(`--only takes ${PARTS.join(" or ")}, and not "${only}"`);
  const number = (name: (typeof names)[number], byDefault: number) =>
    Math.ceil(positiveNumber(texts[name], name, byDefault));
  const options = {
    records: number("records", RECORDS),
    drifted: number("drifted", DRIFTED),
    ratePerSecond: number("rate", STEADY_PER_SECOND),
    only,
  };
  const limits = {
    verifications: number("verifications", VERIFICATIONS),
    secondsMax: number("seconds", CHAOS_SECONDS),
  };
  const measuring = async (parts: Measured) =>
    chaos ? benchVerdicts(parts, limits) : measure({ ...parts, options });
  await withCluster(TOPOLOGY, (cluster) => withCoordinator(cluster, measuring), ENVIRONMENT);
}

interface Measured {
  readonly cluster: LocalCluster;
  readonly coordinator: MeasuredCoordinator;
  readonly stores: Stores;
}

async function withCoordinator(
  cluster: LocalCluster,
  use: (parts: Measured) => Promise<void>,
): Promise<void> {
  await putCollection(cluster.regions[0]!.url, BENCH_COLLECTION, BENCH_FIELDS);
  const coordinator = await MeasuredCoordinator.start(cluster);
  const stores: Stores = new Map<string, RegionStore>(
    cluster.regions.map(({ name, postgres }) => [
      name,
      openPostgresStore({ url: postgres.url, region: name, timeoutMs: STORE_TIMEOUT_MS }),
    ]),
  );
  try {
    await use({ cluster, coordinator, stores });
  } finally {
    await coordinator.close();
    await Promise.all([...stores.values()].map((store) => store.close()));
  }
}

async function measure(parts: Measured & { readonly options: VerifyOptions }): Promise<void> {
  await writeTemplate(parts.cluster);
  const { only, records } = parts.options;
  if (only === "folding") await loadRows(parts.cluster, { first: 0, last: records - 1 });
  else {
    await measureMatches(parts);
    await measureDrift(parts);
  }
  if (only !== "match") await measureFolding(parts);
}

interface Measuring {
  readonly cluster: LocalCluster;
  readonly coordinator: MeasuredCoordinator;
  readonly options: VerifyOptions;
}

/** With a quarter of the records first: what one more record costs, tells how the cost grows. */
async function measureMatches({ cluster, coordinator, options: { records } }: Measuring): Promise<void> {
  const quarter = Math.ceil(records / 4);
  progress(`loading ${records} records with an operation each`);
  await loadRows(cluster, { first: 0, last: quarter - 1 });
  const small = await verifyRepeatedly(coordinator);
  await loadRows(cluster, { first: quarter, last: records - 1 });
  progress("verifying");
  const large = await verifyRepeatedly(coordinator);
  await bareScans(cluster);
  const bare = await bareScans(cluster);
  const slowest = Math.max(...Object.values(bare));
  report("verify.match", {
    records,
    ...large.figures,
    bare_scan_seconds: Object.fromEntries(Object.entries(bare).map(([name, time]) => [name, round(time)])),
    ratio_to_bare_scan: round(large.seconds / slowest),
  });
  report("verify.linear", {
    records: [quarter, records],
    seconds: [round(small.seconds), round(large.seconds)],
    microseconds_per_record: [microseconds(small.seconds, quarter), microseconds(large.seconds, records)],
    microseconds_per_further_record: microseconds(large.seconds - small.seconds, records - quarter),
    bytes_between_regions: [small.figures.bytes_between_regions, large.figures.bytes_between_regions],
  });
}

function microseconds(seconds: number, records: number): number {
  return round((seconds * 1_000_000) / records);
}

/** The one in the middle of several that match. @throws where one does not. */
async function verifyRepeatedly(coordinator: MeasuredCoordinator): Promise<MeasuredVerification> {
  const all: MeasuredVerification[] = [];
  for (let turn = 0; turn < ROUNDS; turn += 1) all.push(await verifyMatch(coordinator));
  const middle = median(all.map(({ seconds }) => seconds));
  return all.find(({ seconds }) => seconds === middle)!;
}

async function verifyMatch(coordinator: MeasuredCoordinator): Promise<MeasuredVerification> {
  const measured = await coordinator.verify();
  const { verdict, reason } = measured.verification;
  if (verdict !== "match") throw new Error(`the regions should match, but: ${verdict}, ${reason}`);
  return measured;
}

async function measureDrift({ cluster, coordinator, options }: Measuring): Promise<void> {
  const { drifted, records } = options;
  progress(`${drifted} rows drift`);
  const keys = await plantDrift(cluster.region(REGION_THAT_DRIFTS), spreadDrift({ rows: drifted, records }));
  const found = await coordinator.verify();
  const { id, verdict, reason, differences } = found.verification;
  const held = differences.sample.map(({ key }) => key);
  if (verdict !== "diverged" || JSON.stringify(held) !== JSON.stringify(keys))
    throw new Error(`the drift should be found, but: ${verdict}, ${reason}`);
  const startedAtMs = performance.now();
  const request = { verification: id, isDryRun: false, reason: "planted by a benchmark" };
  const repaired = await coordinator.reconciler.repair(request);
  const repairSeconds = (performance.now() - startedAtMs) / 1_000;
  const again = await verifyMatch(coordinator);
  const digests = new Set(again.verification.regions.map(({ digest }) => digest));
  report("verify.drift", {
    records,
    drifted: keys.length,
    repaired: repaired.records,
    seconds: round(found.seconds + repairSeconds + again.seconds),
    found: found.figures,
    repair_seconds: round(repairSeconds),
    verified_again: again.figures,
    digests_equal: digests.size === 1,
  });
}

async function measureFolding(input: {
  coordinator: MeasuredCoordinator;
  stores: Stores;
  options: VerifyOptions;
}): Promise<void> {
  const { coordinator, stores, options } = input;
  const appender = new Appender(stores, options.records);
  const before = Math.min(...(await foldedIn(stores)));
  const measuring = { coordinator, stores, appended: () => before + appender.appended };
  progress(`folding ${options.ratePerSecond} operations/s`);
  appender.start(options.ratePerSecond);
  await sleep(ALONE_MS);
  const rate = { appended_per_second: options.ratePerSecond };
  report("verify.folding-steady", { ...rate, ...(await measureSlowing({ ...measuring, rounds: ROUNDS })) });
  await appender.stop();
  progress(`folding a backlog of ${BACKLOG_OPERATIONS} operations`);
  await appender.appendAll(BACKLOG_OPERATIONS);
  const slowing = await measureSlowing({ ...measuring, rounds: ROUNDS });
  const left = measuring.appended() - Math.min(...(await foldedIn(stores)));
  report("verify.folding-saturated", { ...slowing, operations_left: left });
  await untilFolded(stores, measuring.appended());
}

/** In turns, so that whatever else the machine does falls on both. */
async function measureSlowing(measuring: {
  coordinator: MeasuredCoordinator;
  stores: Stores;
  appended: () => number;
  rounds: number;
}): Promise<object> {
  const { coordinator, stores, appended, rounds } = measuring;
  const alone: Window[] = [];
  const verifying: Window[] = [];
  const seconds: number[] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    alone.push(await foldedDuring(stores, () => sleep(ALONE_MS), appended));
    const verify = async () => seconds.push((await verifyMatch(coordinator)).seconds);
    verifying.push(await foldedDuring(stores, verify, appended));
  }
  alone.push(await foldedDuring(stores, () => sleep(ALONE_MS), appended));
  return { ...compareWindows(alone, verifying), verification_seconds: round(median(seconds)) };
}
