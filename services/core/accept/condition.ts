/** Conditions and fences of a write, as a client states them. */
import { isObject, own, unstorableReason, type JsonValue } from "../json.ts";
import type { Condition, Fence } from "../proposal.ts";
import type { CollectionSchema } from "../schema.ts";
import { checkKey } from "./key.ts";
import { RefusedWriteError } from "./refused-write.ts";

const VERSION = /^(0|[1-9]\d{0,14})$/;
const TOKEN = /^[1-9]\d{0,14}$/;
/** Of a write that another one of the same log entry came after. */
const OVERWRITTEN_VERSION = /^\d{1,15}\.\d{1,5}$/;
/** Of a view with the region's own pending writes in it. */
const PENDING_VERSION = /^\d{1,16}\.[a-z][a-z0-9-]*\.\d{1,16}$/;

/**
 * @param given the member `if`: `{"version": "17" | null | "*", "fields": {"status": "paid"}}`
 * @throws {RefusedWriteError} invalid-condition, unknown-field, precondition-failed
 */
export function planCondition(schema: CollectionSchema, given: unknown): Condition {
  const members = isObject(given) ? Object.keys(given) : [];
  if (
    !isObject(given) ||
    members.length === 0 ||
    members.some((name) => name !== "version" && name !== "fields")
  ) {
    throw new RefusedWriteError("invalid-condition", '"if" takes an object with "version", "fields" or both');
  }
  const { version, fields } = given;
  return {
    ...(version !== undefined && { version: planVersion(version) }),
    ...(fields !== undefined && { fields: planFields(schema, fields) }),
  };
}

/** @throws {RefusedWriteError} invalid-condition, precondition-failed */
export function planVersion(version: unknown): number | null | "*" {
  if (version === null || version === "*") return version;
  if (typeof version === "string" && PENDING_VERSION.test(version)) {
    throw new RefusedWriteError(
      "precondition-failed",
      "this version is of a view with writes that the log had not ordered yet: read again, with consistency=linearizable",
    );
  }
  if (typeof version === "string" && OVERWRITTEN_VERSION.test(version)) {
    throw new RefusedWriteError(
      "precondition-failed",
      "this version was overwritten at once: read the record again",
    );
  }
  if (typeof version === "string" && VERSION.test(version)) return Number(version);
  throw new RefusedWriteError(
    "invalid-condition",
    'a version is the text that a read has given, null for "no such record", or "*" for "any"',
  );
}

function planFields(schema: CollectionSchema, fields: unknown): { [field: string]: JsonValue } {
  if (!isObject(fields)) {
    throw new RefusedWriteError(
      "invalid-condition",
      '"fields" of "if" takes an object of fields and their values',
    );
  }
  const expected: { [field: string]: JsonValue } = {};
  for (const [field, value] of Object.entries(fields)) {
    if (own(schema.fields, field) === undefined) {
      throw new RefusedWriteError("unknown-field", `the collection has no field "${field}"`, field);
    }
    const reason = unstorableReason(value);
    if (reason !== undefined) {
      throw new RefusedWriteError("unstorable-value", `the value of "${field}" ${reason}`, field);
    }
    expected[field] = value as JsonValue;
  }
  return expected;
}

/**
 * @param given the member `fence`: `{"lease": "job-7", "token": "1234"}`
 * @throws {RefusedWriteError} invalid-condition
 */
export function planFence(given: unknown): Fence {
  if (isObject(given) && Object.keys(given).length === 2) {
    const { lease, token } = given;
    const isToken = typeof token === "string" && TOKEN.test(token);
    if (typeof lease === "string" && isToken) {
      checkKey(lease);
      return { lease, token: Number(token) };
    }
  }
  throw new RefusedWriteError(
    "invalid-condition",
    '"fence" takes an object with the "lease" and the "token" that its grant has given, as text',
  );
}
