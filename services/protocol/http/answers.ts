/** The answers of API version 1, and how they are made from what the gateway says. */
import { Type, type Static } from "typebox";
import { CollectionSchemaBody } from "../collection.ts";

const Count = Type.Integer({ minimum: 0 });
const Position = Type.Object({ partition: Count, sequence: Count }, { description: "A place in the log." });
const SessionToken = Type.String({
  description: "What this client has seen; pass it on as Forebay-Session. Opaque.",
});
const Fields = Type.Record(Type.String(), Type.Unknown(), { description: "Values by field." });

export const ReceiptAnswer = Type.Object(
  {
    operation: Type.String({ format: "uuid", description: "Names the write in every region." }),
    status: Type.Enum(["accepted", "committed", "superseded", "rejected"], {
      description:
        "accepted: durable in this region; committed: ordered by the log and effective; superseded: ordered, but newer writes won; rejected: the log refused it.",
    }),
    region: Type.String({ description: "The region that took the write." }),
    at: Type.String({ pattern: "^[0-9a-f]{16}$", description: "The stamp of the hybrid logical clock." }),
    position: Type.Optional(Position),
    reason: Type.Optional(Type.String()),
    lost_fields: Type.Optional(Type.Array(Type.String(), { description: "Fields whose change lost." })),
  },
  { additionalProperties: false },
);

export const WriteAnswer = Type.Object(
  {
    ...ReceiptAnswer.properties,
    session: SessionToken,
    replayed: Type.Optional(
      Type.Literal(true, { description: "This is the answer to an earlier try of the same request." }),
    ),
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
        "never: change the request; same: send it again; ask: it may have taken effect, ask for the operation or send it again with the same Idempotency-Key.",
    }),
    operation: Type.Optional(Type.String({ description: "The operation whose outcome can be asked for." })),
    field: Type.Optional(Type.String({ description: "The field or parameter that is wrong." })),
  },
  { description: "A problem by RFC 9457." },
);

export type ReceiptAnswer = Static<typeof ReceiptAnswer>;
export type WriteAnswer = Static<typeof WriteAnswer>;
export type RecordAnswer = Static<typeof RecordAnswer>;
export type RecordListAnswer = Static<typeof RecordListAnswer>;
export type CollectionAnswer = Static<typeof CollectionAnswer>;
export type CollectionListAnswer = Static<typeof CollectionListAnswer>;
export type ProblemAnswer = Static<typeof ProblemAnswer>;
