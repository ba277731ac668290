/** The body of a write, as the document of the API shows it. Writes are checked by `core/accept.ts`, not by this schema. */
import { Type } from "typebox";
import { OPERATORS, type Operator } from "../../core/fields/kind.ts";
import { FIELD_NAME_PATTERN } from "../../core/schema.ts";

const FieldName = Type.String({ pattern: FIELD_NAME_PATTERN });
const Elements = Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean()]));
const Bound = Type.Union([Type.Number(), Type.String()]);

function byField<T extends Type.TSchema>(argument: T, description: string) {
  return Type.Optional(Type.Record(FieldName, argument, { description }));
}

/** A new operator that is missing here does not compile. */
const operators = {
  set: byField(Type.Unknown(), "Writes a value: lww fields and registers."),
  unset: Type.Optional(Type.Array(FieldName, { description: "Clears lww fields." })),
  inc: byField(Type.Integer(), "Adds to counters; negative numbers subtract."),
  add: byField(Elements, "Adds elements to sets."),
  remove: byField(Elements, "Removes elements from sets: those that the region has seen."),
  put: byField(Type.Record(Type.String(), Type.Unknown()), "Writes entries of maps."),
  drop: byField(Type.Array(Type.String()), "Removes entries of maps."),
  raise: byField(Bound, "Raises a max field to at least this value."),
  lower: byField(Bound, "Lowers a min field to at most this value."),
} satisfies { [Name in Operator]: Type.TSchema };

export const WriteBody = Type.Object(operators, {
  additionalProperties: false,
  minProperties: 1,
  maxProperties: OPERATORS.length,
  description:
    "Operators, each with the fields that it changes. A write is one operation: all of it takes effect, or none.",
  examples: [{ set: { displayName: "Ada" }, inc: { likes: 1 }, add: { tags: ["x"] } }],
});
