/**
 * `npm run bench -- bootstrap [--records N] [--writes N]`: how long a region takes that has lost its committed state, until it
 * holds again what the others do, while clients write in those.
 *
 * Three regions over the links of the default topology, with records and an operation each put straight into all databases.
 * One region is stopped, its committed state emptied (its WAL stays), and its process started with the order to load.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { LocalCluster } from "../../infra/local/cluster.ts";
import { openPostgresStore } from "../../services/adapters/postgres/store.ts";
import { uuidOf } from "../../services/core/operation-id.ts";
import { BOOTSTRAP_STAGES, type BootstrapStage } from "../../services/ports/bootstraps.ts";
import type { RegionStore } from "../../services/ports/region-store.ts";
import { putCollection, withCluster } from "./bench-cluster.ts";
import { positiveNumber, readOptions } from "./options.ts";
import { BENCH_COLLECTION, BENCH_FIELDS } from "./operations.ts";
import { progress, report, round } from "./report.ts";
import { Appender } from "./verify/folding.ts";
import { loadRows, withDatabase, writeTemplate } from "./verify/load-rows.ts";

const RECORDS = 1_000_000;
const WRITES_PER_SECOND = 2_000;
const EMPTIED = "ap";
const BAR_SECONDS = 90;
const READY_TIMEOUT_MS = 200_000;
const LOOK_EVERY_MS = 50;
const STORE_TIMEOUT_MS = 30_000;

export interface BootstrapBenchOptions {
  readonly records: number;
  readonly writes: number;
}

/** @throws {OptionError} */
export function readBootstrapOptions(words: readonly string[]): BootstrapBenchOptions {
  const { records, writes } = readOptions(words, ["records", "writes"]);
  return {
    records: Math.ceil(positiveNumber(records, "records", RECORDS)),
    writes: positiveNumber(writes, "writes", WRITES_PER_SECOND),
  };
}

export async function benchBootstrap(options: BootstrapBenchOptions): Promise<void> {
  await withCluster("regions/local.yaml", async (cluster) => {
    await putCollection(cluster.regions[0]!.url, BENCH_COLLECTION, BENCH_FIELDS);
    await writeTemplate(cluster);
    progress(`loading ${options.records} records with an operation each`);
    await loadRows(cluster, { first: 0, last: options.records - 1 });
    const stores = new Map<string, RegionStore>(
      cluster.regions.map(({ name, postgres }) => [
        name,
        openPostgresStore({ url: postgres.url, region: name, timeoutMs: STORE_TIMEOUT_MS }),
      ]),
    );
    try {
      await measure(cluster, stores, options);
    } finally {
      await Promise.all([...stores.values()].map((store) => store.close()));
    }
  });
}

async function measure(
  cluster: LocalCluster,
  stores: ReadonlyMap<string, RegionStore>,
  { records, writes }: BootstrapBenchOptions,
): Promise<void> {
  const { url } = cluster.region(EMPTIED).postgres;
  await cluster.stopRegion(EMPTIED);
  const limit = await insertAlike(url);
  await emptyState(url);
  const emptied = stores.get(EMPTIED)!;
  const id = uuidOf("bench", "bootstrap");
  await emptied.orderBootstrap({ partition: 0, id, reason: "a benchmark has emptied it" });
  const others = new Map([...stores].filter(([name]) => name !== EMPTIED));
  const load = new Appender(others, records);
  load.start(writes);
  progress(`${EMPTIED} loads its state, under ${writes} writes/s`);
  const startedAtMs = performance.now();
  // Longer than a start waits for a region to be ready.
  const starting = cluster.startRegion(EMPTIED).catch(() => undefined);
  const watched = await watch(cluster, emptied, startedAtMs);
  await starting;
  const seconds = (performance.now() - startedAtMs) / 1_000;
  await load.stop();
  const loading = watched.reached.folding! - watched.reached.loading!;
  report("bootstrap", {
    records,
    operations: watched.operations,
    writes_per_second: Math.round(load.appended / seconds),
    seconds_to_begin_loading: round(watched.reached.loading!),
    seconds_to_loaded: round(watched.reached.folding!),
    seconds_to_folded: round(watched.reached.verifying!),
    seconds_to_ready: round(watched.ready),
    bar_seconds: BAR_SECONDS,
    rows_per_second: Math.round(watched.rows / loading),
    inserted_locally_rows_per_second: Math.round(limit),
    ratio_to_local_insert: round(watched.rows / loading / limit),
  });
  if (watched.ready > BAR_SECONDS) progress(`slower than the bar of ${BAR_SECONDS} s`);
}

interface Watched {
  /** Seconds at which each stage was entered, or a later one. */
  readonly reached: Partial<Record<BootstrapStage, number>>;
  readonly ready: number;
  readonly rows: number;
  readonly operations: number;
}

/** @throws where the region does not become ready. */
async function watch(cluster: LocalCluster, store: RegionStore, startedAtMs: number): Promise<Watched> {
  const reached: Partial<Record<BootstrapStage, number>> = {};
  let [rows, operations] = [0, 0];
  for (;;) {
    const seconds = (performance.now() - startedAtMs) / 1_000;
    if (seconds * 1_000 > READY_TIMEOUT_MS) throw new Error(`not ready within ${seconds} s`);
    const [bootstrap] = await store.readBootstraps();
    const last =
      bootstrap === undefined ? BOOTSTRAP_STAGES.length - 1 : BOOTSTRAP_STAGES.indexOf(bootstrap.stage);
    for (const stage of BOOTSTRAP_STAGES.slice(0, last + 1)) reached[stage] ??= seconds;
    if (bootstrap?.source !== undefined) {
      const { counts } = bootstrap.source;
      operations = counts.operations;
      rows = counts.records + counts.operations + counts.conflicts;
    }
    if (bootstrap === undefined && (await isReady(cluster)))
      return { reached, ready: (performance.now() - startedAtMs) / 1_000, rows, operations };
    await sleep(LOOK_EVERY_MS);
  }
}

async function isReady(cluster: LocalCluster): Promise<boolean> {
  try {
    const { ok } = await fetch(`${cluster.region(EMPTIED).url}/readyz`, {
      signal: AbortSignal.timeout(1_000),
    });
    return ok;
  } catch {
    return false;
  }
}

/** All that was folded; the WAL stays. */
async function emptyState(url: string): Promise<void> {
  await withDatabase(url, (client) =>
    client.query("truncate records, operations, conflicts, origins, collections, applied, trim_marks"),
  );
}

/** The same rows into tables with the same indexes, by one statement each: about the fastest that they can be had. @returns rows/s */
async function insertAlike(url: string): Promise<number> {
  return withDatabase(url, async (client) => {
    const startedAtMs = performance.now();
    let rows = 0;
    for (const table of ["records", "operations"]) {
      await client.query(`create table bench_${table} (like ${table} including all)`);
      rows += (await client.query(`insert into bench_${table} select * from ${table}`)).rowCount ?? 0;
    }
    const seconds = (performance.now() - startedAtMs) / 1_000;
    await client.query("drop table bench_records, bench_operations");
    return rows / seconds;
  });
}
