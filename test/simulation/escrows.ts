/** What a simulated database lets its region take of a record's escrows. */
import { escrowLeft, type EscrowLeft, type Takes } from "../../services/core/escrow.ts";
import type { Fields } from "../../services/core/record.ts";
import type { EscrowShare, RecordEscrows } from "../../services/ports/region-store.ts";

/** What one operation takes, and hands over. */
export interface Taking {
  readonly takes?: Takes;
  readonly handsOver?: Takes;
}

/** Of the fields that an operation takes from, what is left to it, by name. */
export function leftOf(
  operation: Taking,
  record: { fields: Fields | undefined; region: string; pending: readonly Taking[] },
): EscrowLeft[] {
  return fieldsOf(operation).map((field) => leftOfField(field, record));
}

/** The first field of which an operation takes more than is there. */
export function shortOf(
  operation: Taking,
  record: { fields: Fields | undefined; region: string; pending: readonly Taking[] },
): EscrowLeft | undefined {
  return leftOf(operation, record).find(({ field, here }) => here < takenOf(operation, field));
}

function leftOfField(
  field: string,
  record: { fields: Fields | undefined; region: string; pending: readonly Taking[] },
): EscrowLeft {
  const sumOf = (amounts: (row: Taking) => Takes | undefined) =>
    record.pending.reduce((sum, row) => sum + (amounts(row)?.[field] ?? 0), 0);
  const taken = sumOf(({ takes }) => takes);
  const handedOver = sumOf(({ handsOver }) => handsOver);
  return escrowLeft({ fields: record.fields, field, region: record.region, pending: { taken, handedOver } });
}

/** Of all escrows of a record, who holds what, and the last pending row that takes. */
export function sharesOf(record: {
  fields: Fields | undefined;
  region: string;
  pending: readonly (Taking & { readonly sequence?: number })[];
}): Omit<RecordEscrows, "position"> {
  const escrows: EscrowShare[] = [];
  for (const [field, state] of Object.entries(record.fields ?? {})) {
    if (state.kind !== "escrow") continue;
    const leaving = record.pending.reduce((sum, { handsOver }) => sum + (handsOver?.[field] ?? 0), 0);
    escrows.push({ ...leftOfField(field, record), rights: state.rights, leaving });
  }
  const last = record.pending.findLast((row) => fieldsOf(row).length > 0);
  const inOrder = escrows.toSorted((one, other) => (one.field < other.field ? -1 : 1));
  return { pendingTo: last?.sequence ?? 0, escrows: inOrder };
}

function fieldsOf({ takes = {}, handsOver = {} }: Taking): string[] {
  return [...new Set([...Object.keys(takes), ...Object.keys(handsOver)])].toSorted();
}

function takenOf({ takes, handsOver }: Taking, field: string): number {
  return (takes?.[field] ?? 0) + (handsOver?.[field] ?? 0);
}
