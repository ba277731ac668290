/** Conditions and fences: what must hold of committed state for a proposal to take effect. */
import { isHeld, type LeaseState } from "../fields/authoritative/lease.ts";
import { canonicalJson, own, type JsonValue } from "../json.ts";
import type { Condition, Fence } from "../proposal.ts";
import type { StoredRecord } from "../record.ts";
import { LEASE_FIELD } from "../reserved.ts";
import { RejectedError } from "./rejection.ts";

/**
 * @param record undefined where there is none, or a deleted one.
 * @param shown its fields as a client reads them.
 * @throws {RejectedError} precondition
 */
export function checkCondition(
  condition: Condition,
  record: StoredRecord | undefined,
  shown: { readonly [field: string]: JsonValue },
): void {
  if (condition.version !== undefined) checkVersion(condition.version, record);
  for (const [field, expected] of Object.entries(condition.fields ?? {})) {
    const actual = own(shown, field) ?? null;
    if (canonicalJson(actual) === canonicalJson(expected)) continue;
    const message = `"${field}" is ${describe(actual)}, not ${describe(expected)}`;
    throw new RejectedError("precondition", message, field);
  }
}

const SHOWN_LENGTH_MAX = 100;

/** Values may be long; a message need not be. */
function describe(value: JsonValue): string {
  const text = canonicalJson(value);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}

function checkVersion(expected: number | null | "*", record: StoredRecord | undefined): void {
  const actual = record?.version ?? null;
  if (expected === "*" ? actual !== null : actual === expected) return;
  if (actual === null) throw new RejectedError("precondition", "there is no such record");
  if (expected === null) throw new RejectedError("precondition", "there is such a record already");
  throw new RejectedError("precondition", `the record is at version ${actual}, not at ${expected}`);
}

/** @throws {RejectedError} fence */
export function checkFence(fence: Fence, record: StoredRecord | undefined, logTimeMs: number): void {
  const state = record && (own(record.fields, LEASE_FIELD) as LeaseState | undefined);
  if (state === undefined) throw new RejectedError("fence", `there is no lease "${fence.lease}"`);
  if (state.token !== fence.token) {
    throw new RejectedError("fence", `lease "${fence.lease}" was granted anew since token ${fence.token}`);
  }
  if (isHeld(state, logTimeMs)) return;
  const what = state.holder === null ? "was released" : "has run out";
  throw new RejectedError("fence", `lease "${fence.lease}" with token ${fence.token} ${what}`);
}
