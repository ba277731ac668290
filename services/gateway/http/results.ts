/** What a decision of the log tells that a client could not know, as the API shows it. */
import { isObject, type JsonValue } from "../../core/json.ts";
import type { ResultAnswer } from "../../protocol/http/answers.ts";
import type { LogPlace } from "../gateway.ts";

type Written = {
  readonly fields?: { readonly [field: string]: JsonValue };
  /** Where another write of the same entry came after it. */
  readonly version?: string;
} | null;

export interface Decision {
  readonly position: LogPlace;
  /** By write. */
  readonly results?: readonly JsonValue[];
}

/** Undefined where there is nothing to tell. */
export type ShowResult = (decision: Decision) => ResultAnswer | undefined;

/** Of a write, a delete or a restore of one record. */
export function recordResult({ position, results }: Decision): ResultAnswer {
  const result = results?.[0];
  return { version: String(position.sequence), ...(isObject(result) ? result : {}) };
}

export function transactionResult({ position, results }: Decision): ResultAnswer {
  const version = String(position.sequence);
  return results === undefined ? { version } : { version, writes: results as Written[] };
}

/** A release grants nothing. */
export function leaseResult({ results }: Decision): ResultAnswer | undefined {
  const grant = results?.[0];
  if (!isObject(grant)) return undefined;
  const { token, expiresAtMs } = grant;
  if (typeof token !== "number" || typeof expiresAtMs !== "number") return undefined;
  return { token: String(token), expires_at_ms: expiresAtMs };
}

/** Of an operation by its id, which doesn't say what kind of request it was. */
export function operationResult(decision: Decision): ResultAnswer | undefined {
  const { results } = decision;
  if (results === undefined) return undefined;
  return results.length > 1 ? transactionResult(decision) : (leaseResult(decision) ?? recordResult(decision));
}
