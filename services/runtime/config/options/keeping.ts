/** What may wait in the WAL, how long what is kept, and how the cluster looks after itself. */
import { PLACEMENT_DEFAULTS } from "../../../core/placement/decide.ts";
import { defaulted } from "../option.ts";
import { flag, integer } from "../plain-kinds.ts";
import { SWITCH } from "./process.ts";

const SECONDS_PER_HOUR = 3_600;
/** A hundred years: for ever. */
const HOURS_MAX = 876_000;
const SECONDS_MAX = HOURS_MAX * SECONDS_PER_HOUR;
const ROWS_MAX = 1_000_000_000_000;
const BYTES_MAX = 1024 ** 5;
const MS_PER_HOUR = 3_600_000;
const WAIT_MS_MIN = 100;

const seconds = integer({ minimum: 1, maximum: SECONDS_MAX, unit: "seconds" });
const secondsOrNever = integer({ minimum: 0, maximum: SECONDS_MAX, unit: "seconds" });
const patience = integer({ minimum: WAIT_MS_MIN, maximum: MS_PER_HOUR, unit: "milliseconds" });

export const walOptions = {
  rowsMax: defaulted({
    variable: "FOREBAY_WAL_ROWS_MAX",
    key: "wal.rows_max",
    kind: integer({ minimum: 1, maximum: ROWS_MAX }),
    otherwise: 5_000_000,
    summary: "Rows that may wait in one partition's WAL; writes are refused at 90 %.",
  }),
  bytesMax: defaulted({
    variable: "FOREBAY_WAL_BYTES_MAX",
    key: "wal.bytes_max",
    kind: integer({ minimum: 1, maximum: BYTES_MAX }),
    otherwise: 4 * 1024 ** 3,
    summary: "Bytes that may wait in one partition's WAL.",
  }),
  // An outage of the log is not to stop local writes: before a day is over the rows are what runs out.
  ageSecondsMax: defaulted({
    variable: "FOREBAY_WAL_AGE_SECONDS_MAX",
    key: "wal.age_seconds_max",
    kind: seconds,
    otherwise: 24 * SECONDS_PER_HOUR,
    summary: "How old the oldest row that waits may be.",
  }),
};

export const keepingOptions = {
  trimEverySeconds: defaulted({
    variable: "FOREBAY_TRIM_EVERY_SECONDS",
    key: "trim.every_seconds",
    kind: seconds,
    otherwise: 60,
    summary: "How often what every member has is trimmed.",
  }),
  // Whoever finds the log trimmed has to load a state: that it is trimmed at all has to be asked for.
  logSeconds: defaulted({
    variable: "FOREBAY_LOG_RETENTION_SECONDS",
    key: "log.retention_seconds",
    kind: secondsOrNever,
    otherwise: 0,
    summary: "How long the log's entries are kept once every member has them, in log time; 0 is for ever.",
  }),
  walSeconds: defaulted({
    variable: "FOREBAY_WAL_RETENTION_SECONDS",
    key: "wal.retention_seconds",
    kind: seconds,
    otherwise: SECONDS_PER_HOUR,
    summary: "How long rows of the WAL are kept once every member has folded them, in log time.",
  }),
  operationSeconds: defaulted({
    variable: "FOREBAY_OPERATION_RETENTION_SECONDS",
    key: "operation.retention_seconds",
    kind: seconds,
    otherwise: 24 * SECONDS_PER_HOUR,
    summary: "How long a retried write is known again, in log time; receipts go with it.",
  }),
  // Over a weekend: a pipeline that stands still goes on on Monday.
  changesSeconds: defaulted({
    variable: "FOREBAY_CHANGES_RETENTION_SECONDS",
    key: "changes.retention_seconds",
    since: "0.2.0",
    kind: seconds,
    otherwise: 72 * SECONDS_PER_HOUR,
    summary: "How old a cursor of the feed may be, in log time.",
  }),
  conflictHours: defaulted({
    variable: "FOREBAY_CONFLICT_RETENTION_HOURS",
    key: "conflict.retention_hours",
    kind: integer({ minimum: 1, maximum: HOURS_MAX, unit: "hours" }),
    otherwise: 30 * 24,
    summary: "How long what lost to a concurrent write is kept, in log time.",
  }),
  awaySecondsMax: defaulted({
    variable: "FOREBAY_MEMBER_AWAY_SECONDS_MAX",
    key: "member.away_seconds_max",
    kind: secondsOrNever,
    otherwise: 0,
    summary: "After how long nothing is kept any more for a region that tells of nothing; 0 is never.",
  }),
};

export const verificationOptions = {
  everySeconds: defaulted({
    variable: "FOREBAY_VERIFY_EVERY_SECONDS",
    key: "verify.every_seconds",
    kind: secondsOrNever,
    otherwise: SECONDS_PER_HOUR,
    summary: "How often the cluster compares each partition over all regions by itself; 0 is never.",
  }),
  isRepairAutomatic: defaulted({
    variable: "FOREBAY_REPAIR_AUTOMATIC",
    key: "repair.automatic",
    kind: flag(SWITCH),
    otherwise: false,
    summary: "Whether it repairs by itself what a majority of regions proves.",
  }),
};

export const placementOptions = {
  isAutomatic: defaulted({
    variable: "FOREBAY_LEADER_PLACEMENT",
    key: "leader.placement",
    kind: flag(SWITCH),
    otherwise: true,
    summary: "Whether the log's leaders are moved to where agreement is quickest.",
  }),
  lookEveryMs: defaulted({
    variable: "FOREBAY_LEADER_LOOK_MS",
    key: "leader.look_ms",
    kind: patience,
    otherwise: 5_000,
    summary: "How often it is looked whether a leader should move.",
  }),
  settledMs: defaulted({
    variable: "FOREBAY_LEADER_SETTLED_MS",
    key: "leader.settled_ms",
    kind: patience,
    otherwise: PLACEMENT_DEFAULTS.settledMs,
    summary: "How long another place must have been better.",
  }),
  coolDownMs: defaulted({
    variable: "FOREBAY_LEADER_COOL_DOWN_MS",
    key: "leader.cool_down_ms",
    kind: patience,
    otherwise: PLACEMENT_DEFAULTS.coolDownMs,
    summary: "How long a leader that was moved stays where it is.",
  }),
};
