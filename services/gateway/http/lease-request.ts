/** What a request wants of a lease. */
import { isObject, isStorableText } from "../../core/json.ts";
import type { LeaseAction } from "../../core/proposal.ts";
import { LEASE_HOLDER_LENGTH_MAX, LEASE_TTL_MS_MAX, LEASE_TTL_MS_MIN } from "../../protocol/http/headers.ts";
import { ProblemError } from "./problem.ts";

const TOKEN = /^[1-9]\d{0,15}$/;

/**
 * @param body `{"holder":…,"ttl_ms":…}` to acquire, `{"token":…,"ttl_ms":…}` to renew.
 * @throws {ProblemError} invalid-lease.
 */
export function leaseActionOf(body: unknown): LeaseAction {
  const names = isObject(body) ? Object.keys(body).sort().join() : "";
  if (!isObject(body) || (names !== "holder,ttl_ms" && names !== "token,ttl_ms")) {
    throw invalid(
      undefined,
      'the body has "holder" and "ttl_ms" to acquire the lease, or "token" and "ttl_ms" to renew it',
    );
  }
  const { holder, token, ttl_ms: ttl } = body;
  const ttlMs = ttlMsOf(ttl);
  if (token !== undefined) return { type: "renew", token: leaseTokenOf(token), ttlMs };
  return { type: "acquire", holder: holderOf(holder), ttlMs };
}

/** @throws {ProblemError} invalid-lease. */
export function leaseTokenOf(given: unknown): number {
  const token = typeof given === "string" && TOKEN.test(given) ? Number(given) : Number.NaN;
  if (Number.isSafeInteger(token)) return token;
  throw invalid("token", "token is the text that the lease's grant has given");
}

function ttlMsOf(given: unknown): number {
  const isWithin = Number.isInteger(given) && (given as number) >= LEASE_TTL_MS_MIN;
  if (isWithin && (given as number) <= LEASE_TTL_MS_MAX) return given as number;
  throw invalid("ttl_ms", `ttl_ms is a whole number from ${LEASE_TTL_MS_MIN} to ${LEASE_TTL_MS_MAX}`);
}

function holderOf(given: unknown): string {
  const isText = typeof given === "string" && given.length > 0 && given.length <= LEASE_HOLDER_LENGTH_MAX;
  if (isText && isStorableText(given)) return given;
  throw invalid(
    "holder",
    `holder is text of 1 to ${LEASE_HOLDER_LENGTH_MAX} characters, without NUL and half surrogate pairs`,
  );
}

function invalid(field: string | undefined, detail: string): ProblemError {
  return new ProblemError("invalid-lease", detail, { ...(field !== undefined && { field }) });
}
