/** A whole cluster for a test file: real nats-servers, real PostgreSQL, region processes as `forebay up` starts them. */
import { join } from "node:path";
import { migrateDatabase } from "../../../services/adapters/postgres/migrate.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { addToDigest, digestText, EMPTY_DIGEST } from "../../../services/core/digest.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { LocalCluster } from "../../../infra/local/cluster.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";

export interface Bed {
  readonly cluster: LocalCluster;
  readonly partitions: number;
  stop(): Promise<void>;
}

export interface LocalBed extends Bed {
  /** Of the cluster's data. */
  readonly folder: string;
}

/** Where nobody is asked for credentials. @param environment added to that of every region process. */
export function startBed(
  purpose: string,
  partitions: 1 | 4 = 1,
  environment: Readonly<Record<string, string>> = {},
): Promise<LocalBed> {
  return start({ purpose, partitions, environment, authentication: "off" });
}

/** One whose regions ask for credentials; `cluster.key` may do everything. */
export function startGuardedBed(
  purpose: string,
  partitions: 1 | 4 = 1,
  environment: Readonly<Record<string, string>> = {},
): Promise<LocalBed> {
  return start({ purpose, partitions, environment, authentication: "on" });
}

interface StartOptions {
  readonly purpose: string;
  readonly partitions: 1 | 4;
  readonly environment: Readonly<Record<string, string>>;
  readonly authentication: "on" | "off";
}

async function start({ purpose, partitions, ...options }: StartOptions): Promise<LocalBed> {
  const folder = makeTemporaryFolder(purpose);
  const name = partitions === 1 ? "one-partition" : "four-partitions";
  try {
    const cluster = await LocalCluster.start({
      dataFolder: folder.path,
      topology: join(packageRoot(), `test/integration/topologies/${name}.yaml`),
      portBase: 0,
      migrate: migrateDatabase,
      logLevel: "info",
      ...options,
    });
    const stop = async () => {
      await cluster.stop();
      folder.remove();
    };
    return { cluster, partitions, folder: folder.path, stop };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

/** Polls until the condition holds. @throws after the limit, saying what was waited for and what was seen last. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  limitMs = 60_000,
): Promise<T> {
  const untilMs = performance.now() + limitMs;
  let problem: unknown;
  while (performance.now() < untilMs) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      problem = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${limitMs} ms: ${what}`, { cause: problem });
}

/** The region whose nats-server leads the log, as most servers say: a region's own view of it may be some seconds old. */
export function leaderOf(bed: Bed, partition = 0): Promise<string> {
  return eventually("the log has a leader", () => bed.cluster.faults.leader(partition));
}

/** Opens each region's database directly, to look at it from outside. */
export async function withStores<T>(
  bed: Bed,
  look: (stores: ReadonlyMap<string, RegionStore>) => Promise<T>,
): Promise<T> {
  const stores = new Map(
    bed.cluster.regions.map(({ name, postgres }) => [
      name,
      openPostgresStore({ url: postgres.url, region: name }),
    ]),
  );
  try {
    return await look(stores);
  } finally {
    await Promise.all([...stores.values()].map((store) => store.close()));
  }
}

/** Waits until every region has folded what any region's WAL holds. */
export async function converged(bed: Bed, stores: ReadonlyMap<string, RegionStore>): Promise<void> {
  for (let partition = 0; partition < bed.partitions; partition += 1) {
    await eventually(`partition ${partition} has converged`, async () => {
      const heads = await Promise.all(
        [...stores].map(async ([name, store]) => [name, await store.walHead(partition)] as const),
      );
      for (const [name, store] of stores) {
        const { origins } = await store.readPositions(partition);
        for (const [origin, head] of heads) {
          if ((origins[origin]?.watermark ?? -1) < head.sequence) {
            throw new Error(
              `${name} has folded ${origins[origin]?.watermark} of ${head.sequence} of ${origin}`,
            );
          }
        }
      }
      return true;
    });
  }
}

/** The digest of a partition's rows in each region; nothing may be written meanwhile. */
export async function digests(
  stores: ReadonlyMap<string, RegionStore>,
  partition: number,
): Promise<string[]> {
  return Promise.all(
    [...stores.values()].map(async (store) => {
      let digest = EMPTY_DIGEST;
      for await (const { records } of store.scanRecords(partition))
        digest = records.reduce(addToDigest, digest);
      return digestText(digest);
    }),
  );
}

/** The head of the log chain of all regions at one and the same position, of which ticks make a new one all the time. */
export async function chainsAtOnePosition(
  stores: ReadonlyMap<string, RegionStore>,
  partition: number,
): Promise<string[]> {
  return eventually("all regions were seen at one position", async () => {
    const seen = await Promise.all([...stores.values()].map((store) => store.readPositions(partition)));
    return new Set(seen.map((positions) => positions.position)).size === 1
      ? seen.map((positions) => positions.chain)
      : undefined;
  });
}
