/** Reads an HTTP/1.1 answer as far as a load has to, and says what it means for the request. */
import { PROBLEMS, type ProblemDefinition } from "../../services/protocol/http/problems.ts";
import type { Outcome } from "./record.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** Whether the server ends the connection after it. */
  readonly isLast: boolean;
}

const HEADER_END = "\r\n\r\n";
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked\r\n/i;
const CLOSE = /\r\nconnection: *close\r\n/i;
const LAST_CHUNK = "0\r\n\r\n";

/** The answer, once it has arrived whole; undefined while it has not. @param text the bytes so far, as Latin-1. */
export function completeAnswer(text: string): HttpAnswer | undefined {
  const headerEnd = text.indexOf(HEADER_END);
  if (headerEnd === -1) return undefined;
  const header = text.slice(0, headerEnd + 2);
  const bodyStart = headerEnd + HEADER_END.length;
  if (CHUNKED.test(header)) {
    if (!text.endsWith(LAST_CHUNK)) return undefined;
  } else {
    const length = Number(CONTENT_LENGTH.exec(header)?.[1] ?? 0);
    if (text.length < bodyStart + length) return undefined;
  }
  return { status: Number(text.slice(9, 12)), body: text.slice(bodyStart), isLast: CLOSE.test(header) };
}

const PROBLEM_TYPE = /"type":"urn:forebay:problem:([a-z-]+)"/;
const EXPIRES_AT = /"expires_at_ms":(\d+)/;

export interface Verdict {
  readonly outcome: Outcome;
  readonly detail: string;
  /** Whether trying again, here or elsewhere, could bring another answer. */
  readonly isWorthRetrying: boolean;
  readonly expiresAtMs?: number;
}

export function verdictOf({ status, body }: HttpAnswer): Verdict {
  const isWorthRetrying = status >= 500 || status === 429 || status === 408;
  if (status >= 200 && status <= 299)
    return { outcome: "succeeded", detail: String(status), isWorthRetrying };
  const code = PROBLEM_TYPE.exec(body)?.[1];
  const detail = code === undefined ? String(status) : `${status} ${code}`;
  if (!isUnknown(status, code)) return { outcome: "refused", detail, isWorthRetrying };
  const expiresAtMs = EXPIRES_AT.exec(body)?.[1];
  return {
    outcome: "unknown",
    detail,
    isWorthRetrying,
    ...(expiresAtMs === undefined ? {} : { expiresAtMs: Number(expiresAtMs) }),
  };
}

/** A server that is not Forebay has no codes; of it a gateway's timeout and an inner failure prove nothing. */
function isUnknown(status: number, code: string | undefined): boolean {
  const problem = (PROBLEMS as { readonly [code: string]: ProblemDefinition })[code ?? ""];
  return problem === undefined ? status === 504 || status === 500 : problem.retry === "ask";
}
