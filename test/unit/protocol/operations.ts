/** Random operations, with everything in their texts that a wire format may stumble over. */
import fc from "fast-check";
import type { Change } from "../../../services/core/fields/kind.ts";
import { sha256 } from "../../../services/core/hash.ts";
import { hlcFromInteger } from "../../../services/core/hlc.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Operation } from "../../../services/core/operation.ts";
import { encodeOperation } from "../../../services/protocol/entry-codec.ts";
import { encodeChanges } from "../../../services/protocol/change-codec.ts";

const ODD = [
  "", " ", "a", "é", "e\u0301", "😀", "\u2028", "\u2029", "\ufeff", "\ufffd", "\uffff", "\u0000", "\ud83d", "\r", "\n",
  "\t", '"', "\\", "'", "`", "${x}", "</script>", "__proto__", "constructor", "[", "]", "{", "}", ",", "\u001e", "\u0085",
]; // prettier-ignore

export const oddText = fc
  .array(fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 6 })
  .map((parts) => parts.join(""));
export const name = oddText.filter((text) => text !== "");

/** Values as they come out of a parsed body: no -0, and `__proto__` as an own member. */
export const value: fc.Arbitrary<JsonValue> = fc
  .oneof(oddText, fc.jsonValue({ maxDepth: 4 }), fc.dictionary(oddText, fc.oneof(oddText, fc.integer())))
  .map((one) => JSON.parse(JSON.stringify(one)) as JsonValue);

const member = fc.oneof(oddText, fc.integer(), fc.boolean());
const entries = fc
  .dictionary(oddText, fc.jsonValue())
  .map((one) => JSON.parse(JSON.stringify(one)) as JsonValue);

export function changeOf(
  kind: Change["kind"],
  operator: Change["operator"],
  argument: fc.Arbitrary<JsonValue>,
) {
  const parts = { field: name, kind: fc.constant(kind), operator: fc.constant(operator), argument };
  return fc.record(parts, { noNullPrototype: true });
}

export const change: fc.Arbitrary<Change> = fc.oneof(
  changeOf("lww", "set", value),
  changeOf("lww", "unset", fc.constant(null)),
  changeOf("counter", "inc", fc.maxSafeInteger()),
  changeOf("set", "add", fc.array(member)),
  changeOf("set", "remove", fc.array(member)),
  changeOf("map", "put", entries),
  changeOf("map", "drop", fc.array(oddText)),
  changeOf("register", "set", value),
  changeOf("max", "raise", fc.oneof(oddText, fc.integer())),
  changeOf("min", "lower", fc.oneof(oddText, fc.integer())),
);

export const hlc = fc.bigInt({ min: 0n, max: 2n ** 60n }).map(hlcFromInteger);
export const hash = fc.nat().map((number) => sha256(String(number)));
export const uuid = fc.nat().map((number) => uuidOf(String(number)));
export const region = fc.constantFrom("eu", "us", "ap-south-1");
export const sequence = fc.nat({ max: Number.MAX_SAFE_INTEGER });

export const operation: fc.Arbitrary<Operation> = fc.record({
  id: uuid,
  tenant: name,
  collection: name,
  key: name,
  hlc,
  seen: sequence,
  requestHash: hash,
  changes: fc.array(change, { minLength: 1, maxLength: 4 }),
});

export function lineOf(one: Operation): string {
  return encodeOperation({ ...one, body: encodeChanges(one.changes) });
}
