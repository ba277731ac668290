/** Bodies and answers of `/v1/verify`, `/v1/verifications` and `/v1/repairs`. */
import { Type, type Static } from "typebox";
import { REPAIR_REASON_LENGTH_MAX } from "../repair-codec.ts";
import { REGION_NAME_PATTERN } from "./headers.ts";

const Count = Type.Integer({ minimum: 0 });
const TimeMs = Type.Integer({ minimum: 0, description: "Milliseconds since 1970." });
const LogPlace = Type.Object({ partition: Count, sequence: Count }, { additionalProperties: false });

const PHASES = ["waiting", "digesting", "descending", "reading", "replaying", "done"] as const;
const VERDICTS = ["match", "diverged", "unreachable", "schema-mismatch"] as const;

const ID = "0199a1b2-0000-7000-8000-000000000001";
const STARTED_AT_MS = 1_760_000_000_000;
const DIGEST = "5f0e9a3c41d27b68c0d1e2f3a4b5c6d7";

/** A row of a record: its fields as clients see them, and what decides about it besides. */
const RowAnswer = Type.Object(
  {
    fields: Type.Record(Type.String(), Type.Unknown()),
    version: Type.Integer({ minimum: 0, description: "Position in the log of the last change." }),
    deleted: Type.Boolean(),
    tombstone: Type.Optional(
      Type.Object(
        { at: Type.String(), region: Type.String(), log_time_ms: TimeMs },
        { additionalProperties: false, description: "The delete, of a deleted record." },
      ),
    ),
    expires_at_ms: Type.Optional(Type.Integer({ description: "Log time." })),
    hidden: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description:
          "All that is kept of the fields that show alike and differ nevertheless, in stamps or markers.",
      }),
    ),
  },
  { additionalProperties: false },
);

const RowOrNone = Type.Union([RowAnswer, Type.Null()], { description: "null: there is no row." });

const DifferingRecordAnswer = Type.Object(
  {
    tenant: Type.String(),
    collection: Type.String({ description: "Names with a $ are the cluster's own: leases, unique values." }),
    key: Type.String(),
    rows: Type.Record(Type.String(), RowOrNone, { description: "By region." }),
    groups: Type.Array(Type.Array(Type.String()), {
      description: "Regions that hold the same, the largest group first.",
    }),
    differs: Type.Array(Type.String(), {
      description:
        "What the rows differ in: `row` (not all have one), `fields.<name>`, `state.<name>` (of a field that shows alike), `version`, `deleted`, `tombstone`, `expires_at_ms`.",
    }),
    proven: Type.Optional(
      Type.Object(
        {
          record: RowOrNone,
          regions: Type.Array(Type.String(), { description: "Which hold it." }),
          reason: Type.String(),
        },
        {
          additionalProperties: false,
          description: "What is right, by most members or by the log; absent where neither tells.",
        },
      ),
    ),
  },
  { additionalProperties: false },
);

const ROW = { fields: { name: "Ada" }, version: 12, deleted: false };
const DIFFERING = {
  tenant: "default",
  collection: "users",
  key: "ada",
  rows: { eu: ROW, us: ROW, ap: { ...ROW, fields: { name: "Eve" } } },
  groups: [["eu", "us"], ["ap"]],
  differs: ["fields.name"],
  proven: { record: ROW, regions: ["eu", "us"], reason: "2 of 3 regions hold it" },
};

const verificationMembers = {
  id: Type.String({ format: "uuid" }),
  partition: Count,
  started_at_ms: TimeMs,
  ended_at_ms: Type.Optional(TimeMs),
  phase: Type.Enum([...PHASES]),
  position: Type.Optional(
    Type.Integer({ minimum: 0, description: "Where in the log all regions are compared; absent before." }),
  ),
  verdict: Type.Optional(
    Type.Enum([...VERDICTS], {
      description:
        "match: all regions that were compared hold the same. diverged: they don't, at the same position, which no lag explains. unreachable: too few could be compared. schema-mismatch: their software compares in different ways. Absent until it has ended.",
    }),
  ),
  reason: Type.Optional(Type.String({ description: "What the verdict rests on." })),
  regions: Type.Array(
    Type.Object(
      {
        region: Type.String(),
        problem: Type.Optional(Type.String({ description: "Why it could not be compared." })),
        rows: Type.Optional(Count),
        digest: Type.Optional(Type.String({ pattern: "^[0-9a-f]{32}$" })),
      },
      { additionalProperties: false },
    ),
  ),
};

const differencesMembers = {
  records: Type.Integer({ minimum: 0, description: "How many records differ." }),
  rest: Type.Array(Type.String(), {
    description:
      "What differs besides records: `state`, `operations`, `origin <region>`, `collection <tenant>/<name>`.",
  }),
};

const VerificationSummary = Type.Object(
  {
    ...verificationMembers,
    differences: Type.Object(differencesMembers, { additionalProperties: false }),
  },
  { additionalProperties: false },
);

