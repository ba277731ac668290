/**
 * `npm run bench fold`: operations/s that one applier folds from a real log into a real PostgreSQL.
 *
 * Limits of the same run: the pure fold in memory, and the rows that PostgreSQL takes in bare upserts of 1,024.
 */
import pg from "pg";
import type { RegionView } from "../../infra/local/cluster-options.ts";
import { openJetStreamLog } from "../../services/adapters/jetstream/log.ts";
import { openPostgresStore } from "../../services/adapters/postgres/store.ts";
import { SystemClock } from "../../services/adapters/system/clock.ts";
import { SystemRandom } from "../../services/adapters/system/random.ts";
import { Applier } from "../../services/applier/applier.ts";
import { foldEntries } from "../../services/core/fold/fold.ts";
import { initialPartitionState } from "../../services/core/fold/state.ts";
import { chain, ZERO_HASH } from "../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../services/core/hlc.ts";
import { uuidOf } from "../../services/core/operation-id.ts";
import {
  decodeEntry,
  encodeBatch,
  encodeEntry,
  encodeOperation,
} from "../../services/protocol/entry-codec.ts";
import { silentLogger } from "../../services/runtime/logger.ts";
import { AppendSignal } from "../../services/runtime/append-signal.ts";
import { FoldFeed } from "../../services/runtime/fold-feed.ts";
import { silentMetrics } from "../simulation/metrics.ts";
import { withCluster } from "./bench-cluster.ts";
import { benchOperation } from "./operations.ts";
import { cpuMicroseconds } from "./processes.ts";
import { progress, report, round } from "./report.ts";

const OPERATIONS = 200_000;
const KEYS = 50_000;
const ROWS_PER_BATCH = 512;
const UPSERT_ROWS = 1_024;
const PUBLISH_WINDOW = 16;

export async function benchFold(): Promise<void> {
  const entries = makeEntries();
  const bytes = entries.reduce((sum, entry) => sum + entry.length, 0);
  const inMemory = foldInMemory(entries);
  await withCluster("test/bench/topology.yaml", async (cluster) => {
    const region = cluster.region("eu");
    await cluster.stopRegion("eu");
    const upserts = await bareUpserts(region.postgres.url);
    const { rate: folded, cpu } = await foldForReal({ entries, region: cluster.region("eu") });
    report("fold", {
      operations: OPERATIONS,
      operations_per_second: Math.round(folded),
      ...cpu,
      bytes_per_operation: Math.round(bytes / OPERATIONS),
      fold_in_memory_per_second: Math.round(inMemory),
      bare_upserts_per_second: Math.round(upserts),
      ratio_to_memory: round(folded / inMemory),
      ratio_to_upserts: round(folded / upserts),
    });
  });
}

/** The genesis is the cluster's own; batches follow it. */
function makeEntries(): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let previous = ZERO_HASH;
  for (let first = 1; first <= OPERATIONS; first += ROWS_PER_BATCH) {
    const last = Math.min(first + ROWS_PER_BATCH - 1, OPERATIONS);
    const lines = Array.from({ length: last - first + 1 }, (_, index) => operationLine(first + index));
    entries.push(encodeBatch({ origin: "eu", epoch: 1_000, first, last, previous }, lines));
    for (const line of lines) previous = chain(previous, line);
  }
  return entries;
}

function operationLine(sequence: number): string {
  const operation = benchOperation({ number: sequence, keys: KEYS });
  return encodeOperation({
    ...operation,
    hlc: hlcFromMilliseconds(1_700_000_000_000 + sequence),
    seen: 0,
  });
}

function foldInMemory(entries: readonly Uint8Array[]): number {
  const genesis = encodeEntry({
    kind: "genesis",
    cluster: uuidOf("bench"),
    partition: 0,
    partitions: 1,
    members: ["eu"],
  });
  const startedAtMs = performance.now();
  const ordered = [genesis, ...entries].map((data, index) => ({
    position: index + 1,
    storedAtMs: 1,
    ...decodeEntry(data),
  }));
  const slice = { records: new Map(), operations: new Map<string, number>() };
  foldEntries({ state: initialPartitionState(0), slice, entries: ordered });
  return (OPERATIONS * 1_000) / (performance.now() - startedAtMs);
}

