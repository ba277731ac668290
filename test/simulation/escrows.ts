/** What a simulated database lets its region take of a record's escrows. */
import { escrowLeft, type EscrowLeft, type Takes } from "../../services/core/escrow.ts";
import type { Fields } from "../../services/core/record.ts";

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

export function leftOfField(
  field: string,
  record: { fields: Fields | undefined; region: string; pending: readonly Taking[] },
): EscrowLeft {
  const sumOf = (amounts: (row: Taking) => Takes | undefined) =>
    record.pending.reduce((sum, row) => sum + (amounts(row)?.[field] ?? 0), 0);
  const taken = sumOf(({ takes }) => takes);
  const handedOver = sumOf(({ handsOver }) => handsOver);
  return escrowLeft({ fields: record.fields, field, region: record.region, pending: { taken, handedOver } });
}

/** What pending writes hand over of one field. */
export function leavingOf(field: string, pending: readonly Taking[]): number {
  return pending.reduce((sum, { handsOver }) => sum + (handsOver?.[field] ?? 0), 0);
}

function fieldsOf({ takes = {}, handsOver = {} }: Taking): string[] {
  return [...new Set([...Object.keys(takes), ...Object.keys(handsOver)])].toSorted();
}

function takenOf({ takes, handsOver }: Taking, field: string): number {
  return (takes?.[field] ?? 0) + (handsOver?.[field] ?? 0);
}
