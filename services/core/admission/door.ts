/** Whether a process takes on one more request: least important first, refused before a bound is met. */
import type { RefusalReason } from "./reason.ts";

/**
 * vital: probes, metrics, status, operators' orders; never refused. read: from this region's store. write: taken by this
 * region, as far as its method says. ordered: the log decides on it, or has to be asked; it mostly waits.
 */
export const REQUEST_CLASSES = ["vital", "read", "write", "ordered"] as const;
export type RequestClass = (typeof REQUEST_CLASSES)[number];

/** Requests in flight of one process. */
export interface InFlight {
  /** What the process itself works on. */
  readonly working: number;
  /** What waits for the log or its fold, which costs memory and nothing else. */
  readonly waiting: number;
}

export interface DoorGauges extends InFlight {
  /** How many may be worked on, as the process has found out. */
  readonly limit: number;
  /** The most that the limit can be. */
  readonly limitMax: number;
  readonly waitingMax: number;
  /** Of the tenant that asks. */
  readonly tenant: InFlight;
  /** How many tenants have requests in flight, the one that asks included. */
  readonly tenants: number;
  /** Resident. */
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
}

/** Shares of the limit up to which each class is taken on. */
const LIMIT_SHARE = { read: 1.25, write: 1, ordered: 0.9 } as const;
/** From this share of a bound on, a tenant gets no more than an equal part of it. */
const CROWDED_SHARE = 0.75;
/** Writes are refused from this share of the memory on, reads from the next. */
const MEMORY_SHARE = { read: 0.95, write: 0.9, ordered: 0.85 } as const;
/** So many are taken on although memory is short: without them nothing would ever show that it is there again. */
const WORKING_WHEN_SHORT = 16;

/** The most places that one request can have, also where other tenants have asked of late. */
export function placesMax(limitMax: number): number {
  return Math.max(1, Math.floor(limitMax * CROWDED_SHARE));
}

/** @returns why the request is refused; undefined when it is taken on. */
export function refusalAtDoor(kind: RequestClass, gauges: DoorGauges): RefusalReason | undefined {
  if (kind === "vital") return undefined;
  const { working, limit, limitMax, tenant } = gauges;
  if (isMemoryShort(kind, gauges)) return "memory";
  const share = LIMIT_SHARE[kind];
  const bound = limit * share;
  if (working >= bound) return limit < limitMax ? "event-loop-delay" : "requests-in-flight";
  if (isBeyondShare({ all: working, own: tenant.working, bound }, gauges)) return "tenant-share";
  // It is worked on until it waits; where it could not, that work would be in vain.
  return kind === "ordered" ? refusalToWait(gauges) : undefined;
}

/** @returns why a request may not go from working to waiting; undefined when it may. */
export function refusalToWait(
  gauges: Pick<DoorGauges, "waiting" | "waitingMax" | "tenant" | "tenants">,
): RefusalReason | undefined {
  const { waiting, waitingMax, tenant } = gauges;
  if (waiting >= waitingMax) return "requests-waiting";
  if (isBeyondShare({ all: waiting, own: tenant.waiting, bound: waitingMax }, gauges)) return "tenant-share";
  return undefined;
}

function isMemoryShort(kind: keyof typeof MEMORY_SHARE, gauges: DoorGauges): boolean {
  const { memoryBytes, memoryBytesMax, working, waiting } = gauges;
  return memoryBytes >= memoryBytesMax * MEMORY_SHARE[kind] && working + waiting >= WORKING_WHEN_SHORT;
}

/** Who has less than an equal part may take what is left, up to the bound; who has more must leave it to others. */
function isBeyondShare(
  { all, own, bound }: { all: number; own: number; bound: number },
  { tenants }: Pick<DoorGauges, "tenants">,
): boolean {
  return all >= bound * CROWDED_SHARE && own >= bound / tenants;
}