async function bareUpserts(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("create table bare_upserts (key text primary key, fields jsonb not null)");
    const fields = JSON.stringify({
      name: { kind: "lww", value: "Ada Lovelace" },
      likes: { kind: "counter", sum: 1 },
    });
    const startedAtMs = performance.now();
    for (let first = 0; first < OPERATIONS; first += UPSERT_ROWS) {
      const keys = Array.from(
        { length: UPSERT_ROWS },
        (_, index) => `key-${((first + index) * 7_919) % KEYS}`,
      );
      await client.query({
        name: "upsert",
        text: `insert into bare_upserts select key, $2::jsonb from unnest($1::text[]) as key
               on conflict (key) do update set fields = excluded.fields`,
        values: [keys, fields],
      });
    }
    return (OPERATIONS * 1_000) / (performance.now() - startedAtMs);
  } finally {
    await client.query("drop table if exists bare_upserts");
    await client.end();
  }
}

async function foldForReal(options: {
  entries: readonly Uint8Array[];
  region: RegionView;
}): Promise<{ rate: number; cpu: CpuFigures }> {
  const { postgres, nats } = options.region;
  const store = openPostgresStore({ url: postgres.url, region: "eu" });
  const log = await openJetStreamLog({ url: nats.url, region: "eu", streamReplicas: 1 });
  try {
    progress(`publishing ${options.entries.length} entries`);
    await publishAll(log, options.entries);
    const { lastPosition } = await log.inspect(0);
    const stop = new AbortController();
    const folded = new FoldFeed();
    const clock = new SystemClock();
    const ports = {
      store,
      log,
      clock,
      random: new SystemRandom(),
      logger: silentLogger,
      metrics: silentMetrics,
      appended: new AppendSignal(),
      folded,
    };
    const names = { region: "eu", partition: 0, partitions: 1, members: ["eu"] };
    const applier = new Applier({
      ...ports,
      ...names,
      software: "bench",
      crashPoints: { reach: () => undefined },
    });
    progress("folding");
    const cpuOf = () => ({
      node: process.cpuUsage(),
      postgres: cpuMicroseconds(postgres.pid),
      nats: cpuMicroseconds(nats.pid),
    });
    const before = cpuOf();
    const startedAtMs = performance.now();
    const running = applier.run(stop.signal);
    while ((await store.readPositions(0)).position < lastPosition)
      await folded.wait({ clock, timeoutMs: 100 });
    const rate = (OPERATIONS * 1_000) / (performance.now() - startedAtMs);
    const after = cpuOf();
    stop.abort();
    await running;
    const { origins } = await store.readPositions(0);
    if (origins["eu"]?.watermark !== OPERATIONS)
      throw new Error(`folded ${origins["eu"]?.watermark} of ${OPERATIONS}`);
    const microsecondsEach = (spent: (one: typeof before) => number) =>
      round((spent(after) - spent(before)) / OPERATIONS, 1);
    const cpu = {
      cpu_microseconds_node: microsecondsEach((one) => one.node.user + one.node.system),
      cpu_microseconds_postgres: microsecondsEach((one) => one.postgres),
      cpu_microseconds_nats: microsecondsEach((one) => one.nats),
    };
    return { rate, cpu };
  } finally {
    await log.close();
    await store.close();
  }
}

/** Per operation. Wall-clock time is at the mercy of a shared machine; what was computed is much less so. */
interface CpuFigures {
  readonly cpu_microseconds_node: number;
  readonly cpu_microseconds_postgres: number;
  readonly cpu_microseconds_nats: number;
}

async function publishAll(
  log: {
    publish(request: {
      partition: number;
      origin: string;
      data: Uint8Array;
      timeoutMs: number;
    }): Promise<unknown>;
  },
  entries: readonly Uint8Array[],
): Promise<void> {
  // A window may reorder, and the fold refuses what comes too early: entries go one window after the other, in order.
  for (let first = 0; first < entries.length; first += PUBLISH_WINDOW) {
    const window = entries.slice(first, first + PUBLISH_WINDOW);
    await Promise.all(
      window.map((data) => log.publish({ partition: 0, origin: "eu", data, timeoutMs: 10_000 })),
    );
  }
}
