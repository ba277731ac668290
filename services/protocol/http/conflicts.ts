/** The answer of `/v1/conflicts`. */
import { Type, type Static } from "typebox";
import { LOSS_REASONS, OPERATORS } from "../../core/fields/kind.ts";

const Count = Type.Integer({ minimum: 0 });

const sideMembers = {
  region: Type.String({ description: "The region that the value came through." }),
  at: Type.String({ pattern: "^[0-9a-f]{16}$", description: "The stamp of the hybrid logical clock." }),
  value: Type.Unknown({
    description:
      "Of a loser: what was written, as its operator takes it, or the one entry or element of it that lost; null for what was taken away. Of a winner: the value that stands, or for the reasons overflow, full, kind, deleted and insufficient the sum, the limit, the kind, null, and the number that an escrow stays at.",
  }),
  operation: Type.Optional(
    Type.String({
      format: "uuid",
      description: "The write, where it is the one that the conflict came with.",
    }),
  ),
  decided: Type.Optional(
    Type.Literal(true, { description: "The log has decided on the write, rather than the region." }),
  ),
};

const ConflictAnswer = Type.Object(
  {
    id: Type.String({ description: "Names the conflict in every region." }),
    collection: Type.String(),
    key: Type.String(),
    field: Type.String(),
    entry: Type.Optional(Type.String({ description: "Of a map: the entry." })),
    reason: Type.Enum([...LOSS_REASONS], {
      description:
        "concurrent: neither write knew of the other, and the later stamp won; older: it knew the winner, whose clock was ahead; overflow: the sum would be no safe integer; full: the set or map has no room; kind: the field holds, or takes by now, values of another kind; deleted: the record was; insufficient: the region no longer had the rights to what it took of an escrow, which were reclaimed.",
    }),
    position: Type.Object(
      { partition: Count, sequence: Count },
      { description: "Where in the log it was found that one had lost." },
    ),
    log_time_ms: Type.Integer({ minimum: 0, description: "Milliseconds since 1970, by the log." }),
    loser: Type.Object(
      {
        ...sideMembers,
        operator: Type.Optional(
          Type.Enum([...OPERATORS], {
            description: "With what it was written. Absent where software recorded it that did not keep it.",
          }),
        ),
      },
      { additionalProperties: false },
    ),
    winner: Type.Object(sideMembers, { additionalProperties: false }),
  },
  { additionalProperties: false },
);

export const ConflictListAnswer = Type.Object(
  {
    conflicts: Type.Array(ConflictAnswer),
    next_cursor: Type.Optional(Type.String({ description: "Pass as `cursor` to go on; absent at the end." })),
  },
  { additionalProperties: false },
);

export type ConflictAnswer = Static<typeof ConflictAnswer>;
export type ConflictListAnswer = Static<typeof ConflictListAnswer>;
