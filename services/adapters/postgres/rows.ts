/** Rows as statements give them, and what they are in the port's terms. */
import type { OperationOutcome } from "../../core/fold/state.ts";
import type { Fields } from "../../core/record.ts";
import type { WalRow } from "../../ports/region-store.ts";
import { toHlc } from "./values.ts";

/** Of `records`, whose column is text. */
export function toFields(text: string): Fields {
  return JSON.parse(text) as Fields;
}

/** An outcome as SQL's `json_build_object` writes it, with the stamp as text. */
export interface OutcomeJson {
  readonly id: string;
  readonly tenant: string;
  readonly position: number;
  readonly request_hash: string;
  readonly origin: string;
  readonly hlc: string;
  readonly status: OperationOutcome["status"];
  readonly reason: string | null;
}

export function toOutcome(row: OutcomeJson): OperationOutcome {
  const { id, tenant, position, origin, status, reason } = row;
  const outcome = {
    id,
    tenant,
    position,
    requestHash: row.request_hash,
    origin,
    hlc: toHlc(row.hlc),
    status,
  };
  return reason === null ? outcome : { ...outcome, reason };
}

/** Pending operations of one record: sequence, hlc, seen, id, request hash, body. */
export type PendingJson = readonly [number, string, number, string, string, string];

/** SQL for `PendingJson` of the WAL's row `w`. */
export const PENDING_JSON =
  "json_build_array(w.sequence, w.hlc::text, w.seen, w.id, encode(w.request_hash, 'hex'), w.body)";

/**
 * SQL: the WAL's row `w` has not taken effect. It may have although it is pending, when a retry came through another
 * region; the log will pass it over, and a view that added it would count it twice.
 */
export const IS_WITHOUT_EFFECT =
  "not exists (select from operations o where o.id = w.id and o.partition = w.partition)";

export function toPending(
  rows: readonly PendingJson[] | null,
  record: { tenant: string; collection: string; key: string },
): WalRow[] {
  const { tenant, collection, key } = record;
  return (rows ?? []).map(([sequence, hlc, seen, id, requestHash, body]) => ({
    id,
    tenant,
    collection,
    key,
    requestHash,
    body,
    sequence,
    hlc: toHlc(hlc),
    seen,
  }));
}
