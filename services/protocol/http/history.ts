/** The answer of `/v1/collections/{collection}/records/{key}/history`. */
import { Type, type Static } from "typebox";
import { OPERATORS } from "../../core/fields/kind.ts";

const Count = Type.Integer({ minimum: 0 });

const HistoryEntryAnswer = Type.Object(
  {
    position: Type.Integer({ minimum: 1, description: "In the log of the record's partition." }),
    stored_at_ms: Type.Integer({ description: "When the log stored it, in milliseconds since 1970." }),
    region: Type.String({ description: "The region that it came through." }),
    kind: Type.Enum(["local", "decided", "swept", "repaired"], {
      description:
        "local: accepted by its region alone; decided: by the log; swept: looked at for having expired; repaired: set to what was proven, where it still was what the regions held.",
    }),
    action: Type.String({ description: "Such as `change`, `delete`, `restore`, `acquire`, `sweep`." }),
    operation: Type.Optional(Type.String({ description: "Its id, or that of the repair." })),
    status: Type.Optional(
      Type.Enum(["committed", "superseded", "rejected"], {
        description: "What the fold made of the operation; absent where it has forgotten it, or it was late.",
      }),
    ),
    reason: Type.Optional(Type.String({ description: "Why it was rejected." })),
    changes: Type.Array(
      Type.Object(
        { field: Type.String(), operator: Type.Enum([...OPERATORS]), argument: Type.Unknown() },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export const HistoryAnswer = Type.Object(
  {
    partition: Count,
    looked_at: Type.Object(
      { from: Count, to: Count },
      { additionalProperties: false, description: "Positions of the log that were looked at." },
    ),
    entries: Type.Array(HistoryEntryAnswer, { description: "Newest first." }),
    next_before: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "Pass as `before` to look further back; absent where the log begins. A page may be empty and have it all the same.",
      }),
    ),
  },
  { additionalProperties: false },
);

export type HistoryAnswer = Static<typeof HistoryAnswer>;
