/**
 * What every process of a region announces once a second, over plain NATS, as JSON: figures of its own, and of its region
 * as it sees it. Whoever hears of it puts a view of the cluster together (`view.ts`). Absent is what isn't known.
 */
import { Type, type Static } from "typebox";
import { Region } from "../wire-types.ts";

/** Rises when a reader of the version before would misread it; what is only added does not raise it. */
export const REPORT_VERSION = 1;

const Count = Type.Integer({ minimum: 0 });
const Milliseconds = Type.Number({ minimum: 0 });
const Text = Type.String({ maxLength: 1_000 });

/** Milliseconds since 1970, by the clock of whoever tells. */
const WallTime = Type.Integer({ minimum: 0 });

export const WalReport = Type.Object({
  head: Count,
  /** Up to here the log has acknowledged, as far as the relay knows; only where the process relays. */
  published: Type.Optional(Count),
  pending_rows: Count,
  pending_bytes: Count,
  oldest_age_ms: Milliseconds,
  /** How much of the bound that is nearest is taken, by rows, bytes or age: writes are refused from 0.9 on. */
  filled: Type.Optional(Type.Number({ minimum: 0 })),
  /** The operation that has waited longest. */
  oldest_operation: Type.Optional(Type.String({ maxLength: 64 })),
  /** Why nothing may be appended. */
  trouble: Type.Optional(Text),
});

export const BreakerReport = Type.Object({
  state: Type.Enum(["closed", "open", "half-open"]),
  reason: Type.Optional(Type.Enum(["refused", "timed-out", "slow"])),
  open_ms: Milliseconds,
});

/** Of the process that relays the partition. */
export const RelayReport = Type.Object({
  epoch: Count,
  window: Count,
  in_flight: Count,
  is_in_doubt: Type.Boolean(),
});

/** Of the process that folds the partition, or would. */
export const FoldReport = Type.Object({
  /** `waiting`: there is nothing to fold. */
  state: Type.Enum(["waiting", "folding", "stopped", "bootstrapping"]),
  /** Why it is stopped, or what it is in the middle of. */
  reason: Type.Optional(Text),
  /** The last entry that was delivered to it. */
  received: Type.Optional(Count),
});

export const VerdictReport = Type.Object({
  id: Type.String({ maxLength: 64 }),
  verdict: Type.String({ maxLength: 64 }),
  at: WallTime,
  differing_records: Count,
});

export const PartitionReport = Type.Object({
  partition: Count,
  leader: Type.Optional(Region),
  term: Type.Optional(Count),
  /** Absent while the log can't be asked. */
  log_last: Type.Optional(Count),
  /** Entries by which this region's copy of the log is behind its leader's. */
  replica_lag: Type.Optional(Count),
  applied: Count,
  log_time: WallTime,
  /** While the database does not answer: how old what it has told is. */
  stale_ms: Type.Optional(Milliseconds),
  wal: WalReport,
  breaker: BreakerReport,
  relay: Type.Optional(RelayReport),
  fold: Type.Optional(FoldReport),
  /** By origin: the WAL sequence up to which this region has folded. */
  watermarks: Type.Record(Type.String(), Count),
  members: Type.Array(Region, { maxItems: 64 }),
  verdict: Type.Optional(VerdictReport),
  /** The last verdict on all regions (`match` or `diverged`), where a later one is on too few. */
  compared: Type.Optional(VerdictReport),
  /** A member that is behind, or silent, for which log and WALs are kept. */
  pinned_by: Type.Optional(Type.Object({ region: Region, position: Count, since: WallTime })),
  /** Members for which nothing is kept any more. */
  away: Type.Optional(Type.Array(Region, { maxItems: 64 })),
  /** Regions that have said of late that they hold another log at the same position. */
  disagrees_with: Type.Optional(Type.Array(Region, { maxItems: 64 })),
  /** Milliseconds to the nearest half of the others, and back. */
  quorum_round_trip_ms: Type.Optional(Milliseconds),
});

/** What this process hears of another region, so that a third can tell a cut link from a region that is gone. */
export const PeerReport = Type.Object({
  region: Region,
  /** Since its last announcement came here. */
  heard_ms: Type.Optional(Milliseconds),
  /** There and back, as the region's own nats-server measures it. */
  round_trip_ms: Type.Optional(Milliseconds),
  /** Its clock less this one's, at most so far apart as a message takes. */
  clock_offset_ms: Type.Optional(Type.Number()),
});

/** What the process knows of clocks. One that was set, rather than slewed, is another clock from then on. */
export const ClockReport = Type.Object({
  /** How often the process's own was set since it started. */
  sets: Count,
  /** Processes whose clock is certainly ahead of this one's: what they have sent came before it was sent, by this clock. */
  leads: Type.Array(
    Type.Object({
      process: Type.String({ minLength: 1, maxLength: 64 }),
      /** As that process has told it. */
      sets: Count,
      ahead_ms: Milliseconds,
    }),
    { maxItems: 64 },
  ),
});

/** Requests that were answered since the process started. Only rises. */
export const OutcomeReport = Type.Object({
  /** How the write was decided, or that it was a read. */
  class: Type.Enum(["local", "decided", "read"]),
  outcome: Type.Enum(["accepted", "committed", "rejected", "refused", "unknown", "failed", "ok"]),
  count: Count,
});

export const LoadReport = Type.Object({
  event_loop_delay_ms: Milliseconds,
  resident_bytes: Count,
  requests_in_flight: Count,
  admission: Type.Enum(["open", "refusing"]),
  /** Why it refuses, as `core/admission/reason.ts` names it. */
  admission_reason: Type.Optional(Text),
});

export const RegionReport = Type.Object({
  version: Type.Literal(REPORT_VERSION),
  region: Region,
  /** Drawn when the process starts. */
  process: Type.String({ minLength: 1, maxLength: 64 }),
  /** Rises with each announcement of the process. */
  sequence: Count,
  sent_at: WallTime,
  started_at: WallTime,
  software: Type.String({ maxLength: 64 }),
  is_ready: Type.Boolean(),
  /** Why it is not. */
  problems: Type.Array(Text, { maxItems: 32 }),
  draining_since: Type.Optional(WallTime),
  partitions: Type.Array(PartitionReport, { maxItems: 256 }),
  peers: Type.Array(PeerReport, { maxItems: 64 }),
  clock: Type.Optional(ClockReport),
  outcomes: Type.Array(OutcomeReport, { maxItems: 32 }),
  load: LoadReport,
});

export type WalReport = Static<typeof WalReport>;
export type RelayReport = Static<typeof RelayReport>;
export type VerdictReport = Static<typeof VerdictReport>;
export type BreakerReport = Static<typeof BreakerReport>;
export type FoldReport = Static<typeof FoldReport>;
export type PartitionReport = Static<typeof PartitionReport>;
export type PeerReport = Static<typeof PeerReport>;
export type ClockReport = Static<typeof ClockReport>;
export type OutcomeReport = Static<typeof OutcomeReport>;
export type LoadReport = Static<typeof LoadReport>;
export type RegionReport = Static<typeof RegionReport>;
