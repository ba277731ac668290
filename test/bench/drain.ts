/**
 * `npm run bench -- drain [--operations N] [--spread] [--quiet]`: a backlog in the WAL goes out while clients go on writing.
 *
 * Three regions over the links of the default topology. The servers of two regions stop, so the log has no quorum; the
 * backlog is appended straight to the WAL of one region (or a third to each, with `--spread`), through the store's own
 * append; the servers come back. Measured from the return of the log's leader until all regions have folded everything.
 */
import type { LocalCluster } from "../../infra/local/cluster.ts";
import { waitFor } from "../../infra/local/wait.ts";
import { openJetStreamLog } from "../../services/adapters/jetstream/log.ts";
import { openPostgresStore } from "../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../services/ports/region-store.ts";
import { chainsAtOnePosition, digests } from "../integration/cluster/bed.ts";
import { putCollection, withCluster } from "./bench-cluster.ts";
import { DrainWatch } from "./drain-watch.ts";
import { positiveNumber, readOptions } from "./options.ts";
import { BENCH_COLLECTION, BENCH_FIELDS, benchOperation } from "./operations.ts";
import { progress, report, round } from "./report.ts";
import { SideLoad } from "./side-load.ts";

const OPERATIONS = 1_000_000;
const KEYS = 50_000;
const APPEND_OPERATIONS = 1_024;
const PENDING_ROWS_MAX = 10_000_000;
const PENDING_BYTES_MAX = 8 * 1024 ** 3;
const LOCAL_PER_SECOND = 50;
const DECIDED_PER_SECOND = 5;
const LEADER_TIMEOUT_MS = 60_000;
const DRAIN_TIMEOUT_MS = 15 * 60_000;
const SETTLE_TIMEOUT_MS = 60_000;
/** Its server goes on; with the others away it is no quorum. */
const LONE_SERVER = "eu";

export interface DrainOptions {
  readonly operations?: number | undefined;
  /** Over all regions, each with keys of its own, instead of one region. */
  readonly isSpread?: boolean | undefined;
  /** Without clients, whose share of the processor depends on how long the drain takes. */
  readonly isQuiet?: boolean | undefined;
}

/** @throws {OptionError} */
export function readDrainOptions(words: readonly string[]): DrainOptions {
  const { operations, spread, quiet } = readOptions(words, ["operations"], ["spread", "quiet"]);
  return {
    operations: Math.ceil(positiveNumber(operations, "operations", OPERATIONS)),
    isSpread: spread ?? false,
    isQuiet: quiet ?? false,
  };
}

export async function benchDrain(options: DrainOptions = {}): Promise<void> {
  const { operations = OPERATIONS, isSpread = false, isQuiet = false } = options;
  await withCluster("regions/local.yaml", async (cluster) => {
    await putCollection(cluster.region(LONE_SERVER).url, BENCH_COLLECTION, BENCH_FIELDS);
    const stores = new Map<string, RegionStore>(
      cluster.regions.map(({ name, postgres }) => [
        name,
        openPostgresStore({ url: postgres.url, region: name, timeoutMs: 30_000 }),
      ]),
    );
    try {
      await knownEverywhere(stores);
      const origins = isSpread ? [...stores.keys()] : [LONE_SERVER];
      await drain(cluster, { stores, origins, operations, isQuiet });
    } finally {
      await Promise.all([...stores.values()].map((store) => store.close()));
    }
  });
}

async function knownEverywhere(stores: ReadonlyMap<string, RegionStore>): Promise<void> {
  const isKnown = async () => {
    const all = await Promise.all([...stores.values()].map((store) => store.readCollections(0)));
    return all.every((collections) => collections.length > 0) || undefined;
  };
  await waitFor(isKnown, { what: "collection in every region", timeoutMs: SETTLE_TIMEOUT_MS });
}

interface Backlog {
  readonly stores: ReadonlyMap<string, RegionStore>;
  readonly origins: readonly string[];
  readonly operations: number;
  readonly isQuiet: boolean;
}

