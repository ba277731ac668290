/**
 * The first equation: committed(region, n) = fold(log[1..n]).
 *
 *   (state, slice of rows, entries) → (state, changed rows, outcomes, conflicts, counts)
 *
 * The fold depends on its arguments alone: no clock, no randomness, no order of iteration. Every region that folds the
 * same entries has the same rows, byte for byte, however the entries were grouped into calls.
 */
import { unreachable } from "../assert.ts";
import type { BatchEntry, Entry, GenesisEntry, OrderedEntry, SchemaEntry, TickEntry } from "../entry.ts";
import { chain } from "../hash.ts";
import { own } from "../json.ts";
import { recordIdText } from "../operation.ts";
import type { StoredRecord } from "../record.ts";
import { evolutionProblems, sameSchema, type Collection } from "../schema.ts";
import { foldBatch } from "./batch.ts";
import { foldTick } from "./tick.ts";
import { count, isKnown, recordOutcome, type FoldWork } from "./work.ts";
import {
  collectionId,
  INITIAL_ORIGIN,
  NO_COUNTS,
  type Conflict,
  type FoldCounts,
  type FoldRows,
  type OperationOutcome,
  type PartitionState,
} from "./state.ts";

export interface FoldResult {
  readonly state: PartitionState;
  /** Rows that changed, by `recordIdText`, as they are now. */
  readonly records: ReadonlyMap<string, StoredRecord>;
  readonly outcomes: readonly OperationOutcome[];
  readonly conflicts: readonly Conflict[];
  /** Collections whose schema changed, as they are now; a later one of the same name replaces an earlier one. */
  readonly collections: readonly Collection[];
  readonly counts: FoldCounts;
}

/** The log has another order, place or origin than the state it is folded onto. Folding must stop. */
export class LogMismatchError extends Error {
  override readonly name = "LogMismatchError";
}

/** Folds entries in order. @throws {LogMismatchError} when an entry is not the next one, or the log is another cluster's. */
export function foldEntries(options: {
  state: PartitionState;
  slice: FoldRows;
  entries: readonly OrderedEntry[];
}): FoldResult {
  const work: FoldWork = {
    state: options.state,
    slice: options.slice,
    records: new Map(),
    outcomes: [],
    outcomeIds: new Set(),
    conflicts: [],
    collections: [],
    counts: { ...NO_COUNTS },
  };
  for (const entry of options.entries) foldEntry(work, entry);
  const { slice: _, outcomeIds: __, ...result } = work;
  return result;
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
  if (state.cluster === null && ordered.entry.kind !== "genesis") {
    throw new LogMismatchError(`the log begins with a ${ordered.entry.kind} entry instead of its genesis`);
  }
  dispatch(work, ordered.entry);
}

function dispatch(work: FoldWork, entry: Entry): void {
  switch (entry.kind) {
    case "genesis":
      return foldGenesis(work, entry);
    case "batch":
      return isMember(work, entry) ? foldBatch(work, entry) : undefined;
    case "tick":
      return isMember(work, entry) ? foldTick(work, entry) : undefined;
    case "schema":
      return isMember(work, entry) ? foldSchema(work, entry) : undefined;
    default:
      unreachable(entry);
  }
}

function isMember(work: FoldWork, entry: BatchEntry | TickEntry | SchemaEntry): boolean {
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
  work.state = {
    ...work.state,
    cluster: entry.cluster,
    partitions: entry.partitions,
    members: entry.members,
    origins: Object.fromEntries(entry.members.map((member) => [member, INITIAL_ORIGIN])),
  };
}

function foldSchema(work: FoldWork, entry: SchemaEntry): void {
  if (isKnown(work, entry.id)) return count(work, "duplicates");
  const { state } = work;
  const before = own(state.collections, collectionId(entry.tenant, entry.name));
  const decision = schemaDecision({ before, entry, logTimeMs: state.logTimeMs });
  if (decision.next !== undefined) {
    const id = collectionId(entry.tenant, entry.name);
    work.state = { ...state, collections: { ...state.collections, [id]: decision.next } };
    work.collections.push(decision.next);
  }
  const { id, tenant, requestHash, origin } = entry;
  const outcome = {
    id,
    tenant,
    position: state.position,
    requestHash,
    origin,
    hlc: state.origins[origin]!.hlc,
  };
  const { reason } = decision;
  recordOutcome(
    work,
    reason === undefined ? { ...outcome, status: "committed" } : { ...outcome, status: "rejected", reason },
  );
}

interface SchemaDecision {
  readonly next?: Collection;
  readonly reason?: string;
}

function schemaDecision(input: {
  before: Collection | undefined;
  entry: SchemaEntry;
  logTimeMs: number;
}): SchemaDecision {
  const { before, entry, logTimeMs } = input;
  if (logTimeMs > entry.deadlineMs) return { reason: "expired: the log ordered it after its deadline" };
  return entry.version === null ? decideSchema(before, entry) : followSchema(before, entry, entry.version);
}

function decideSchema(before: Collection | undefined, entry: SchemaEntry): SchemaDecision {
  const { tenant, name, schema } = entry;
  if (before === undefined) return { next: { tenant, name, schema, version: 1 } };
  const problems = evolutionProblems(before.schema, schema);
  if (problems.length > 0) return { reason: problems.join("; ") };
  if (sameSchema(before.schema, schema)) return {};
  return { next: { tenant, name, schema, version: before.version + 1 } };
}

function followSchema(before: Collection | undefined, entry: SchemaEntry, version: number): SchemaDecision {
  const { tenant, name, schema } = entry;
  return version > (before?.version ?? 0) ? { next: { tenant, name, schema, version } } : {};
}

/** The rows and operation ids that folding the entries will look at. */
export function sliceOf(entries: readonly OrderedEntry[]): {
  records: Map<string, StoredRecordId>;
  operations: string[];
} {
  const records = new Map<string, StoredRecordId>();
  const operations: string[] = [];
  for (const { entry } of entries) {
    if (entry.kind === "schema") operations.push(entry.id);
    if (entry.kind !== "batch") continue;
    for (const { operation } of entry.operations) {
      records.set(recordIdText(operation), operation);
      operations.push(operation.id);
    }
  }
  return { records, operations };
}

type StoredRecordId = Pick<StoredRecord, "tenant" | "collection" | "key">;
