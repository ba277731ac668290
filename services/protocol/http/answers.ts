/** The answers of API version 1, and how they are made from what the gateway says. */
import { Type, type Static } from "typebox";
import { REFUSAL_REASONS } from "../../core/admission/reason.ts";
import { REJECTION_CODES } from "../../core/decide/rejection.ts";
import { CollectionSchemaBody } from "../collection.ts";

const Count = Type.Integer({ minimum: 0 });
const Position = Type.Object({ partition: Count, sequence: Count }, { description: "A place in the log." });
export const SessionToken = Type.String({
  description: "What this client has seen; pass it on as Forebay-Session. Opaque.",
});
const Fields = Type.Record(Type.String(), Type.Unknown(), { description: "Values by field." });

const WriteIndex = Type.Integer({
  minimum: 0,
  description: "Of a transaction: which of its writes, from 0.",
});
const ExpiresAtMs = Type.Integer({ minimum: 0, description: "In log time: milliseconds since 1970." });
const Operation = Type.String({ format: "uuid", description: "Names the request in every region." });

export const ReceiptAnswer = Type.Object(
  {
    operation: Operation,
    status: Type.Enum(["accepted", "committed", "superseded", "rejected"], {
      description:
        "accepted: durable in this region; committed: ordered by the log and effective; superseded: ordered, but newer writes won; rejected: the log refused it.",
    }),
    region: Type.String({ description: "The region that took the request." }),
    at: Type.String({ pattern: "^[0-9a-f]{16}$", description: "The stamp of the hybrid logical clock." }),
    position: Type.Optional(Position),
    code: Type.Optional(
      Type.Enum([...REJECTION_CODES], {
        description: "What stood against it, where the log has rejected it.",
      }),
    ),
    reason: Type.Optional(Type.String({ description: "The same as a sentence." })),
    field: Type.Optional(Type.String({ description: "The field that stood against it." })),
    write: Type.Optional(WriteIndex),
    lost_fields: Type.Optional(Type.Array(Type.String(), { description: "Fields whose change lost." })),
  },
  { additionalProperties: false },
);

const resultMembers = {
  version: Type.String({
    description:
      "The version that every record has that it has written. Where another write came after it in the same log entry, a version that no record has any more.",
  }),
  fields: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "Sums of authoritative fields after inc; of a reclaim the amounts handed over.",
    }),
  ),
};

/** Present where the log has decided. */
export const RecordResult = Type.Object(resultMembers, { additionalProperties: false });

export const TransactionResult = Type.Object(
  {
    version: resultMembers.version,
    writes: Type.Optional(
      Type.Array(
        Type.Union([
          Type.Object({ fields: resultMembers.fields, version: Type.Optional(resultMembers.version) }),
          Type.Null(),
        ]),
        {
          description: "By write, what the client could not know; null where there is nothing.",
        },
      ),
    ),
  },
  { additionalProperties: false },
);

export const LeaseResult = Type.Object(
  {
    token: Type.String({ description: "Fences writes, and renews or releases the lease." }),
    expires_at_ms: ExpiresAtMs,
  },
  { additionalProperties: false },
);

function changeAnswer<Result extends Type.TSchema>(result: Result) {
  return Type.Object(
    {
      ...ReceiptAnswer.properties,
      session: SessionToken,
      replayed: Type.Optional(
        Type.Literal(true, { description: "This is the answer to an earlier try of the same request." }),
      ),
      result: Type.Optional(result),
    },
    { additionalProperties: false },
  );
}

export const WriteAnswer = changeAnswer(RecordResult);
export const TransactionAnswer = changeAnswer(TransactionResult);
export const LeaseGrantAnswer = changeAnswer(LeaseResult);

export const OperationAnswer = Type.Union([
  Type.Object(
    {
      ...ReceiptAnswer.properties,
      result: Type.Optional(
        Type.Union([RecordResult, TransactionResult, LeaseResult], {
          description: "As in the answer to the request; of a transaction of one write as of that write.",
        }),
      ),
      applied_by: Type.Optional(
        Type.Record(Type.String(), Type.Boolean(), {
          description:
            "Which regions have folded it, by what this one has heard of them. Absent until it is ordered.",
        }),
      ),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      operation: Operation,
      status: Type.Enum(["undecided", "expired"], {
        description: "undecided: it may take effect yet; expired: certainly without effect, now and later.",
      }),
    },
    { additionalProperties: false },
  ),
]);

export const LeaseAnswer = Type.Object(
  {
    name: Type.String(),
    holder: Type.Union([Type.String(), Type.Null()], { description: "null when nobody holds it." }),
    token: Type.String({ description: "Of the last grant." }),
    expires_at_ms: ExpiresAtMs,
    session: SessionToken,
  },
  { additionalProperties: false },
);

