/** Bodies and answers of `/v1/log`. */
import { Type, type Static } from "typebox";
import { REGION_NAME_PATTERN } from "./headers.ts";

const Count = Type.Integer({ minimum: 0 });
const RegionName = Type.String({ pattern: REGION_NAME_PATTERN });

export const REGION_FATES = ["goes-on", "bootstrap", "rejoin", "unreachable"] as const;
export const REBUILD_REFUSALS = [
  "healthy",
  "no-state",
  "unreachable",
  "disagreeing",
  "others-fold",
  "unknown-region",
] as const;

const RegionLog = Type.Object(
  {
    region: Type.String(),
    problem: Type.Optional(Type.String({ description: "Why it could not be asked." })),
    position: Type.Optional(Type.Integer({ minimum: 0, description: "How far it has folded." })),
    chain: Type.Optional(Type.String({ description: "Head of the hash chain over all that it has folded." })),
    log_created_at_ms: Type.Optional(
      Type.Integer({ description: "When the log was made that it has folded, in milliseconds since 1970." }),
    ),
    stopped: Type.Optional(Type.String({ description: "Why it does not fold." })),
    heard_position: Type.Optional(
      Type.Integer({ minimum: 0, description: "How far it had folded when it was last heard." }),
    ),
    wal_head: Type.Optional(Count),
    proposed_again: Type.Optional(
      Type.Integer({ minimum: 0, description: "Local operations of its WAL that the new log gets again." }),
    ),
    fate: Type.Enum(REGION_FATES, { description: "What it does once the log is made anew." }),
  },
  { additionalProperties: false },
);

const PartitionLogAnswer = Type.Object(
  {
    partition: Count,
    log: Type.Optional(
      Type.Object(
        {
          created_at_ms: Type.Integer({
            description: "In milliseconds since 1970: another value is another log.",
          }),
          first: Count,
          last: Count,
          is_closed: Type.Optional(
            Type.Literal(true, {
              description: "Present where making it anew was cut off: nobody can publish to it.",
            }),
          ),
        },
        { additionalProperties: false, description: "Absent where there is none, or it can't be looked at." },
      ),
    ),
    problem: Type.Optional(Type.String({ description: "Why the log can't be looked at." })),
    healthy: Type.Boolean({ description: "Whether all regions that answer fold the log that is there." }),
    regions: Type.Array(RegionLog),
    from: Type.Optional(Type.String({ description: "Whose state a new log would go on from." })),
    epoch: Type.Integer({ minimum: 1, description: "Of the new log." }),
    lost_positions: Type.Integer({
      minimum: 0,
      description: "Positions that some region had folded, and that the new log does not go on from.",
    }),
    resumed_after: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Present where the log was made anew after this position, and has only to be opened.",
      }),
    ),
    refusal: Type.Optional(
      Type.Object(
        { why: Type.Enum(REBUILD_REFUSALS), reason: Type.String() },
        { additionalProperties: false, description: "What stands against making it anew." },
      ),
    ),
    made: Type.Optional(
      Type.Object(
        { created_at_ms: Type.Integer(), epoch: Type.Integer(), position: Count },
        {
          additionalProperties: false,
          description: "The log that was made, and its first entry's position.",
        },
      ),
    ),
  },
  { additionalProperties: false },
);

export const LogAnswer = Type.Object(
  { partitions: Type.Array(PartitionLogAnswer) },
  { additionalProperties: false },
);

export const RebuildLogBody = Type.Object(
  {
    partition: Type.Optional(Type.Integer({ minimum: 0, description: "Default: all that have failed." })),
    dry_run: Type.Optional(Type.Boolean({ default: true, description: "Only say what would be done." })),
    without: Type.Optional(
      Type.Array(RegionName, {
        maxItems: 64,
        description:
          "Regions that can't be asked, and may have folded further: what they alone have is lost.",
      }),
    ),
    from: Type.Optional(
      Type.String({ pattern: REGION_NAME_PATTERN, description: "Whose past counts. Default: the furthest." }),
    ),
    force: Type.Optional(
      Type.Boolean({
        description:
          "Also where the regions that answer only lag. Never from a region that folds the log that is there.",
      }),
    ),
  },
  { additionalProperties: false },
);

export type LogAnswer = Static<typeof LogAnswer>;
export type PartitionLogAnswer = LogAnswer["partitions"][number];
export type RegionLogAnswer = PartitionLogAnswer["regions"][number];
export type RebuildLogBody = Static<typeof RebuildLogBody>;
