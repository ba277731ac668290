/**
 * The first equation: committed(region, n) = fold(log[1..n]).
 *
 *   (state, slice of rows, entries) → (state, changed rows, outcomes, conflicts, counts)
 *
 * The fold depends on its arguments alone: no clock, no randomness, no order of iteration. Every region that folds the
 * same entries has the same rows, byte for byte, however the entries were grouped into calls.
 */
import { unreachable } from "../assert.ts";
import type { GenesisEntry, OrderedEntry } from "../entry.ts";
import { chain } from "../hash.ts";
import { own } from "../json.ts";
import { recordIdText, type RecordId } from "../operation.ts";
import type { StoredRecord } from "../record.ts";
import type { Collection } from "../schema.ts";
import { foldBatch } from "./batch.ts";
import { checkEpoch, foldEpoch } from "./epoch.ts";
import { foldForget } from "./forget.ts";
import { LogMismatchError } from "./log-mismatch.ts";
import { foldMember } from "./member.ts";
import { foldProposals, recordsOfProposal } from "./propose.ts";
import { foldRepair, recordsOfRepair } from "./repair.ts";
import { foldSchema } from "./schema.ts";
import { foldSweep } from "./sweep.ts";
import { foldTick } from "./tick.ts";
import { count, lastOutcomes, type FoldWork } from "./work.ts";
import {
  INITIAL_ORIGIN,
  NO_COUNTS,
  type Conflict,
  type FoldCounts,
  type FoldRows,
  type MembershipChange,
  type OperationOutcome,
  type PartitionState,
  type Repair,
  type TakenOperation,
} from "./state.ts";

export interface FoldResult {
  readonly state: PartitionState;
  /** Of the state's origins, those that differ from before. */
  readonly changedOrigins: ReadonlySet<string>;
  /** By origin, the last operation of each batch that was taken of its WAL, in order: those that were skipped or refused don't count. */
  readonly takenEnds: ReadonlyMap<string, readonly TakenOperation[]>;
  /** Rows that changed, by `recordIdText`, as they are now; null is gone. */
  readonly records: ReadonlyMap<string, StoredRecord | null>;
  /** Positions of changes that no row's version tells, by record: it is gone, or a repair has set it. */
  readonly rewrittenAt: ReadonlyMap<string, number>;
  readonly outcomes: readonly OperationOutcome[];
  readonly conflicts: readonly Conflict[];
  /** Rows of this region that a repair has really changed: in a region whose rows were right already there are none. */
  readonly repairs: readonly Repair[];
  /** Collections whose schema changed, as they are now; a later one of the same name replaces an earlier one. */
  readonly collections: readonly Collection[];
  /** Who joined, who left, or that the log was made anew; undefined where nothing of it has changed. */
  readonly membership: MembershipChange | undefined;
  /** Operation ids were forgotten. */
  readonly hasForgotten: boolean;
  readonly counts: FoldCounts;
}

export { LogMismatchError };

/** Folds entries in order. @throws {LogMismatchError} when an entry is not the next one, or the log is another cluster's. */
export function foldEntries(options: {
  state: PartitionState;
  slice: FoldRows;
  entries: readonly OrderedEntry[];
}): FoldResult {
  const work: FoldWork = {
    state: options.state,
    slice: options.slice,
    changedOrigins: new Set(),
    takenEnds: new Map(),
    records: new Map(),
    rewrittenAt: new Map(),
    outcomes: [],
    outcomeIds: new Map(),
    conflicts: [],
    repairs: [],
    membership: undefined,
    collections: [],
    counts: { ...NO_COUNTS },
  };
  for (const entry of options.entries) foldEntry(work, entry);
  const { slice: _, outcomeIds: __, ...result } = work;
  const hasForgotten = work.state.forgotten !== options.state.forgotten;
  return { ...result, outcomes: lastOutcomes(work), hasForgotten };
}

function foldEntry(work: FoldWork, ordered: OrderedEntry): void {
  const { state } = work;
  if (ordered.position !== state.position + 1) {
    throw new LogMismatchError(`the log jumps from ${state.position} to ${ordered.position}`);
  }
  work.state = {
    ...state,
    position: ordered.position,
    logTimeMs: Math.max(state.logTimeMs, ordered.storedAtMs),
    chain: chain(state.chain, ordered.checksum),
  };
  if (ordered.entry.kind === "epoch") checkEpoch(state, ordered.entry);
  if (state.cluster === null && ordered.entry.kind !== "genesis") {
    throw new LogMismatchError(`the log begins with a ${ordered.entry.kind} entry instead of its genesis`);
  }
  dispatch(work, ordered.entry);
}

function dispatch(work: FoldWork, entry: OrderedEntry["entry"]): void {
  switch (entry.kind) {
    case "forged":
      return count(work, "forged");
    case "genesis":
      return foldGenesis(work, entry);
    case "batch":
      return isMember(work, entry) ? foldBatch(work, entry) : undefined;
    case "tick":
      return isMember(work, entry) ? foldTick(work, entry) : undefined;
    case "schema":
      return isMember(work, entry) ? foldSchema(work, entry) : undefined;
    case "propose":
      return isMember(work, entry) ? foldProposals(work, entry) : undefined;
    case "sweep":
      return isMember(work, entry) ? foldSweep(work, entry) : undefined;
    case "repair":
      return isMember(work, entry) ? foldRepair(work, entry) : undefined;
    case "barrier":
      return void isMember(work, entry);
    case "member":
      return isMember(work, entry) ? foldMember(work, entry) : undefined;
    case "epoch":
      return foldEpoch(work, entry);
    case "forget":
      return isMember(work, entry) ? foldForget(work, entry) : undefined;
    default:
      unreachable(entry);
  }
}

function isMember(work: FoldWork, entry: Exclude<OrderedEntry["entry"], GenesisEntry>): boolean {
  if (own(work.state.origins, entry.origin) !== undefined) return true;
  count(work, "strangers");
  return false;
}

/** Only the first entry makes a cluster; a second genesis lost the race to be it and changes nothing. */
function foldGenesis(work: FoldWork, entry: GenesisEntry): void {
  if (work.state.cluster !== null) return;
  if (entry.partition !== work.state.partition) {
    throw new LogMismatchError(
      `the log is that of partition ${entry.partition}, not ${work.state.partition}`,
    );
  }
  for (const member of entry.members) work.changedOrigins.add(member);
  work.state = {
    ...work.state,
    cluster: entry.cluster,
    partitions: entry.partitions,
    members: entry.members,
    origins: Object.fromEntries(entry.members.map((member) => [member, INITIAL_ORIGIN])),
  };
}

/** The rows and operation ids that folding the entries will look at. */
export function sliceOf(entries: readonly OrderedEntry[]): {
  records: Map<string, RecordId>;
  operations: string[];
} {
  const records = new Map<string, RecordId>();
  const operations: string[] = [];
  const add = (id: RecordId) => void records.set(recordIdText(id), id);
  for (const { entry } of entries) {
    if (entry.kind === "schema") operations.push(entry.id);
    if (entry.kind === "sweep") entry.records.forEach(add);
    if (entry.kind === "repair") recordsOfRepair(entry).forEach(add);
    if (entry.kind === "propose") {
      for (const proposal of entry.proposals) {
        operations.push(proposal.id);
        recordsOfProposal(proposal).forEach(add);
      }
    }
    if (entry.kind !== "batch") continue;
    for (const { operation } of entry.operations) {
      add(operation);
      operations.push(operation.id);
    }
  }
  return { records, operations };
}