const SUMMARY = {
  id: ID,
  partition: 0,
  started_at_ms: STARTED_AT_MS,
  ended_at_ms: STARTED_AT_MS + 900,
  phase: "done",
  position: 1_234,
  verdict: "diverged",
  reason: "1 record differs",
  regions: [
    { region: "eu", rows: 2_000, digest: DIGEST },
    { region: "us", rows: 2_000, digest: DIGEST },
    { region: "ap", rows: 2_000, digest: DIGEST.replaceAll("5", "6") },
  ],
  differences: { records: 1, rest: [] },
};

export const VerificationListAnswer = Type.Object(
  { verifications: Type.Array(VerificationSummary) },
  { additionalProperties: false, examples: [{ verifications: [SUMMARY] }] },
);

export const VerificationAnswer = Type.Object(
  {
    ...verificationMembers,
    differences: Type.Object(
      {
        ...differencesMembers,
        sample: Type.Array(DifferingRecordAnswer, {
          description: "The first of the records, as many as an answer holds.",
        }),
      },
      { additionalProperties: false },
    ),
  },
  {
    additionalProperties: false,
    examples: [{ ...SUMMARY, differences: { records: 1, rest: [], sample: [DIFFERING] } }],
  },
);

export const VerifyBody = Type.Object(
  { partition: Type.Optional(Type.Integer({ minimum: 0, description: "Default: all." })) },
  { additionalProperties: false, examples: [{}, { partition: 0 }] },
);

export const RepairBody = Type.Object(
  {
    dry_run: Type.Optional(
      Type.Boolean({
        default: true,
        description: "Only says what would be done. It takes a false to do it.",
      }),
    ),
    preferred: Type.Optional(
      Type.String({
        pattern: REGION_NAME_PATTERN,
        description:
          "The region whose rows are right where nothing is proven. Without it such records are left as they are.",
      }),
    ),
    reason: Type.String({
      minLength: 1,
      maxLength: REPAIR_REASON_LENGTH_MAX,
      description: "Kept with every row that is changed.",
    }),
  },
  {
    additionalProperties: false,
    examples: [
      { reason: "row edited by hand" },
      { dry_run: false, preferred: "eu", reason: "row edited by hand" },
    ],
  },
);

export const RepairReportAnswer = Type.Object(
  {
    id: Type.Optional(
      Type.String({ format: "uuid", description: "Absent of a dry run, and where there was nothing to do." }),
    ),
    dry_run: Type.Boolean(),
    records: Type.Integer({
      minimum: 0,
      description: "That are, or would be, set to what is proven or preferred.",
    }),
    sample: Type.Array(DifferingRecordAnswer, {
      description: "The first of them, as many as an answer holds.",
    }),
    undecided: Type.Object(
      { records: Count, sample: Type.Array(DifferingRecordAnswer) },
      { additionalProperties: false, description: "That nothing proves, and so left as they are." },
    ),
    positions: Type.Array(Count, { description: "Of the log's entries that do it." }),
  },
  {
    additionalProperties: false,
    examples: [
      {
        id: ID,
        dry_run: false,
        records: 1,
        sample: [DIFFERING],
        undecided: { records: 0, sample: [] },
        positions: [1_240],
      },
    ],
  },
);

const RepairAnswer = Type.Object(
  {
    repair: Type.String({ format: "uuid", description: "The repair that it was part of." }),
    tenant: Type.String(),
    collection: Type.String(),
    key: Type.String(),
    position: LogPlace,
    log_time_ms: TimeMs,
    reason: Type.String(),
    before: RowOrNone,
    after: RowOrNone,
    differs: Type.Array(Type.String(), { description: "What was changed, named as in a verification." }),
  },
  { additionalProperties: false },
);

export const RepairListAnswer = Type.Object(
  {
    repairs: Type.Array(RepairAnswer),
    next_cursor: Type.Optional(Type.String({ description: "Pass as `cursor` to go on; absent at the end." })),
  },
  {
    additionalProperties: false,
    examples: [
      {
        repairs: [
          {
            repair: ID,
            tenant: "default",
            collection: "users",
            key: "ada",
            position: { partition: 0, sequence: 1_240 },
            log_time_ms: STARTED_AT_MS,
            reason: "row edited by hand",
            before: { ...ROW, fields: { name: "Eve" } },
            after: ROW,
            differs: ["fields.name"],
          },
        ],
      },
    ],
  },
);

export type RowAnswer = Static<typeof RowAnswer>;
export type DifferingRecordAnswer = Static<typeof DifferingRecordAnswer>;
export type VerificationSummary = Static<typeof VerificationSummary>;
export type VerificationListAnswer = Static<typeof VerificationListAnswer>;
export type VerificationAnswer = Static<typeof VerificationAnswer>;
export type VerifyBody = Static<typeof VerifyBody>;
export type RepairBody = Static<typeof RepairBody>;
export type RepairReportAnswer = Static<typeof RepairReportAnswer>;
export type RepairAnswer = Static<typeof RepairAnswer>;
export type RepairListAnswer = Static<typeof RepairListAnswer>;
