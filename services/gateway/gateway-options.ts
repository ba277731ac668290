/** What a gateway is made of: the ports that it works on, its bounds, and who hears of what it does. */
import type { ClockDoubt } from "../core/clock-skew.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { Reconciliation } from "../ports/reconciliation.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { Auditing } from "../runtime/auditor.ts";
import type { Logger } from "../runtime/logger.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type { LogStates } from "../runtime/log-states.ts";
import type { TraceObserver } from "../runtime/traces.ts";
import type { AppendSignal } from "../runtime/append-signal.ts";
import type { Refusals } from "./admission/refusals.ts";
import type { WalPressure } from "./admission/wal-pressure.ts";
import type { DrainStore } from "./drain-gate.ts";
import type { FeedSettings } from "./feed/feed.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { StoreFigures } from "./status.ts";

export interface GatewayOptions extends FeedSettings {
  readonly region: string;
  readonly partitions: number;
  readonly software: string;
  readonly store: RegionStore;
  /** For orders, which must not wait behind requests; default `store`. */
  readonly drainStore?: DrainStore;
  readonly log: GlobalLog;
  /** By partition; every publish goes through them. */
  readonly breakers: readonly LogBreaker[];
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  /** What is certainly wrong with the process's clock, now; undefined where it may be right. */
  readonly clockDoubt?: () => ClockDoubt | undefined;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  /** Rows were appended: the relay of this process may go. */
  readonly appended: AppendSignal;
  /** The applier of this process has folded on. */
  readonly folded: FoldFeed;
  /** Rows and bytes that may wait in one partition's WAL. */
  readonly pendingRowsMax: number;
  readonly pendingBytesMax: number;
  /** What the database has told of a partition last, if somebody remembers. */
  readonly lastFigures?: (partition: number) => StoreFigures | undefined;
  /** A member that has told of nothing for longer, in log time, is not waited for with trimming; default 72 h. */
  readonly memberAwayMsMax?: number;
  /** Refuse load before it is too much; without them each queue keeps its own bound alone. */
  readonly walPressure?: WalPressure;
  readonly refusals?: Refusals;
  /** Of the reconciler of this process, where it runs one. */
  readonly reconciliation?: Reconciliation | undefined;
  /** How far the regions have folded which log; without it those that answer are asked, and nobody is answered. */
  readonly logStates?: LogStates;
  /** Default: over `store`. */
  readonly auditor?: Auditing;
  /** Told of what is accepted, where it has a trace. */
  readonly traces?: TraceObserver | undefined;
}
