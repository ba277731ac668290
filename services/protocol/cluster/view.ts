/**
 * The whole cluster as one region sees it, as JSON: what `GET /v1/cluster` answers, and what the live feed of the console
 * sends. It is made of the reports that regions announce (`report.ts`), and needs neither log nor database.
 */
import { Type, type Static } from "typebox";
import { Region } from "../wire-types.ts";
import { RegionReport } from "./report.ts";

const Count = Type.Integer({ minimum: 0 });
const Milliseconds = Type.Number({ minimum: 0 });
/** Milliseconds since 1970, by the viewer's clock. */
const WallTime = Type.Integer({ minimum: 0 });

export const RegionView = Type.Object({
  region: Region,
  /** Silent: no announcement of it has come here for two seconds. Unheard: none since this process started. */
  state: Type.Enum(["heard", "silent", "unheard"]),
  /** How old its newest report is. */
  age_ms: Type.Optional(Milliseconds),
  /** Other regions that hear it, by their own reports. */
  heard_by: Type.Array(Region),
  /** The newest report of each process; the one that relays partition 0 first. Of a silent region those that it told last. */
  processes: Type.Array(RegionReport),
});

/** One way of messages between two regions. */
export const LinkView = Type.Object({
  from: Region,
  to: Region,
  /** Cut: `to` does not hear `from`, though somebody else does. Dark: nobody hears `from`, or nobody can tell. */
  state: Type.Enum(["ok", "slow", "cut", "dark"]),
  round_trip_ms: Type.Optional(Milliseconds),
  /** Since when it is in this state. */
  since: WallTime,
});

/**
 * Where operations of an origin are that a region does not show yet.
 * Buffer: in the origin's WAL, not ordered. Log: ordered, not delivered to the region. Fold: delivered, not folded.
 */
export const LagStage = Type.Enum(["none", "buffer", "log", "fold", "unknown"]);

/** Why a stage does not go on. What users of the console read of it is in `text`. */
export const LagReason = Type.Enum([
  "nothing",
  "on-its-way",
  "backlog",
  "breaker-open",
  "no-leader",
  "in-doubt",
  "wal-trouble",
  "no-relay",
  "origin-silent",
  "region-silent",
  "replica-behind",
  "fold-stopped",
  "fold-bootstrapping",
  "database-away",
  "fold-busy",
]);

export const LagView = Type.Object({
  partition: Count,
  origin: Region,
  region: Region,
  /** Operations that the origin has accepted and that the region does not show. */
  operations: Count,
  /** Of the oldest of them; 0 where there is none. */
  age_ms: Milliseconds,
  stage: LagStage,
  /** How many of them are in each stage. */
  in_buffer: Count,
  in_log: Count,
  in_fold: Count,
  reason: LagReason,
  /** One plain sentence: what is waited for, and why. */
  text: Type.String(),
  /** The operation, or the log's entry, that everything behind it waits for. */
  waits_for: Type.Optional(Type.Object({ kind: Type.Enum(["operation", "entry"]), id: Type.String() })),
  /** Since when `stage` and `reason` are what they are. */
  since: WallTime,
});

/** One thing that an operator should know, worst first. */
export const Finding = Type.Object({
  /** The same for as long as it lasts: such as `link-cut:eu:us`. */
  id: Type.String(),
  /** Hurt: users are failed now. Risk: the next fault would. Note: neither. */
  severity: Type.Enum(["hurt", "risk", "note"]),
  region: Type.Optional(Region),
  partition: Type.Optional(Count),
  since: WallTime,
  /** What is seen, and why, in a sentence each. */
  what: Type.String(),
  why: Type.Optional(Type.String()),
  /** What to do first. */
  act: Type.Optional(Type.String()),
  /** Name of a page in the runbooks, without its ending. */
  runbook: Type.Optional(Type.String()),
});

/** Something that happened, as this process saw it. */
export const ClusterEvent = Type.Object({
  at: WallTime,
  kind: Type.Enum([
    "leader-changed",
    "leader-lost",
    "region-silent",
    "region-heard",
    "link-cut",
    "link-healed",
    "breaker-opened",
    "breaker-closed",
    "admission-refuses",
    "admission-open",
    "fold-stopped",
    "fold-goes-on",
    "verdict",
    "draining",
    "undrained",
    "process-started",
  ]),
  region: Type.Optional(Region),
  partition: Type.Optional(Count),
  text: Type.String(),
});

export const ClusterView = Type.Object({
  viewer: Type.Object({ region: Region, process: Type.String(), at: WallTime, software: Type.String() }),
  /** All that are members of some partition, or were heard; sorted. */
  members: Type.Array(Region),
  partitions: Count,
  /** The worst severity of the findings; `ok` where there is none worse than a note. */
  level: Type.Enum(["ok", "risk", "hurt"]),
  findings: Type.Array(Finding),
  regions: Type.Array(RegionView),
  links: Type.Array(LinkView),
  lags: Type.Array(LagView),
  /** Newest last, a few hundred at most. */
  events: Type.Array(ClusterEvent),
  /** Where this is a cluster on one machine whose faults the console may order. */
  has_chaos: Type.Boolean(),
});

/** A line of a chart: one value per point, null where nothing is known. */
export const HistorySeries = Type.Object({
  /**
   * `pending_rows`, `oldest_age_ms`, `fold_per_second`, `accepted_per_second`, `decided_per_second`, `refused_per_second`,
   * `event_loop_delay_ms`, `clock_offset_ms` of a region; `lag_ms` of an origin in a region; `term` of a partition.
   */
  name: Type.String(),
  region: Type.Optional(Region),
  origin: Type.Optional(Region),
  partition: Type.Optional(Count),
  values: Type.Array(Type.Union([Type.Number(), Type.Null()])),
});

/** What `GET /v1/cluster/history?span_ms=…&points=…` answers. */
export const ClusterHistory = Type.Object({
  from: WallTime,
  step_ms: Count,
  series: Type.Array(HistorySeries),
});

/** What the live feed sends (`WS /v1/cluster/live`): the view at once, and again every second. */
export const LiveMessage = Type.Object({ type: Type.Literal("view"), view: ClusterView });

export type RegionView = Static<typeof RegionView>;
export type LinkView = Static<typeof LinkView>;
export type LagStage = Static<typeof LagStage>;
export type LagReason = Static<typeof LagReason>;
export type LagView = Static<typeof LagView>;
export type Finding = Static<typeof Finding>;
export type ClusterEvent = Static<typeof ClusterEvent>;
export type ClusterView = Static<typeof ClusterView>;
export type HistorySeries = Static<typeof HistorySeries>;
export type ClusterHistory = Static<typeof ClusterHistory>;
export type LiveMessage = Static<typeof LiveMessage>;
