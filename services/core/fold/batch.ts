/** Folding a batch: from each origin exactly watermark + 1 onward (I3). The fold is the fence. */
import type { BatchEntry, LoggedOperation } from "../entry.ts";
import { prepareEscrows } from "../escrow.ts";
import type { Change } from "../fields/kind.ts";
import { chain } from "../hash.ts";
import type { Hlc } from "../hlc.ts";
import { own } from "../json.ts";
import { recordIdText, type Operation, type RecordId } from "../operation.ts";
import {
  expiryOf,
  foldChanges,
  writeContext,
  type FieldLoss,
  type StoredRecord,
  type Tombstone,
} from "../record.ts";
import { isOfFieldKind, kindOfField, type CollectionSchema } from "../schema.ts";
import { count, currentRecord, isKnown, recordOutcome, setOrigin, type FoldWork } from "./work.ts";
import { collectionId, hlcFloor, type OriginState } from "./state.ts";
import { keepPromise } from "./tick.ts";

export function foldBatch(work: FoldWork, entry: BatchEntry): void {
  const origin = work.state.origins[entry.origin]!;
  if (entry.epoch < origin.epoch) return count(work, "staleEpochs");
  if (entry.first > origin.watermark + 1) return count(work, "gaps");
  const overlapping = Math.min(origin.watermark + 1 - entry.first, entry.operations.length);
  count(work, "overlapping", overlapping);
  // A batch that holds nothing new still announces its epoch: from then on older relays are refused.
  if (entry.last <= origin.watermark) return setOrigin(work, entry.origin, { ...origin, epoch: entry.epoch });
  // An origin whose operations don't continue what was folded has another past: refused everywhere alike.
  if (chainOver(entry.previous, entry.operations.slice(0, overlapping)) !== origin.chain) {
    return count(work, "brokenChains");
  }
  const fresh = entry.operations.slice(overlapping);
  const write = { origin: entry.origin, floor: hlcFloor(work.state) };
  for (const { operation } of fresh) foldOperation(work, write, operation);
  const { id, hlc } = fresh.at(-1)!.operation;
  const ends = work.takenEnds.get(entry.origin) ?? [];
  work.takenEnds.set(entry.origin, ends);
  ends.push({ sequence: entry.last, id, hlc });
  setOrigin(work, entry.origin, keepPromise(advanced({ origin, entry, fresh })));
}

function chainOver(start: string, operations: readonly LoggedOperation[]): string {
  let head = start;
  for (const operation of operations) head = chain(head, operation.text);
  return head;
}

function advanced(options: {
  origin: OriginState;
  entry: BatchEntry;
  fresh: readonly LoggedOperation[];
}): OriginState {
  const { origin, entry, fresh } = options;
  const hlc = fresh.at(-1)!.operation.hlc;
  return {
    ...origin,
    watermark: entry.last,
    epoch: entry.epoch,
    chain: chainOver(origin.chain, fresh),
    hlc: hlc > origin.hlc ? hlc : origin.hlc,
  };
}

function foldOperation(work: FoldWork, write: { origin: string; floor: Hlc }, operation: Operation): void {
  if (isKnown(work, operation.id)) return count(work, "duplicates");
  count(work, "operations");
  const { position } = work.state;
  const id = recordIdText(operation);
  const record = currentRecord(work, id);
  const isEffective =
    record?.tombstone === undefined
      ? changeRecord({ work, id, write, operation, record })
      : loseToTombstone({ work, id, write, operation, tombstone: record.tombstone });
  recordOutcome(work, {
    id: operation.id,
    tenant: operation.tenant,
    position,
    requestHash: operation.requestHash,
    origin: write.origin,
    hlc: operation.hlc,
    status: isEffective ? "committed" : "superseded",
  });
}

interface LocalWrite {
  readonly work: FoldWork;
  /** `recordIdText`. */
  readonly id: string;
  readonly write: { readonly origin: string; readonly floor: Hlc };
  readonly operation: Operation;
}

/** @returns false when every change lost. */
function changeRecord(input: LocalWrite & { record: StoredRecord | undefined }): boolean {
  const { work, operation, record } = input;
  const { origin, floor } = input.write;
  const { position, logTimeMs } = work.state;
  const { tenant, collection, key } = operation;
  const schema = schemaOf(work, operation);
  const changes = withoutOutdated(input, schema);
  if (changes.length === 0) return false;
  const write = writeContext(operation, { origin, position });
  const { members } = work.state;
  const fields = prepareEscrows({ fields: record?.fields, changes, schema, members });
  const result = foldChanges({ fields, floor, changes, write });
  if (result.effective) {
    const expiry = expiryOf(schema?.ttlMs, logTimeMs);
    const changed = { tenant, collection, key, fields: result.fields, version: position, ...expiry };
    work.records.set(input.id, changed);
  } else if (result.hasForgotten) {
    work.records.set(input.id, { ...record!, fields: result.fields });
  }
  for (const loss of result.losses) recordConflict(work, operation, loss);
  return result.effective;
}

function schemaOf(work: FoldWork, { tenant, collection }: RecordId): CollectionSchema | undefined {
  return own(work.state.collections, collectionId(tenant, collection))?.schema;
}

/** A region may have accepted changes of a field before it folded that the field is the log's to decide: they lose. */
function withoutOutdated(input: LocalWrite, schema: CollectionSchema | undefined): readonly Change[] {
  const { work, operation } = input;
  const { changes, hlc, id } = operation;
  if (schema === undefined || changes.every((change) => isOfFieldKind(schema, change))) return changes;
  const { origin } = input.write;
  for (const change of changes) {
    if (isOfFieldKind(schema, change)) continue;
    count(work, "outdated");
    const { field, argument, operator } = change;
    const winner = { origin, hlc, value: kindOfField(schema.fields[field]!) };
    const loser = { origin, hlc, operation: id, operator, value: argument };
    recordConflict(work, operation, { field, reason: "kind", loser, winner });
  }
  return changes.filter((change) => isOfFieldKind(schema, change));
}

/** A tombstone beats every operation ordered after it (I8); what was lost to it is kept. */
function loseToTombstone(input: LocalWrite & { tombstone: Tombstone }): false {
  const { work, operation, tombstone } = input;
  for (const { field, argument, operator } of operation.changes) {
    const loser = {
      origin: input.write.origin,
      hlc: operation.hlc,
      operation: operation.id,
      operator,
      value: argument,
    };
    const winner = { origin: tombstone.origin, hlc: tombstone.hlc, value: null };
    recordConflict(work, operation, { field, reason: "deleted", loser, winner });
  }
  return false;
}

function recordConflict(work: FoldWork, { tenant, collection, key }: RecordId, loss: FieldLoss): void {
  const { position, logTimeMs } = work.state;
  const ordinal = ordinalAt(work, position);
  work.conflicts.push({ ...loss, tenant, collection, key, position, logTimeMs, ordinal });
}

function ordinalAt(work: FoldWork, position: number): number {
  const last = work.conflicts.at(-1);
  return last?.position === position ? last.ordinal + 1 : 0;
}
