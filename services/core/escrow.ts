/** Escrow fields of a record: what their operators begin with, and what a region may take of them. */
import type { FieldState } from "./fields/index.ts";
import type { Change } from "./fields/kind.ts";
import { emptyEscrow, sumOf, withMembers, type EscrowState } from "./fields/merge/escrow.ts";
import { own } from "./json.ts";
import type { Fields } from "./record.ts";
import { escrowMin, isEscrow, type CollectionSchema } from "./schema.ts";

/**
 * The fields, with the touched escrows as they are before anything was given: at their bound, with a place for each
 * member's rights. Neither is known to an operator alone.
 */
export function prepareEscrows(options: {
  fields: Fields | undefined;
  changes: readonly Change[];
  schema: CollectionSchema | undefined;
  members: readonly string[];
}): Fields | undefined {
  const { changes, schema, members } = options;
  const { fields } = options;
  let prepared: { [field: string]: FieldState } | undefined;
  for (const { field, kind } of changes) {
    if (kind !== "escrow") continue;
    const definition = schema && own(schema.fields, field);
    if (!isEscrow(definition)) continue;
    const state = fields && own(fields, field);
    if (state !== undefined && state.kind !== "escrow") continue;
    const escrow = withMembers(state ?? emptyEscrow(escrowMin(definition), []), members);
    if (escrow === state) continue;
    prepared ??= { ...fields };
    prepared[field] = escrow;
  }
  return prepared ?? fields;
}

/** Whether a change needs rights, as no decision of the log does. */
export function isTaking({ kind, operator }: Pick<Change, "kind" | "operator">): boolean {
  return kind === "escrow" && operator !== "give";
}

/** Rights by field. */
export type Takes = { readonly [field: string]: number };

/** What a client's write takes of its region's rights: they must be there for it to be accepted. Undefined where it is nothing. */
export function takesOf(changes: readonly Change[]): Takes | undefined {
  const takes: { [field: string]: number } = {};
  for (const { field, kind, operator, argument } of changes) {
    if (kind !== "escrow" || operator !== "take") continue;
    takes[field] = (own(takes, field) ?? 0) + (argument as number);
  }
  return Object.keys(takes).length === 0 ? undefined : takes;
}

/** What a region may still take of one field. */
export interface EscrowLeft {
  readonly field: string;
  /** The region's own committed rights, without what its pending writes take and hand over. */
  readonly here: number;
  /** Those of all regions together, without what the region's pending writes take. */
  readonly total: number;
}

/** @param pending what the region's pending writes take, and what they hand over. */
export function escrowLeft(options: {
  fields: Fields | undefined;
  field: string;
  region: string;
  pending: { readonly taken: number; readonly handedOver: number };
}): EscrowLeft {
  const { fields, field, region } = options;
  const { taken, handedOver } = options.pending;
  const state = fields && own(fields, field);
  const { rights } = state?.kind === "escrow" ? state : NOTHING;
  return { field, here: (own(rights, region) ?? 0) - taken - handedOver, total: sumOf(rights) - taken };
}

const NOTHING: Pick<EscrowState, "rights"> = { rights: {} };
