/** Bodies and answers of `/v1/backups`. */
import { Type, type Static } from "typebox";

const Count = Type.Integer({ minimum: 0 });

export const BackupBody = Type.Object(
  { partition: Count },
  { additionalProperties: false, examples: [{ partition: 0 }] },
);
export type BackupBody = Static<typeof BackupBody>;

export const BackupAnswer = Type.Object(
  {
    backup: Type.String({ format: "uuid" }),
    region: Type.String(),
    partition: Count,
    position: Type.Integer({ minimum: 0, description: "In the log: all that is in the backup is of it." }),
    taken_at_ms: Type.Integer({ description: "Milliseconds since 1970." }),
    rows: Type.Object(
      { records: Count, operations: Count, conflicts: Count },
      { additionalProperties: false, description: "How many there are, by part." },
    ),
    head: Type.Record(Type.String(), Type.Unknown(), {
      description: "What there is to the partition besides rows: to be kept as it is.",
    }),
  },
  {
    additionalProperties: false,
    examples: [
      {
        backup: "0199a1b2-0000-7000-8000-000000000001",
        region: "eu",
        partition: 0,
        position: 4711,
        taken_at_ms: 1_760_000_000_000,
        rows: { records: 1_000, operations: 5_000, conflicts: 3 },
        head: {},
      },
    ],
  },
);
export type BackupAnswer = Static<typeof BackupAnswer>;

/** Headers of a page: how many rows it has, and what names the next one (percent-encoded; absent after the last). */
export const PAGE_ROWS_HEADER = "forebay-rows";
export const PAGE_NEXT_HEADER = "forebay-next";
