/** What a region can't show, since it would have to look at more pending writes than one request may cost it. */
import { PENDING_ROWS_MAX } from "../ports/record-snapshot.ts";
import { GatewayError } from "./errors.ts";

const RETRY_MS = 5_000;

/** @param what there is more of than can be looked at. */
export function tooMuchPending(region: string, what: string): GatewayError {
  const message = `in region ${region}, ${what}; consistency=linearizable shows what is committed`;
  return new GatewayError("too-much-pending", message, { retryAfterMs: RETRY_MS });
}

export function crowdedRecord(region: string, key: string): GatewayError {
  const what = `record "${key}" has over ${PENDING_ROWS_MAX} writes, or very long ones, that the log has not ordered yet`;
  return tooMuchPending(region, what);
}
