/** What a scenario's run sees of a cluster, once a second: every region's own status, put together. */
import { Compile } from "typebox/compile";
import { API_PREFIX } from "../../services/protocol/http/headers.ts";
import { StatusAnswer } from "../../services/protocol/http/status.ts";
import { authorization } from "../local/authorization.ts";
import { majority } from "../local/majority.ts";

/** A region as it was seen; undefined stands for one that did not answer. */
export interface RegionSight {
  /** Who leads partition 0, as this region knows. */
  readonly leader: string | undefined;
  /** Of all partitions: what its log has not carried yet. Undefined while its database does not answer: what it had says nothing of now. */
  readonly walRows: number | undefined;
  /** Entries that it is behind the furthest region that answered, of all partitions; undefined as `walRows` is. */
  readonly lagEntries: number | undefined;
}

export interface WriteCounts {
  readonly succeeded: number;
  readonly failed: number;
  /** Of those that succeeded. */
  readonly worstMs: number;
}

export interface Observation {
  /** From the start of the scenario. */
  readonly atMs: number;
  /** Who leads partition 0, as a majority of all regions says; `NO_LEADER` for nobody, undefined when too few have answered. */
  readonly leader: string | undefined;
  readonly regions: Readonly<Record<string, RegionSight | undefined>>;
  /** Of the scenario's own load, since its start. */
  readonly writes: WriteCounts;
}

export interface ObservedRegion {
  readonly name: string;
  readonly url: string;
  readonly key?: string | undefined;
}

export const NO_WRITES: WriteCounts = { succeeded: 0, failed: 0, worstMs: 0 };

/** Stands for no region where a leader is told. */
export const NO_LEADER = "none";

/** Without a leader a status takes up to 3 s: it waits so long for the log. */
const TIMEOUT_MS = 5_000;
const isStatus = Compile(StatusAnswer);

/** Asks each region itself; undefined for one that does not answer in time, or not before the signal. */
export async function askStatus(
  regions: readonly ObservedRegion[],
  signal?: AbortSignal,
): Promise<Readonly<Record<string, StatusAnswer | undefined>>> {
  const entries = regions.map(async (region) => [region.name, await statusOf(region, signal)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function statusOf(
  { url, key }: ObservedRegion,
  stop: AbortSignal | undefined,
): Promise<StatusAnswer | undefined> {
  try {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const signal = stop === undefined ? timeout : AbortSignal.any([timeout, stop]);
    const response = await fetch(`${url}${API_PREFIX}/status`, { signal, headers: authorization(key) });
    const document: unknown = await response.json();
    return response.ok && hasStatus(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

/** Members that a later version adds are no reason not to understand the rest. */
function hasStatus(document: unknown): document is StatusAnswer {
  return isStatus.Check(isStatus.Clean(document));
}

/** Puts the regions' answers together. */
export function observe(
  statuses: Readonly<Record<string, StatusAnswer | undefined>>,
  { atMs, writes }: { readonly atMs: number; readonly writes: WriteCounts },
): Observation {
  const ends = furthestPositions(statuses);
  const regions = Object.fromEntries(
    Object.entries(statuses).map(([name, status]) => [name, status && sightOf(status, ends)]),
  );
  return { atMs, leader: agreedLeader(regions), regions, writes };
}

function furthestPositions(
  statuses: Readonly<Record<string, StatusAnswer | undefined>>,
): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  for (const status of Object.values(statuses)) {
    for (const { partition, position } of status?.partitions ?? []) {
      ends.set(partition, Math.max(position, ends.get(partition) ?? 0));
    }
  }
  return ends;
}

function sightOf({ partitions }: StatusAnswer, ends: ReadonlyMap<number, number>): RegionSight {
  const leader = partitions.find(({ partition }) => partition === 0)?.leader;
  if (partitions.some(isStale)) return { leader, walRows: undefined, lagEntries: undefined };
  return {
    leader,
    walRows: partitions.reduce((sum, { wal }) => sum + wal.pending_rows, 0),
    lagEntries: partitions.reduce(
      (sum, { partition, position }) => sum + (ends.get(partition) ?? position) - position,
      0,
    ),
  };
}

function isStale({ stale_ms: staleMs }: StatusAnswer["partitions"][number]): boolean {
  return staleMs !== undefined;
}

/** Nobody leads only where the regions that did not answer could not change that. */
function agreedLeader(regions: Readonly<Record<string, RegionSight | undefined>>): string | undefined {
  const sights = Object.values(regions);
  const votes = sights.flatMap((sight) => sight?.leader ?? []);
  const leader = majority(votes, sights.length);
  if (leader !== undefined) return leader;
  const unheard = sights.filter((sight) => sight === undefined).length;
  const most = Math.max(0, ...votes.map((vote) => votes.filter((other) => other === vote).length));
  return (most + unheard) * 2 > sights.length ? undefined : NO_LEADER;
}

/** What is still on its way: empty once every region has folded what any region's WAL holds. */
export function undrained(statuses: Readonly<Record<string, StatusAnswer | undefined>>): readonly string[] {
  const missing: string[] = [];
  for (const [origin, status] of Object.entries(statuses)) {
    if (status === undefined) missing.push(`${origin} does not answer`);
    if (status?.partitions.some(isStale) === true) missing.push(`the database of ${origin} does not answer`);
    for (const { partition, wal } of status?.partitions ?? []) {
      for (const [name, other] of Object.entries(statuses)) {
        const known = other?.partitions.find((candidate) => candidate.partition === partition);
        const watermark = known?.regions.find(({ region }) => region === origin)?.watermark ?? 0;
        if (other !== undefined && watermark < wal.head) {
          missing.push(`${name} has ${watermark} of ${wal.head} operations of ${origin}`);
        }
      }
    }
  }
  return missing;
}
