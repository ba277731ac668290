/** Log entries, as the fold takes them: decoded and checked, with the place and time that the log gave them. */
import type { Hlc } from "./hlc.ts";
import type { Operation, RecordId } from "./operation.ts";
import type { Proposal } from "./proposal.ts";
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
}

/** Asks to forget records that have expired, and deleted ones that nobody can still write to. The fold looks whether it is so. */
export interface SweepEntry {
  readonly kind: "sweep";
  readonly origin: string;
  readonly records: readonly RecordId[];
}

export type Entry = GenesisEntry | BatchEntry | TickEntry | SchemaEntry | ProposeEntry | SweepEntry;

/** An entry where the log has put it. */
export interface OrderedEntry {
  readonly position: number;
  /** The log's timestamp for the entry. */
  readonly storedAtMs: number;
  /** Hash of the entry's bytes. */
  readonly checksum: string;
  readonly entry: Entry;
}
