/** What one call of the fold gathers, and the few ways to add to it. */
import { assert } from "../assert.ts";
import { isExpired, type StoredRecord } from "../record.ts";
import type { Collection } from "../schema.ts";
import type {
  Conflict,
  FoldCounts,
  FoldRows,
  MembershipChange,
  OperationOutcome,
  OriginState,
  PartitionState,
  Repair,
  TakenOperation,
} from "./state.ts";

/** What one call of the fold gathers. Private to the call, so the fold stays a function of its arguments. */
export interface FoldWork {
  state: PartitionState;
  readonly slice: FoldRows;
  readonly changedOrigins: Set<string>;
  /** By origin. */
  readonly takenEnds: Map<string, TakenOperation[]>;
  readonly records: Map<string, StoredRecord | null>;
  /** Positions of changes that no row's version tells, by record: it is gone, or a repair has set it. */
  readonly rewrittenAt: Map<string, number>;
  readonly outcomes: OperationOutcome[];
  /** Positions of the outcomes, by id. */
  readonly outcomeIds: Map<string, number>;
  readonly conflicts: Conflict[];
  readonly repairs: Repair[];
  membership: MembershipChange | undefined;
  readonly collections: Collection[];
  readonly counts: { -readonly [Name in keyof FoldCounts]: FoldCounts[Name] };
}

export function count(work: FoldWork, name: keyof FoldCounts, by = 1): void {
  work.counts[name] += by;
}

export function setOrigin(work: FoldWork, name: string, origin: OriginState): void {
  work.changedOrigins.add(name);
  work.state = { ...work.state, origins: { ...work.state.origins, [name]: origin } };
}

/** True when the operation id took effect before, in whatever region it was accepted (I4), and is not forgotten. */
export function isKnown(work: FoldWork, id: string): boolean {
  const position = work.outcomeIds.get(id) ?? work.slice.operations.get(id);
  return position !== undefined && position > work.state.forgotten.position;
}

export function recordOutcome(work: FoldWork, outcome: OperationOutcome): void {
  const { id, position } = outcome;
  const before = work.outcomeIds.get(id);
  assert(before === undefined || before <= work.state.forgotten.position, "an operation has two outcomes");
  work.outcomeIds.set(id, position);
  work.outcomes.push(outcome);
}

/** Without those of operations that have taken effect anew since, being forgotten. */
export function lastOutcomes({ outcomes, outcomeIds }: FoldWork): readonly OperationOutcome[] {
  if (outcomes.length === outcomeIds.size) return outcomes;
  const last = new Map(outcomes.map((outcome, index) => [outcome.id, index]));
  return outcomes.filter((outcome, index) => last.get(outcome.id) === index);
}

/** The record as it is at this position; an expired one is none. */
export function currentRecord(work: FoldWork, id: string): StoredRecord | undefined {
  const record = currentRow(work, id);
  return record !== undefined && isExpired(record, work.state.logTimeMs) ? undefined : record;
}

/** The row, whether or not it has expired. */
export function currentRow(work: FoldWork, id: string): StoredRecord | undefined {
  const folded = work.records.get(id);
  return (folded === undefined ? work.slice.records.get(id) : folded) ?? undefined;
}
