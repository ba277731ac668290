/** Folding a batch: from each origin exactly watermark + 1 onward (I3). The fold is the fence. */
import type { BatchEntry, LoggedOperation } from "../entry.ts";
import { chain } from "../hash.ts";
import type { Hlc } from "../hlc.ts";
import { recordIdText, type Operation, type RecordId } from "../operation.ts";
import { foldChanges, writeContext, type FieldLoss, type StoredRecord, type Tombstone } from "../record.ts";
import { count, currentRecord, isKnown, recordOutcome, setOrigin, type FoldWork } from "./work.ts";
import { hlcFloor, type OriginState } from "./state.ts";
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
      ? changeRecord({ work, write, operation, record })
      : loseToTombstone({ work, write, operation, tombstone: record.tombstone });
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
  readonly write: { readonly origin: string; readonly floor: Hlc };
  readonly operation: Operation;
}

/** @returns false when every change lost. */
function changeRecord(input: LocalWrite & { record: StoredRecord | undefined }): boolean {
  const { work, operation, record } = input;
  const { origin, floor } = input.write;
  const { position } = work.state;
  const { tenant, collection, key, changes } = operation;
  const write = writeContext(operation, { origin, position });
  const result = foldChanges({ fields: record?.fields, floor, changes, write });
  if (result.effective || result.hasForgotten) {
    const { fields } = result;
    const version = result.effective ? position : record!.version;
    work.records.set(recordIdText(operation), { tenant, collection, key, fields, version });
  }
  for (const loss of result.losses) recordConflict(work, operation, loss);
  return result.effective;
}

/** A tombstone beats every operation ordered after it (I8); what was lost to it is kept. */
function loseToTombstone(input: LocalWrite & { tombstone: Tombstone }): false {
  const { work, operation, tombstone } = input;
  for (const { field, argument } of operation.changes) {
    const loser = {
      origin: input.write.origin,
      hlc: operation.hlc,
      operation: operation.id,
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
