/** Log entries, as the fold takes them: decoded and checked, with the place and time that the log gave them. */
import type { Hlc } from "./hlc.ts";
import type { Operation, RecordId } from "./operation.ts";
import type { Proposal } from "./proposal.ts";
import type { StoredRecord } from "./record.ts";
import type { TracedIndex } from "./trace.ts";
import type { CollectionSchema } from "./schema.ts";

/** An operation with the text that its origin's hash chain covers. */
export interface LoggedOperation {
  readonly operation: Operation;
  readonly text: string;
}

/** The first entry of every log: which cluster and partition it belongs to, and who takes part. */
export interface GenesisEntry {
  readonly kind: "genesis";
  readonly cluster: string;
  readonly partition: number;
  readonly partitions: number;
  readonly members: readonly string[];
}

/** Operations of one origin's WAL, in order, from a relay. */
export interface BatchEntry {
  readonly kind: "batch";
  readonly origin: string;
  /** Of the relay's role: a later relay of the same origin has a higher one. */
  readonly epoch: number;
  /** WAL sequence of the first operation. */
  readonly first: number;
  /** WAL sequence of the last operation. */
  readonly last: number;
  /** Head of the origin's hash chain before `first`. */
  readonly previous: string;
  readonly operations: readonly LoggedOperation[];
  /** By rising index; folded state has nothing of them. */
  readonly traces?: readonly TracedIndex[] | undefined;
}

/** A region's sign of life: makes time and lag visible when nothing is written. */
export interface TickEntry {
  readonly kind: "tick";
  readonly origin: string;
  /** Every operation of the origin with a WAL sequence above `walHead` has a later stamp. */
  readonly hlc: Hlc;
  readonly walHead: number;
  /** What the region had folded, and its log chain there: a second opinion on what the log says. */
  readonly appliedPosition: number;
  readonly chain: string;
  readonly software: string;
  /** Highest entry version that the region reads. */
  readonly reads: number;
}

/** A proposal to set a collection's schema. Partition 0 decides; the others follow its decision, so that all hold the same. */
export interface SchemaEntry {
  readonly kind: "schema";
  readonly origin: string;
  /** Operation id, for the outcome. */
  readonly id: string;
  readonly requestHash: string;
  readonly tenant: string;
  readonly name: string;
  /** Log time after which the proposal is dead. */
  readonly deadlineMs: number;
  /** The version that partition 0 gave the schema; null where it is asked to. */
  readonly version: number | null;
  readonly schema: CollectionSchema;
}

/** Proposals that one gateway has gathered. Without any it is a barrier: whoever has folded it has folded all before it. */
export interface ProposeEntry {
  readonly kind: "propose";
  readonly origin: string;
  readonly proposals: readonly Proposal[];
  /** As in a batch. */
  readonly traces?: readonly TracedIndex[] | undefined;
}

/** Asks to forget records that have expired, and deleted ones that nobody can still write to. The fold looks whether it is so. */
export interface SweepEntry {
  readonly kind: "sweep";
  readonly origin: string;
  readonly records: readonly RecordId[];
}

/**
 * Lets go of the operation ids that took effect long ago. From here on they are new, in every region alike: none may
 * forget at its own pace, or a late retry would take effect in one region and not in another.
 */
export interface ForgetEntry {
  readonly kind: "forget";
  readonly origin: string;
  /** Up to this position. */
  readonly position: number;
  /** Log time of it: nothing that took effect later is forgotten. */
  readonly logTimeMs: number;
  /** Members that were away for too long to be waited for. */
  readonly without: readonly string[];
}

/** Changes nothing but the position. Whoever folds it stops there for a moment, so that the same place can be looked at in every region. */
export interface BarrierEntry {
  readonly kind: "barrier";
  readonly origin: string;
  /** UUID. */
  readonly id: string;
  /** What the stop is for, such as `verify`: lower-case letters and hyphens. */
  readonly purpose: string;
}

/**
 * Who takes part from here on. The sequences of whoever joins begin anew, where none was ever handed out: what another
 * database of the same region has taken, and lost, is never taken for something else.
 */
export interface MemberEntry {
  readonly kind: "member";
  /** A member. Of `rejoin` the region itself. */
  readonly origin: string;
  /** UUID; the same change again changes nothing. */
  readonly id: string;
  readonly action: "add" | "remove" | "rejoin";
  readonly region: string;
}

/** The first entry of a log that was made anew, in place of one that failed: goes on from what a region had folded of it. */
export interface EpochEntry {
  readonly kind: "epoch";
  /** The region whose state the log goes on from. */
  readonly origin: string;
  /** UUID. */
  readonly id: string;
  readonly cluster: string;
  readonly partition: number;
  /** Rises with each log of the partition; that of the first, which begins with a genesis, is 0. */
  readonly epoch: number;
  /** Head of the hash chain over all entries before this one. */
  readonly chain: string;
}

/**
 * What rows of records are to be, where they still are what they were when the regions were compared. A row that was
 * changed since has another version, so that its hash is none of the expected ones: it is left alone, everywhere alike.
 */
export interface RepairEntry {
  readonly kind: "repair";
  readonly origin: string;
  /** UUID. */
  readonly id: string;
  /** Position of the barrier that the regions were compared at. */
  readonly at: number;
  /** Log time at that position: how old the comparison is. */
  readonly atMs: number;
  /** For whoever reads later what was done. */
  readonly reason: string;
  /** Of different records. */
  readonly records: readonly RecordRepair[];
}

export interface RecordRepair extends RecordId {
  /** Hashes (`rowHash`) of the rows that the regions held at the barrier, rising and distinct; null, first, is no row. */
  readonly expected: readonly (string | null)[];
  /** The row that is to be there; null is none. */
  readonly record: RowContent | null;
}

/** A stored row without its name. */
export type RowContent = Omit<StoredRecord, keyof RecordId>;

export type Entry =
  | GenesisEntry
  | BatchEntry
  | TickEntry
  | SchemaEntry
  | ProposeEntry
  | SweepEntry
  | BarrierEntry
  | RepairEntry
  | ForgetEntry
  | MemberEntry
  | EpochEntry;

/** In place of an entry that was published under another name than its origin's. Changes nothing but the position. */
export interface ForgedEntry {
  readonly kind: "forged";
  /** Who it says that it is of. */
  readonly origin: string;
  /** The name that it was published under. */
  readonly publisher: string;
}

/** An entry where the log has put it. */
export interface OrderedEntry {
  readonly position: number;
  /** The log's timestamp for the entry. */
  readonly storedAtMs: number;
  /** Hash of the entry's bytes. */
  readonly checksum: string;
  readonly entry: Entry | ForgedEntry;
}
