/** What a region tells operators of itself, and of the others as it has folded them. */
import type { MemberPlace } from "../core/trim/members.ts";
import type { BreakerPhase, BreakerReason } from "../core/breaker.ts";
import type { AdmissionStatus } from "./admission/refusals.ts";
import type { WalTrouble } from "../ports/own-wal.ts";
import type { BootstrapStage } from "../ports/bootstraps.ts";

/** Whether this process lets publishes through to the log. */
export interface BreakerStatus {
  readonly state: BreakerPhase;
  /** Why it is not closed. */
  readonly reason: BreakerReason | undefined;
  /** How long it has not been closed. */
  readonly openMs: number;
  /** A publish without an answer after this long opens it. */
  readonly slowAfterMs: number;
}

export interface PartitionStatus {
  readonly partition: number;
  /** Undefined during an election, or when the log can't be asked. */
  readonly leader: string | undefined;
  readonly term: number | undefined;
  readonly cluster: string | null;
  readonly position: number;
  /** While the region's database does not answer: how old position, log time, WAL and regions are. */
  readonly staleMs?: number | undefined;
  /** End of the log; undefined when the log can't be asked. */
  readonly lastPosition: number | undefined;
  readonly logTimeMs: number;
  readonly wal: {
    readonly head: number;
    readonly pendingRows: number;
    readonly pendingBytes: number;
    readonly oldestPendingAgeMs: number;
    /** Why nothing may be appended. */
    readonly trouble: WalTrouble["kind"] | undefined;
    /** Rows that were not sent again when the region rejoined, since they might have taken effect. */
    readonly setAsideRows: number;
  };
  readonly breaker: BreakerStatus;
  readonly trim: TrimStatus;
  /** Present while the partition's state is loaded from elsewhere. */
  readonly bootstrap?: BootstrapReport | undefined;
  readonly regions: readonly RegionStatus[];
}

/** What is undefined is not known yet. */
export interface BootstrapReport {
  readonly id: string;
  readonly stage: BootstrapStage;
  readonly reason: string;
  readonly startedAtMs: number;
  readonly source: string | undefined;
  readonly rows: number | undefined;
  readonly rowsLoaded: number | undefined;
  readonly bytesLoaded: number | undefined;
  readonly rowsPerSecond: number | undefined;
  readonly secondsLeft: number | undefined;
}

/** From where on log and operations are kept, and for whom. */
export interface TrimStatus {
  /** Undefined when the log can't be asked. */
  readonly logFirst: number | undefined;
  /** All members that count have folded the log up to here. */
  readonly foldedByAll: number;
  /** Operations that took effect up to this position are no longer known. */
  readonly operationsForgotten: number;
  /** The member that keeps the rest from being trimmed. */
  readonly pinnedBy: MemberPlace | undefined;
  /** Members that nothing is kept for any more: they may need a bootstrap. */
  readonly away: readonly MemberPlace[];
  /** The log no longer holds what this region would have to fold next. */
  readonly needsBootstrap: boolean;
}

/** A member region as this region's fold knows it, from its last tick. */
export interface RegionStatus {
  readonly region: string;
  readonly watermark: number;
  readonly walHead: number | undefined;
  readonly appliedPosition: number | undefined;
  /** Entries that this region has folded and that one had not when it last spoke. */
  readonly lagEntries: number | undefined;
  /** Log time since its last tick. */
  readonly silentMs: number | undefined;
  readonly software: string | undefined;
  /** The highest version of entries that all of its processes read which may fold. */
  readonly reads?: number | undefined;
}

export interface RegionOverview {
  readonly region: string;
  readonly software: string;
  readonly admission: AdmissionStatus;
  readonly partitions: readonly PartitionStatus[];
  /** Undefined while the region is not drained. */
  readonly draining: DrainReport | undefined;
}

/** How far a region that takes no new writes has come. */
export interface DrainReport {
  readonly sinceMs: number;
  /** Rows of its WAL that it has not folded. */
  readonly pendingRows: number;
  /** Partitions whose log it leads. */
  readonly leads: readonly number[];
  /** Nothing is pending, nothing is led, and no process of the region takes writes any more. */
  readonly isDrained: boolean;
}
