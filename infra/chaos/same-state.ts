/** Whether all regions hold the same records: digests of the rows, each region's at one and the same log position. */
import { openPostgresStore } from "../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../services/ports/region-store.ts";
import { digestOf } from "../local/records-digest.ts";
import { waitFor } from "../local/wait.ts";
import type { Finding } from "./conditions.ts";

export interface StoredRegion {
  readonly name: string;
  readonly postgresUrl: string;
}

const TIMEOUT_MS = 60_000;
const INTERVAL_MS = 100;

/** Looks until every region was seen at one position. Not having seen that in time is no proof of a difference, and fails too. */
export async function sameState(
  regions: readonly StoredRegion[],
  { partitions, signal }: { readonly partitions: number; readonly signal?: AbortSignal | undefined },
): Promise<Finding> {
  const stores = regions.map(({ name, postgresUrl }) =>
    openPostgresStore({ url: postgresUrl, region: name }),
  );
  try {
    const findings: Finding[] = [];
    for (let partition = 0; partition < partitions; partition += 1) {
      findings.push(await comparePartition(stores, partition, signal));
    }
    return {
      holds: findings.every(({ holds }) => holds),
      observed: findings.map(({ observed }) => observed).join("; "),
    };
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

async function comparePartition(
  stores: readonly RegionStore[],
  partition: number,
  signal: AbortSignal | undefined,
): Promise<Finding> {
  /** By position, then by region. */
  const seen = new Map<number, Map<number, string>>();
  const look = async (): Promise<Finding | undefined> => {
    const digests = await Promise.all(stores.map((store) => digestOf(store, partition)));
    for (const [region, { position, digest }] of digests.entries()) {
      const atPosition = seen.get(position) ?? new Map<number, string>();
      seen.set(position, atPosition.set(region, digest));
      if (atPosition.size === stores.length) return compare(atPosition, { partition, position });
    }
    return undefined;
  };
  const what = `position of partition ${partition} at which every region was seen`;
  try {
    return await waitFor(look, { what, timeoutMs: TIMEOUT_MS, intervalMs: INTERVAL_MS, signal });
  } catch (error) {
    signal?.throwIfAborted();
    return { holds: false, observed: (error as Error).message };
  }
}

function compare(
  digests: ReadonlyMap<number, string>,
  { partition, position }: { readonly partition: number; readonly position: number },
): Finding {
  const different = new Set(digests.values());
  const holds = different.size === 1;
  return { holds, observed: `${holds ? "equal" : `${different.size} digests`} at ${partition}/${position}` };
}
