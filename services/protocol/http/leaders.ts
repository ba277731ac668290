/** Bodies and answers of `/v1/leader` and `/v1/drain`. */
import { Type, type Static } from "typebox";
import { REGION_NAME_PATTERN } from "./headers.ts";

const Count = Type.Integer({ minimum: 0 });

/** How long automatic placement leaves leadership alone that was moved by hand. */
export const HOLD_MS_DEFAULT = 600_000;
export const HOLD_MS_MAX = 86_400_000;

const PartitionLeader = Type.Object(
  {
    partition: Count,
    leader: Type.Optional(
      Type.String({ description: "Absent during an election, or when the log can't be asked." }),
    ),
    leader_since_ms: Type.Optional(
      Type.Integer({
        description: "When it was elected, by its server's clock, in milliseconds since 1970.",
      }),
    ),
    ranking: Type.Array(
      Type.Object(
        {
          region: Type.String(),
          quorum_round_trip_ms: Type.Optional(
            Type.Number({
              minimum: 0,
              description:
                "Until a majority has answered, if the region led. Absent where no majority can answer it.",
            }),
          ),
        },
        { additionalProperties: false },
      ),
      { description: "The best first, as this region sees it; empty where it has not looked yet." },
    ),
    replicas: Type.Optional(
      Type.Array(
        Type.Object(
          { region: Type.String(), online: Type.Boolean(), lag_entries: Count, seen_ago_ms: Count },
          { additionalProperties: false },
        ),
        { description: "The other servers that hold the log, as the leader's sees them." },
      ),
    ),
    unknown_replicas: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "How many more should hold the log that the leader's does not know: for a moment after an election, or because they were removed.",
      }),
    ),
    automatic: Type.Optional(
      Type.Boolean({ description: "Whether this region moves leadership to itself where that is better." }),
    ),
    hold: Type.Optional(
      Type.Object(
        { leader: Type.String(), left_ms: Count },
        {
          additionalProperties: false,
          description: "Somebody has moved leadership: automatic placement leaves it alone for so long.",
        },
      ),
    ),
  },
  { additionalProperties: false },
);

export const LeadersAnswer = Type.Object(
  { partitions: Type.Array(PartitionLeader) },
  { additionalProperties: false },
);

export const MoveLeaderBody = Type.Object(
  {
    region: Type.String({ pattern: REGION_NAME_PATTERN }),
    partition: Type.Optional(Type.Integer({ minimum: 0, description: "Default: all." })),
    hold_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: HOLD_MS_MAX,
        default: HOLD_MS_DEFAULT,
        description: "How long automatic placement leaves it there; 0 lets it go on at once.",
      }),
    ),
  },
  { additionalProperties: false },
);

export const MoveLeaderAnswer = Type.Object(
  {
    partitions: Type.Array(
      Type.Object({ partition: Count, leader: Type.String() }, { additionalProperties: false }),
    ),
    hold_ms: Count,
  },
  { additionalProperties: false },
);

export const DrainBody = Type.Object(
  {
    force: Type.Optional(
      Type.Boolean({ default: false, description: "Also where fewer than a majority would be left." }),
    ),
  },
  { additionalProperties: false },
);

export type LeadersAnswer = Static<typeof LeadersAnswer>;
export type MoveLeaderBody = Static<typeof MoveLeaderBody>;
export type MoveLeaderAnswer = Static<typeof MoveLeaderAnswer>;
export type DrainBody = Static<typeof DrainBody>;
