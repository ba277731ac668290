/** Bodies and answers of `/v1/members` and `/v1/rejoin`. */
import { Type, type Static } from "typebox";
import { REGION_NAME_PATTERN } from "./headers.ts";

const Count = Type.Integer({ minimum: 0 });

const Member = Type.Object(
  {
    region: Type.String(),
    joined: Type.Optional(
      Type.String({ description: "By which entry it has joined last; absent of one of the first members." }),
    ),
    joining: Type.Optional(
      Type.Literal(true, { description: "Present while it has joined and has not been heard of since." }),
    ),
    applied_position: Type.Optional(Count),
    lag_entries: Type.Optional(Count),
    silent_ms: Type.Optional(Type.Integer({ minimum: 0, description: "Log time since its last tick." })),
    unshipped_rows: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          "Rows that its WAL had at its last tick and the log has not. It may have taken more since.",
      }),
    ),
  },
  { additionalProperties: false },
);

export const MembersAnswer = Type.Object(
  {
    partitions: Type.Array(
      Type.Object(
        {
          partition: Count,
          members: Type.Array(Member),
          departed: Type.Array(Type.String(), { description: "Regions that were removed." }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export const ChangeMembersBody = Type.Object(
  {
    action: Type.Union([Type.Literal("add"), Type.Literal("remove")]),
    region: Type.String({ pattern: REGION_NAME_PATTERN }),
    force: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Of a removal: although the region is not drained. What only its WAL has is lost.",
      }),
    ),
  },
  { additionalProperties: false },
);

export const RejoinBody = Type.Object(
  {
    force: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          "Its WAL begins anew, also where another database has taken the place of the region's; nothing is loaded.",
      }),
    ),
  },
  { additionalProperties: false },
);

export type MembersAnswer = Static<typeof MembersAnswer>;
export type MemberAnswer = MembersAnswer["partitions"][number]["members"][number];
export type ChangeMembersBody = Static<typeof ChangeMembersBody>;
export type RejoinBody = Static<typeof RejoinBody>;
