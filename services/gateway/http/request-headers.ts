/** What a request's headers ask for. */
import type { IncomingHttpHeaders } from "node:http";
import { EMPTY_SESSION, type Session } from "../../core/session.ts";
import {
  DEADLINE_HEADER,
  DEADLINE_MS_DEFAULT,
  DEADLINE_MS_MAX,
  DEADLINE_MS_MIN,
  IDEMPOTENCY_KEY_HEADER,
  IDEMPOTENCY_KEY_LENGTH_MAX,
  SESSION_HEADER,
} from "../../protocol/http/headers.ts";
import { decodeSession } from "../../protocol/session-token.ts";
import { ProblemError } from "./problem.ts";

const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;
const WHOLE_NUMBER = /^\d{1,9}$/;
const CONDITIONS = ["if-match", "if-none-match", "if-unmodified-since"];
const WAIT_COMMITTED = /(^|,)\s*wait\s*=\s*"?committed"?\s*(;|,|$)/i;

/** @throws {ProblemError} invalid-idempotency-key. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const value = headers[IDEMPOTENCY_KEY_HEADER];
  if (value === undefined) return undefined;
  if (
    typeof value !== "string" ||
    value.length > IDEMPOTENCY_KEY_LENGTH_MAX ||
    !PRINTABLE_ASCII.test(value)
  ) {
    throw new ProblemError(
      "invalid-idempotency-key",
      `an Idempotency-Key is 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters`,
      { field: IDEMPOTENCY_KEY_HEADER },
    );
  }
  return value;
}

/** @throws {ProblemError} invalid-deadline. */
export function deadlineMsOf(headers: IncomingHttpHeaders): number {
  const value = headers[DEADLINE_HEADER];
  if (value === undefined) return DEADLINE_MS_DEFAULT;
  const deadlineMs = typeof value === "string" && WHOLE_NUMBER.test(value) ? Number(value) : Number.NaN;
  if (!(deadlineMs >= DEADLINE_MS_MIN && deadlineMs <= DEADLINE_MS_MAX)) {
    throw new ProblemError(
      "invalid-deadline",
      `Forebay-Deadline-Ms is a whole number from ${DEADLINE_MS_MIN} to ${DEADLINE_MS_MAX}`,
      { field: DEADLINE_HEADER },
    );
  }
  return deadlineMs;
}

/** @throws {InvalidSessionError} */
export function sessionOf(headers: IncomingHttpHeaders, secret: string): Session {
  const value = headers[SESSION_HEADER];
  return typeof value === "string" ? decodeSession(value, secret) : EMPTY_SESSION;
}

/** Other preferences are none of ours and are ignored, as RFC 7240 wants it. */
export function prefersCommitted(headers: IncomingHttpHeaders): boolean {
  const value = headers["prefer"];
  return typeof value === "string" && WAIT_COMMITTED.test(value);
}

/** @throws {ProblemError} condition-on-local-write. */
export function refuseConditions(headers: IncomingHttpHeaders): void {
  const header = CONDITIONS.find((name) => headers[name] !== undefined);
  if (header === undefined) return;
  throw new ProblemError(
    "condition-on-local-write",
    `${header} can't be decided by a region alone, so a write of lww and merge fields takes no condition`,
    { field: header },
  );
}

/** Whether the client holds this version already. Compares weakly, as RFC 9110 has it for If-None-Match. */
export function isHeldBy(headers: IncomingHttpHeaders, etag: string): boolean {
  const value = headers["if-none-match"];
  if (value === undefined) return false;
  if (value.trim() === "*") return true;
  return value.split(",").some((held) => held.trim().replace(/^W\//, "") === etag);
}
