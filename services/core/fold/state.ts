/** What the fold of one partition remembers besides records: small, and held in memory by its applier. */
import { ZERO_HASH } from "../hash.ts";
import { advanceHlc, isBeyondOffset, maxHlc, ZERO_HLC, type Hlc } from "../hlc.ts";
import type { Rejection } from "../decide/rejection.ts";
import { own, type JsonValue } from "../json.ts";
import type { RecordId } from "../operation.ts";
import type { FieldLoss, StoredRecord } from "../record.ts";
import type { Collection } from "../schema.ts";

/** What the log has said about one member region. */
export interface OriginState {
  /** Highest WAL sequence folded: the next operation taken is watermark + 1. */
  readonly watermark: number;
  /** Highest relay epoch seen; older ones are refused. */
  readonly epoch: number;
  /** Head of the hash chain over the origin's operations, at the watermark. */
  readonly chain: string;
  /** Nothing with an older stamp can still come from this origin. */
  readonly hlc: Hlc;
  /** The last tick; null before the first. */
  readonly tick: OriginTick | null;
  /** A tick whose stamp counts once the watermark has reached its WAL head. */
  readonly promise: { readonly walHead: number; readonly hlc: Hlc } | null;
  /** Id of the entry by which it has joined last, if it is no member from the beginning on: names its database, too. */
  readonly joined?: string;
}

export interface OriginTick {
  readonly walHead: number;
  readonly appliedPosition: number;
  readonly hlc: Hlc;
  readonly software: string;
  readonly reads: number;
  readonly logTimeMs: number;
  /** Log time since which its ticks have come without a gap. Absent where the tick was folded by software of before. */
  readonly steadySinceMs?: number;
  /** Log time of the tick that was the first to tell `appliedPosition`. Absent where software of before has folded it. */
  readonly advancedAtMs?: number;
  /** The region has joined and said nothing since: no write of it is on its way. */
  readonly isAssumed?: true;
}

export interface PartitionState {
  readonly partition: number;
  /** Log sequence of the last entry folded; 0 before the first. */
  readonly position: number;
  /** Time by the log: the highest timestamp so far. */
  readonly logTimeMs: number;
  /** The last stamp that the fold has given to a proposal. */
  readonly hlc: Hlc;
  /** Head of the hash chain over all entries. */
  readonly chain: string;
  /** From the genesis entry; null before it. */
  readonly cluster: string | null;
  readonly partitions: number;
  readonly members: readonly string[];
  readonly origins: { readonly [region: string]: OriginState };
  /** By `tenant\nname`. */
  readonly collections: { readonly [id: string]: Collection };
  /** The operation ids that took effect up to this position are new again; later ones are known. */
  readonly forgotten: Forgotten;
  /** How often the log was made anew. */
  readonly logEpoch: number;
  /** Regions that are members no more. */
  readonly departed: { readonly [region: string]: DepartedOrigin };
}

/** Where its sequences and relays go on from, should it be a member again. */
export type DepartedOrigin = Pick<OriginState, "watermark" | "epoch">;

export interface Forgotten {
  readonly position: number;
  /** Log time up to which something may be forgotten. */
  readonly logTimeMs: number;
}

export function initialPartitionState(partition: number): PartitionState {
  return {
    partition,
    position: 0,
    logTimeMs: 0,
    hlc: ZERO_HLC,
    chain: ZERO_HASH,
    cluster: null,
    partitions: 0,
    members: [],
    origins: {},
    collections: {},
    forgotten: { position: 0, logTimeMs: 0 },
    logEpoch: 0,
    departed: {},
  };
}

export const INITIAL_ORIGIN: OriginState = {
  watermark: 0,
  epoch: 0,
  chain: ZERO_HASH,
  hlc: ZERO_HLC,
  tick: null,
  promise: null,
};

export function collectionId(tenant: string, name: string): string {
  return `${tenant}\n${name}`;
}

/**
 * The stamp of the next proposal: after everything folded, so that the log's order is also that of the stamps, and not
 * behind the proposer's clock. What is too far ahead of log time does not count.
 */
export function nextDecisionStamp(state: PartitionState, proposed: Hlc): Hlc {
  let last = state.hlc;
  for (const { hlc } of Object.values(state.origins)) {
    // One region's clock that is far ahead must not take the others' stamps along.
    if (!isBeyondOffset(hlc, state.logTimeMs)) last = maxHlc(last, hlc);
  }
  const next = advanceHlc(last, 1);
  return isBeyondOffset(proposed, state.logTimeMs) ? next : maxHlc(next, proposed);
}

/** The stamp that nothing from any member can be older than any more. */
export function hlcFloor(state: Pick<PartitionState, "origins">): Hlc {
  let floor: Hlc | undefined;
  for (const origin of Object.values(state.origins)) {
    if (floor === undefined || origin.hlc < floor) floor = origin.hlc;
  }
  return floor ?? ZERO_HLC;
}

/**
 * The position that every write still to come has seen: each member's last tick says how far it had folded when its WAL
 * ended where the tick says, and all up to there is folded. 0 while a member has not spoken.
 * @param without members that are not waited for.
 */
