/** Folding a batch: from each origin exactly watermark + 1 onward (I3). The fold is the fence. */
import type { BatchEntry, LoggedOperation } from "../entry.ts";
import { chain } from "../hash.ts";
import type { Hlc } from "../hlc.ts";
import { recordIdText, type Operation } from "../operation.ts";
import { applyOperation, forgetInFields } from "../record.ts";
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
  const { origin, floor } = write;
  const { position, logTimeMs } = work.state;
  const { tenant, collection, key } = operation;
  const id = recordIdText(operation);
  const record = currentRecord(work, id);
  const touched = operation.changes.map((change) => change.field);
  // Before the operation: a field that is full of markers must not refuse what there is room for.
  const before = record && forgetInFields(record.fields, touched, floor);
  const result = applyOperation({ fields: before, operation, origin, position });
  const hasForgotten = before !== record?.fields;
  if (result.effective || hasForgotten) {
    const { fields } = result;
    const version = result.effective ? position : record!.version;
    work.records.set(id, { tenant, collection, key, fields, version });
  }
  for (const loss of result.losses) {
    work.conflicts.push({
      ...loss,
      tenant,
      collection,
      key,
      position,
      logTimeMs,
      ordinal: ordinalAt(work, position),
    });
  }
  recordOutcome(work, {
    id: operation.id,
    tenant,
    position,
    requestHash: operation.requestHash,
    origin,
    hlc: operation.hlc,
    status: result.effective ? "committed" : "superseded",
  });
}

function ordinalAt(work: FoldWork, position: number): number {
  const last = work.conflicts.at(-1);
  return last?.position === position ? last.ordinal + 1 : 0;
}
