/** What a request's headers ask for. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { readTraceparent } from "../../core/trace.ts";
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
import type { ChangeContext, RequestContext } from "../gateway.ts";
import { ticketOf } from "./door.ts";
import { identityOf } from "./identity.ts";
import { ProblemError } from "./problem.ts";
import type { SessionTokens } from "./session-tokens.ts";

const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;
const WHOLE_NUMBER = /^\d{1,9}$/;
const CONDITION_HEADERS = ["if-match", "if-none-match", "if-unmodified-since"] as const;
/** One strong ETag, of the characters that versions have: "*" in quotes must not become any version. */
const STRONG_ETAG = /^"([0-9a-z.-]{1,64})"$/;
const WAIT_COMMITTED = /(^|,)\s*wait\s*=\s*"?committed"?\s*(;|,|$)/i;

export function isIdempotencyKey(text: string): boolean {
  return text.length <= IDEMPOTENCY_KEY_LENGTH_MAX && PRINTABLE_ASCII.test(text);
}

/** @throws {ProblemError} invalid-idempotency-key. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const value = headers[IDEMPOTENCY_KEY_HEADER];
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !isIdempotencyKey(value)) {
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
export function sessionOf(headers: IncomingHttpHeaders, sessionTokens: SessionTokens): Session {
  const value = headers[SESSION_HEADER];
  return typeof value === "string" ? sessionTokens.decode(value) : EMPTY_SESSION;
}

export interface ReceivedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly raw: IncomingMessage;
}

/** What the headers of every request say, and its place in the process. */
export function requestContextOf(
  { headers, raw }: ReceivedRequest,
  { sessionTokens }: { readonly sessionTokens: SessionTokens },
): RequestContext {
  const ticket = ticketOf(raw);
  const trace = readTraceparent(headers["traceparent"]);
  return {
    tenant: identityOf(raw).tenant,
    session: sessionOf(headers, sessionTokens),
    deadlineMs: deadlineMsOf(headers),
    ...(trace !== undefined && { trace }),
    ...(ticket !== undefined && { onWait: () => ticket.waits() }),
  };
}

/** What the headers of every request say that changes something. */
export function changeContextOf(
  request: ReceivedRequest,
  context: { readonly sessionTokens: SessionTokens },
): ChangeContext {
  return { ...requestContextOf(request, context), idempotencyKey: idempotencyKeyOf(request.headers) };
}

/** Other preferences are none of ours and are ignored, as RFC 7240 wants it. */
export function prefersCommitted(headers: IncomingHttpHeaders): boolean {
  const value = headers["prefer"];
  return typeof value === "string" && WAIT_COMMITTED.test(value);
}

/**
 * The version that a condition in the headers asks for: text of an ETag, "*" for any, null for none.
 * @param taken the headers that the request takes; no other may be ignored, for that would weaken the request.
 * @throws {ProblemError} invalid-condition.
 */
export function versionOf(
  headers: IncomingHttpHeaders,
  taken: readonly ("if-match" | "if-none-match")[],
): string | null | undefined {
  const given = CONDITION_HEADERS.filter((name) => headers[name] !== undefined);
  const [header] = given;
  if (header === undefined) return undefined;
  const stray = given.find((name) => !(taken as readonly string[]).includes(name));
  if (stray !== undefined) throw invalidCondition(stray, strayCondition(taken));
  if (given.length > 1)
    throw invalidCondition(header, "a request takes one condition in its headers, not two");
  const value = headers[header]!.trim();
  if (header === "if-match") return value === "*" ? "*" : matchedVersion(value);
  if (value === "*") return null;
  throw invalidCondition(header, "If-None-Match of a write is *: there must be no such record");
}

function matchedVersion(value: string): string {
  const version = STRONG_ETAG.exec(value)?.[1];
  if (version !== undefined) return version;
  throw invalidCondition(
    "if-match",
    'If-Match is one strong ETag of a read, such as "17" with its quotes, or *',
  );
}

function strayCondition(taken: readonly string[]): string {
  if (taken.length === 0) return "this request takes no condition in its headers";
  return `of conditions in headers this request takes ${taken.join(" or ")} alone, with the version that a read has given`;
}

function invalidCondition(field: string, detail: string): ProblemError {
  return new ProblemError("invalid-condition", detail, { field });
}

/** Whether the client holds this version already. Compares weakly, as RFC 9110 has it for If-None-Match. */
export function isHeldBy(headers: IncomingHttpHeaders, etag: string): boolean {
  const value = headers["if-none-match"];
  if (value === undefined) return false;
  if (value.trim() === "*") return true;
  return value.split(",").some((held) => held.trim().replace(/^W\//, "") === etag);
}
