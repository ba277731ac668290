/** What a region can't show, since it would have to look at more pending writes than one request may cost it. */
import { PENDING_ROWS_MAX, type ListedRecord, type RecordSnapshot } from "../ports/record-snapshot.ts";
import { GatewayError } from "./errors.ts";

const RETRY_MS = 5_000;

/** @param what there is more of than can be looked at. */
export function tooMuchPending(region: string, what: string): GatewayError {
  const committed = "consistency=linearizable and GET /v1/changes show what is committed";
  const message = `in region ${region}, ${what}; ${committed}`;
  return new GatewayError("too-much-pending", message, { retryAfterMs: RETRY_MS });
}

function crowdedRecord(region: string, key: string): GatewayError {
  const what = `record "${key}" has over ${PENDING_ROWS_MAX} writes, or very long ones, that the log has not ordered yet`;
  return tooMuchPending(region, what);
}

/** What a read would show of it can't be told. Of a deleted record nothing is shown, whatever is pending. */
function isUnshowable({ committed, isCrowded = false }: RecordSnapshot): boolean {
  return isCrowded && committed?.tombstone === undefined;
}

/** @throws {GatewayError} too-much-pending */
export function checkShowable(region: string, key: string, snapshot: RecordSnapshot): void {
  if (isUnshowable(snapshot)) throw crowdedRecord(region, key);
}

/** A page ends before a record that can't be shown: what is before it can be had. @throws {GatewayError} too-much-pending */
export function showablePart<T>(
  region: string,
  page: readonly T[],
  recordOf: (one: T) => ListedRecord,
): readonly T[] {
  const end = page.findIndex((one) => isUnshowable(recordOf(one)));
  if (end === 0) checkShowable(region, recordOf(page[0]!).key, recordOf(page[0]!));
  return end === -1 ? page : page.slice(0, end);
}