const viewMembers = {
  key: Type.String(),
  fields: Fields,
  version: Type.String({ description: "Changes whenever the record's view does." }),
  pending: Type.Integer({
    minimum: 0,
    description: "This region's own operations in the view that the log has not ordered yet.",
  }),
};

export const RecordView = Type.Object(viewMembers, { additionalProperties: false });

export const RecordAnswer = Type.Object(
  { ...viewMembers, as_of: Position, session: SessionToken },
  { additionalProperties: false },
);

export const RecordListAnswer = Type.Object(
  {
    records: Type.Array(RecordView),
    next_cursor: Type.Optional(Type.String({ description: "Pass as `cursor` to go on; absent at the end." })),
    session: SessionToken,
  },
  { additionalProperties: false },
);

const EscrowAnswer = Type.Object(
  {
    value: Type.Integer({ description: "The committed number: min and all rights." }),
    min: Type.Integer({ description: "The bound that it never goes below." }),
    rights: Type.Record(Type.String(), Count, {
      description: "Committed rights by region: what each may take without asking another.",
    }),
    left: Type.Object(
      {
        here: Type.Integer({
          description:
            "This region's rights without what its pending writes take. Below zero once its rights were reclaimed: pending writes that take more than it holds are superseded.",
        }),
        total: Type.Integer({
          description: "The rights of all regions without the same, as far as this one knows.",
        }),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

export const RecordEscrowsAnswer = Type.Object(
  {
    key: Type.String(),
    escrows: Type.Record(Type.String(), EscrowAnswer, { description: "By field." }),
    as_of: Position,
    session: SessionToken,
  },
  { additionalProperties: false },
);

export const CollectionAnswer = Type.Object(
  { name: Type.String(), version: Type.Integer({ minimum: 1 }), schema: CollectionSchemaBody },
  { additionalProperties: false },
);

export const CollectionListAnswer = Type.Object(
  { collections: Type.Array(CollectionAnswer) },
  { additionalProperties: false },
);

export const ProblemAnswer = Type.Object(
  {
    type: Type.String({ description: "urn:forebay:problem:<code>" }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: "What is wrong, and what would be right." }),
    retry: Type.Enum(["never", "same", "ask"], {
      description:
        "never: change the request; same: send it again, under a new Idempotency-Key where the log has decided; ask: it may have taken effect, ask for the operation or send it again with the same Idempotency-Key.",
    }),
    reason: Type.Optional(
      Type.Enum([...REFUSAL_REASONS], { description: "Which bound the region keeps by refusing." }),
    ),
    operation: Type.Optional(Type.String({ description: "The operation whose outcome can be asked for." })),
    operation_url: Type.Optional(
      Type.String({ description: "Where to ask, while the outcome may be open." }),
    ),
    expires_at_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Log time after which the operation is dead, if the log has not decided on it before.",
      }),
    ),
    position: Type.Optional(Position),
    staleness_ms: Type.Optional(
      Type.Number({ minimum: 0, description: "How old the region's view may be." }),
    ),
    field: Type.Optional(Type.String({ description: "The field or parameter that is wrong." })),
    scope: Type.Optional(Type.String({ description: "What the credential lacks, such as `read:users`." })),
    write: Type.Optional(WriteIndex),
    left: Type.Optional(
      Type.Object(
        {
          here: Type.Integer({ description: "What this region may take at once." }),
          total: Type.Integer({
            description: "What all regions together may take, as far as this one knows.",
          }),
        },
        { description: "Of the escrow in `field`, which has too little left: what a write may take." },
      ),
    ),
  },
  { description: "A problem by RFC 9457." },
);

export type ReceiptAnswer = Static<typeof ReceiptAnswer>;
export type WriteAnswer = Static<typeof WriteAnswer>;
export type ResultAnswer =
  Static<typeof RecordResult> | Static<typeof TransactionResult> | Static<typeof LeaseResult>;
export type OperationAnswer = Static<typeof OperationAnswer>;
export type LeaseAnswer = Static<typeof LeaseAnswer>;
export type RecordAnswer = Static<typeof RecordAnswer>;
export type RecordListAnswer = Static<typeof RecordListAnswer>;
export type RecordEscrowsAnswer = Static<typeof RecordEscrowsAnswer>;
export type CollectionAnswer = Static<typeof CollectionAnswer>;
export type CollectionListAnswer = Static<typeof CollectionListAnswer>;
export type ProblemAnswer = Static<typeof ProblemAnswer>;
