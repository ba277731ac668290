/** A collection's schema on the wire: the shape. What the shape can't say is checked by `core/schema.ts`. */
import { Type } from "typebox";
import { unstorableReason } from "../core/json.ts";
import { FIELD_NAME_PATTERN, LIFETIME_MS_MAX, MERGE_KINDS, VALUE_TYPES } from "../core/schema.ts";

const ValueTypeName = Type.Enum([...VALUE_TYPES], {
  description: "Type of the values; any JSON value without it.",
});

const deprecated = Type.Optional(
  Type.Boolean({ description: "New writes are refused; what is there stays to be read." }),
);
const index = Type.Optional(
  Type.Boolean({
    description:
      "Records can be listed by its values (`where`, `order`): of type string, integer, number or boolean.",
  }),
);
/** As with what is written: the log would take any value, and every region's database would refuse to fold it. */
const defaultValue = Type.Optional(
  Type.Refine(
    Type.Unknown({ description: "What is shown where nothing is set." }),
    (value) => unstorableReason(value) === undefined,
    (value) => `the default ${unstorableReason(value)}`,
  ),
);

const LwwFieldBody = Type.Object(
  {
    class: Type.Literal("lww"),
    type: Type.Optional(ValueTypeName),
    default: defaultValue,
    deprecated,
    index,
  },
  { additionalProperties: false },
);

const MergeFieldBody = Type.Object(
  {
    class: Type.Literal("merge"),
    kind: Type.Enum([...MERGE_KINDS]),
    type: Type.Optional(ValueTypeName),
    min: Type.Optional(
      Type.Integer({
        description: "Of an escrow: the bound that it never goes below, and begins at. Default 0.",
      }),
    ),
    deprecated,
    index,
  },
  { additionalProperties: false },
);

/** Text that every region's database can store; the log would take any, and the fold would be stuck with it. */
const STATE_PATTERN = "^[^\\p{Cc}\\p{Cs}]*$";
const State = Type.String({ pattern: STATE_PATTERN });

const AuthoritativeFieldBody = Type.Object(
  {
    class: Type.Literal("authoritative"),
    type: Type.Optional(ValueTypeName),
    unique: Type.Optional(Type.Boolean({ description: "No two records have the same value." })),
    immutable: Type.Optional(Type.Boolean({ description: "Once set, it stays." })),
    min: Type.Optional(Type.Number()),
    max: Type.Optional(Type.Number()),
    initial: Type.Optional(
      Type.String({ pattern: STATE_PATTERN, description: "The state of a record that was never given one." }),
    ),
    states: Type.Optional(
      Type.Record(State, Type.Array(State), {
        description: "From each state, the states that may follow it.",
        additionalProperties: false,
      }),
    ),
    default: defaultValue,
    deprecated,
    index,
  },
  { additionalProperties: false },
);

export const CollectionSchemaBody = Type.Object(
  {
    fields: Type.Record(
      Type.String({ pattern: FIELD_NAME_PATTERN }),
      Type.Union([LwwFieldBody, MergeFieldBody, AuthoritativeFieldBody]),
      {
        minProperties: 1,
        additionalProperties: false,
        examples: [
          {
            displayName: { class: "lww", type: "string" },
            likes: { class: "merge", kind: "counter" },
            email: { class: "authoritative", type: "string", immutable: true },
          },
        ],
      },
    ),
    partitionBy: Type.Optional(
      Type.Enum(["key", "collection"], {
        default: "key",
        description: "collection: all records live in one partition, as unique fields need it.",
      }),
    ),
    ttlMs: Type.Optional(
      Type.Integer({
        minimum: 1_000,
        maximum: LIFETIME_MS_MAX,
        description: "Records expire when they were not changed for so long, by the log's time.",
      }),
    ),
    tombstoneRetentionMs: Type.Optional(
      Type.Integer({
        minimum: 1_000,
        maximum: LIFETIME_MS_MAX,
        description: "How long deleted records are kept at least; for ever without it.",
      }),
    ),
    delete: Type.Optional(
      Type.Literal("authoritative", {
        description: "Deletes are decided by the log; nothing else is possible.",
      }),
    ),
  },
  { additionalProperties: false },
);
