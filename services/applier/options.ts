/** What folding one partition needs. */
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { AppendSignal } from "../runtime/append-signal.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";
import type { Logger } from "../runtime/logger.ts";
import type { TraceObserver } from "../runtime/traces.ts";
import type { BarrierObserver } from "./barrier-stop.ts";
import type { Bootstrapper } from "./bootstrapper.ts";
import type { ApplierMetrics } from "./metrics.ts";
import type { OpenLogOptions } from "./open-log.ts";

export interface ApplierOptions {
  readonly region: string;
  readonly partition: number;
  readonly partitions: number;
  readonly members: readonly string[];
  readonly software: string;
  readonly store: RegionStore;
  readonly log: GlobalLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
  readonly metrics: ApplierMetrics;
  /** Rows are appended by this process: a backlog gives way to who does so. */
  readonly appended: Pick<AppendSignal, "isRecent">;
  /** Told after every commit. */
  readonly folded: FoldFeed;
  /** Asked at each barrier, while nothing is committed; without it nobody stops there. */
  readonly barriers?: BarrierObserver;
  /** Loads what can't be folded; without one folding stops there. */
  readonly bootstrapper?: Bootstrapper | undefined;
  /** Told of what is folded, where it has a trace. */
  readonly traces?: TraceObserver | undefined;
  /** Asks other regions how far they have folded, before the log is opened. Without it nobody is asked. */
  readonly witnesses?: NonNullable<OpenLogOptions["witnesses"]>;
}