async function drain(cluster: LocalCluster, backlog: Backlog): Promise<void> {
  const { stores, origins, operations, isQuiet } = backlog;
  const others = [...stores.keys()].filter((name) => name !== LONE_SERVER);
  const local = isQuiet
    ? []
    : sideLoads(cluster, { perSecond: LOCAL_PER_SECOND, body: { inc: { likes: 1 } } });
  const decided = isQuiet
    ? []
    : sideLoads(cluster, { perSecond: DECIDED_PER_SECOND, body: { inc: { credit: 1 } } });
  for (const name of others) await cluster.stopNats(name);
  const appendedPerSecond = await append(backlog);
  for (const load of local) load.start();
  for (const name of others) await cluster.startNats(name);
  await untilLed(cluster);
  progress("the log has a leader");
  const watch = new DrainWatch({ cluster, stores, origins, operations });
  watch.start();
  for (const load of decided) load.start();
  await waitFor(() => watch.isDrained || undefined, {
    what: "end of the drain",
    timeoutMs: DRAIN_TIMEOUT_MS,
  });
  await Promise.all([...local, ...decided].map((load) => load.stop()));
  report("drain", {
    operations,
    origins: origins.length,
    appended_per_second: Math.round(appendedPerSecond),
    ...watch.figures(),
    local_writes: summary(local),
    decided_writes: summary(decided),
    decided_p50_ms: Object.fromEntries(
      cluster.regions.map(({ name }, index) => [name, summary(decided.slice(index, index + 1)).p50_ms]),
    ),
    ...(await agreement(stores)),
  });
}

function sideLoads(cluster: LocalCluster, options: { perSecond: number; body: object }): SideLoad[] {
  const { perSecond, body } = options;
  return cluster.regions.map(
    ({ name, url }) =>
      new SideLoad({
        url,
        perSecond,
        method: "PATCH",
        path: (number) => `/v1/collections/${BENCH_COLLECTION}/records/side-${name}-${number % 100}`,
        body: JSON.stringify(body),
      }),
  );
}

async function append({ stores, origins, operations }: Backlog): Promise<number> {
  progress(`appending ${operations} operations`);
  const startedAtMs = performance.now();
  await Promise.all(
    origins.map(async (name, rank) => {
      const store = stores.get(name)!;
      const numbers = Array.from(
        { length: Math.ceil((operations - rank) / origins.length) },
        (_, index) => rank + index * origins.length,
      );
      for (let from = 0; from < numbers.length; from += APPEND_OPERATIONS) {
        const some = numbers.slice(from, from + APPEND_OPERATIONS);
        await store.append({
          partition: 0,
          operations: some.map((number) => benchOperation({ number, keys: KEYS, prefix: `key-${name}` })),
          nowMs: Date.now(),
          pendingRowsMax: PENDING_ROWS_MAX,
          pendingBytesMax: PENDING_BYTES_MAX,
        });
      }
    }),
  );
  return (operations * 1_000) / (performance.now() - startedAtMs);
}

/** Asks through a connection of its own, whose server has been there all the time. */
async function untilLed(cluster: LocalCluster): Promise<void> {
  const { nats } = cluster.region(LONE_SERVER);
  const log = await openJetStreamLog({ url: nats.url, region: LONE_SERVER, streamReplicas: 3 });
  try {
    await waitFor(async () => (await log.leadership(0)).leader, {
      what: "leader of the log",
      timeoutMs: LEADER_TIMEOUT_MS,
    });
  } finally {
    await log.close();
  }
}

function summary(loads: readonly SideLoad[]): { readonly p50_ms: number; readonly [name: string]: unknown } {
  const sorted = loads.flatMap((load) => load.latenciesMs).toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const statuses = new Map<number, number>();
  for (const load of loads) {
    for (const [status, count] of load.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count);
  }
  return {
    statuses: Object.fromEntries(statuses),
    p50_ms: round(at(0.5) ?? Number.NaN, 1),
    p99_ms: round(at(0.99) ?? Number.NaN, 1),
    max_ms: round(sorted.at(-1) ?? Number.NaN, 1),
  };
}

/** Whether all regions have folded all WALs to their ends, and hold the same. */
async function agreement(stores: ReadonlyMap<string, RegionStore>): Promise<Record<string, boolean>> {
  const heads = new Map<string, number>();
  for (const [name, store] of stores) heads.set(name, (await store.walHead(0)).sequence);
  await waitFor(
    async () => {
      const all = await Promise.all([...stores.values()].map((store) => store.readPositions(0)));
      const isDone = all.every(({ origins }) =>
        [...heads].every(([name, head]) => origins[name]?.watermark === head),
      );
      return isDone || undefined;
    },
    { what: "watermark at the head of each WAL", timeoutMs: SETTLE_TIMEOUT_MS },
  );
  const chains = await chainsAtOnePosition(stores, 0);
  const rows = await digests(stores, 0);
  return {
    watermarks_at_heads: true,
    chains_equal: new Set(chains).size === 1,
    digests_equal: new Set(rows).size === 1,
  };
}
