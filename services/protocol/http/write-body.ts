/**
 * The bodies of requests that change something, as the document of the API shows them. What they hold is checked by
 * `core/accept/`, and leases by the gateway's route, not by these schemas.
 */
import { Type } from "typebox";
import { TRANSACTION_WRITES_MAX } from "../../core/accept/transaction.ts";
import { OPERATORS, type Operator } from "../../core/fields/kind.ts";
import { COLLECTION_NAME_PATTERN, FIELD_NAME_PATTERN } from "../../core/schema.ts";
import {
  LEASE_HOLDER_LENGTH_MAX,
  LEASE_TTL_MS_MAX,
  LEASE_TTL_MS_MIN,
  REGION_NAME_PATTERN,
} from "./headers.ts";

const FieldName = Type.String({ pattern: FIELD_NAME_PATTERN });
const Elements = Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean()]));
const Amount = Type.Integer({ minimum: 1 });
const Bound = Type.Union([Type.Number(), Type.String()]);
const LeaseToken = Type.String({ pattern: "^[1-9][0-9]{0,15}$", description: "As the grant has given it." });

function byField<T extends Type.TSchema>(argument: T, description: string) {
  return Type.Optional(Type.Record(FieldName, argument, { description }));
}

/** A new operator that is missing here does not compile. */
const operators = {
  set: byField(Type.Unknown(), "Writes a value: lww and authoritative fields, and registers."),
  unset: Type.Optional(Type.Array(FieldName, { description: "Clears lww and authoritative fields." })),
  inc: byField(
    Type.Integer(),
    "Adds to counters and to authoritative numbers, whose sum the answer has; negative numbers subtract.",
  ),
  add: byField(Elements, "Adds elements to sets."),
  remove: byField(Elements, "Removes elements from sets: those that the region has seen."),
  put: byField(Type.Record(Type.String(), Type.Unknown()), "Writes entries of maps."),
  drop: byField(Type.Array(Type.String()), "Removes entries of maps."),
  raise: byField(Bound, "Raises a max field to at least this value."),
  lower: byField(Bound, "Lowers a min field to at most this value."),
  give: byField(Amount, "Adds to escrows."),
  take: byField(
    Amount,
    "Takes from escrows: at once, by the rights that the region holds, and never below the bound. Not for what the log decides on.",
  ),
} satisfies { [Name in Exclude<Operator, "move">]: Type.TSchema };

const ConditionBody = Type.Object(
  {
    version: Type.Optional(
      Type.Union([Type.String(), Type.Null()], {
        description: 'The version that a read has given; null: there is no such record; "*": there is one.',
      }),
    ),
    fields: Type.Optional(
      Type.Record(FieldName, Type.Unknown(), {
        description: "Fields and the values that they must have; null where none is shown.",
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description:
      "What must hold of the record for the request to take effect. For what the log decides on alone.",
  },
);

const FenceBody = Type.Object(
  { lease: Type.String({ description: "The lease's name." }), token: LeaseToken },
  {
    additionalProperties: false,
    description:
      "Refuses a writer whose lease has passed on or run out. The lease has to be in the partition of the records: give their names the same {tag}.",
  },
);

const conditions = { if: Type.Optional(ConditionBody), fence: Type.Optional(FenceBody) };

export const WriteBody = Type.Object(
  {
    ...operators,
    ...conditions,
    authoritative: Type.Optional(
      Type.Boolean({
        description:
          "true: the log decides on the write, whatever fields it touches. It does in any case where one of them is authoritative.",
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: OPERATORS.length + 3,
    description:
      "Operators, each with the fields that it changes. A write is one operation: all of it takes effect, or none.",
    examples: [
      { set: { displayName: "Ada" }, inc: { likes: 1 }, add: { tags: ["x"] } },
      { take: { stock: 3 } },
      { set: { status: "shipped" }, if: { fields: { status: "paid" } } },
    ],
  },
);

const TransactionWrite = Type.Object(
  {
    collection: Type.String({ pattern: COLLECTION_NAME_PATTERN }),
    key: Type.String(),
    ...operators,
    if: conditions.if,
    delete: Type.Optional(Type.Literal(true, { description: "Deletes the record; without operators." })),
    restore: Type.Optional(
      Type.Literal(true, { description: "Brings the deleted record back; without operators." }),
    ),
  },
  {
    additionalProperties: false,
    description: "With `if` alone it is a condition on a record that is not written.",
  },
);

export const TransactionBody = Type.Object(
  {
    writes: Type.Array(TransactionWrite, { minItems: 1, maxItems: TRANSACTION_WRITES_MAX }),
    fence: conditions.fence,
  },
  {
    additionalProperties: false,
    description:
      "Writes of distinct records in one partition. All of them are checked against the records as they were before; all take effect, or none.",
    examples: [
      {
        writes: [
          { collection: "accounts", key: "{ada}/credit", inc: { credit: -5 } },
          {
            collection: "orders",
            key: "{ada}/7",
            set: { status: "paid" },
            if: { fields: { status: "pending" } },
          },
        ],
      },
    ],
  },
);

const TtlMs = Type.Integer({
  minimum: LEASE_TTL_MS_MIN,
  maximum: LEASE_TTL_MS_MAX,
  description: "How long the lease is held from the log's decision on, in log time.",
});

export const LeaseBody = Type.Union([
  Type.Object(
    { holder: Type.String({ minLength: 1, maxLength: LEASE_HOLDER_LENGTH_MAX }), ttl_ms: TtlMs },
    { additionalProperties: false, description: "Acquires the lease, or takes it anew for the same holder." },
  ),
  Type.Object(
    { token: LeaseToken, ttl_ms: TtlMs },
    { additionalProperties: false, description: "Renews the lease." },
  ),
]);

export const ReclaimBody = Type.Object(
  {
    region: Type.String({ pattern: REGION_NAME_PATTERN, description: "The region that is lost." }),
  },
  { additionalProperties: false, examples: [{ region: "ap" }] },
);