export function positionSeenByAll(
  state: Pick<PartitionState, "origins">,
  without: readonly string[] = [],
): number {
  let seen = Infinity;
  for (const [region, { tick, watermark }] of Object.entries(state.origins)) {
    if (without.includes(region)) continue;
    seen = Math.min(seen, tick !== null && watermark >= tick.walHead ? tick.appliedPosition : 0);
  }
  return Number.isFinite(seen) ? seen : 0;
}

/**
 * For how long a member is known to be silent: no tick of it came while those of another region did. Time in which the log
 * took nothing from anybody does not count. Undefined of a region that is no member, or has never spoken.
 * @param listener the region whose ticks tell that the log went on.
 */
export function silenceMsOf(
  { origins }: Pick<PartitionState, "origins">,
  region: string,
  listener: string,
): number | undefined {
  const tick = own(origins, region)?.tick ?? undefined;
  if (tick === undefined) return undefined;
  const heard = own(origins, listener)?.tick ?? undefined;
  if (heard?.steadySinceMs === undefined) return 0;
  return Math.max(0, heard.logTimeMs - Math.max(tick.logTimeMs, heard.steadySinceMs));
}

/** The committed rows that the entries at hand touch, as they were before them. */
export interface FoldSlice {
  /** By `recordIdText`. A record that is absent does not exist. */
  readonly records: ReadonlyMap<string, StoredRecord>;
  /** Of the ids that the entries carry, those that took effect before, and where: they may be forgotten since. */
  readonly operations: ReadonlyMap<string, number>;
}

/** All that the fold asks of a slice. */
export interface FoldRows {
  /** Null is a row that an earlier fold has removed. */
  readonly records: { get(id: string): StoredRecord | null | undefined };
  readonly operations: Pick<FoldSlice["operations"], "get">;
}

/** An operation id that took effect, or a proposal's outcome: what receipts are answered from. */
export interface OperationOutcome {
  readonly id: string;
  readonly tenant: string;
  readonly position: number;
  readonly requestHash: string;
  readonly origin: string;
  readonly hlc: Hlc;
  readonly status: "committed" | "superseded" | "rejected";
  /** Why a proposal was rejected. */
  readonly rejection?: Rejection;
  /** Of a committed proposal, by write: what its client could not know. Absent where there is nothing. */
  readonly results?: readonly JsonValue[];
}

/** A write that lost, kept with both values. */
export interface Conflict extends RecordId, FieldLoss {
  readonly position: number;
  /** Rank within the position, so that (position, ordinal) names a conflict in every region. */
  readonly ordinal: number;
  readonly logTimeMs: number;
}

/** A row that a repair has changed in this region. */
export interface Repair extends RecordId {
  readonly position: number;
  /** Place of the record in its entry, so that (position, ordinal) names the same record in every region. */
  readonly ordinal: number;
  readonly logTimeMs: number;
  /** Id of the entry. */
  readonly repair: string;
  readonly reason: string;
  /** Null is no row. */
  readonly before: StoredRecord | null;
  readonly after: StoredRecord | null;
}

/** Beside the state: what a store can't tell from it. */
export interface MembershipChange {
  /** Origins that are gone. */
  readonly removed: readonly string[];
  /** Origins whose sequences begin anew, with the id of the entry; after them `watermark + 1` comes next. */
  readonly joined: { readonly [region: string]: { readonly id: string; readonly watermark: number } };
}

export const NO_MEMBERSHIP_CHANGE: MembershipChange = { removed: [], joined: {} };

/** An operation of a WAL, as the log has it under its sequence. */
export interface TakenOperation {
  readonly sequence: number;
  readonly id: string;
  readonly hlc: Hlc;
}

/** What the fold refused or skipped: all of it is counted, none of it is silent. */
export interface FoldCounts {
  readonly operations: number;
  readonly overlapping: number;
  readonly duplicates: number;
  readonly gaps: number;
  readonly staleEpochs: number;
  readonly brokenChains: number;
  readonly strangers: number;
  /** Entries in the name of a region that has not published them. */
  readonly forged: number;
  readonly proposals: number;
  readonly rejected: number;
  /** Proposals that came after their deadline, and so took no effect. */
  readonly expired: number;
  /** Records removed because they had expired, or were deleted long ago. */
  readonly swept: number;
  /** Changes accepted under a schema that has given their field another class since. */
  readonly outdated: number;
  /** Rows of this region that a repair has changed. */
  readonly repaired: number;
  /** Records that a repair has left alone, because they have changed since the regions were compared. */
  readonly overtaken: number;
}

export const NO_COUNTS: FoldCounts = {
  operations: 0,
  overlapping: 0,
  duplicates: 0,
  gaps: 0,
  staleEpochs: 0,
  brokenChains: 0,
  strangers: 0,
  forged: 0,
  proposals: 0,
  rejected: 0,
  expired: 0,
  swept: 0,
  outdated: 0,
  repaired: 0,
  overtaken: 0,
};
