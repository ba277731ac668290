/** The view of the cluster as a region process has it: what it tells of itself, and whom it hears. */
import { ClusterConsole } from "../console/cluster-console.ts";
import { LogWatch } from "../console/log-watch.ts";
import type { ReportSources } from "../console/own-report.ts";
import { RoleFigures } from "../console/role-figures.ts";
import type { HttpMetrics } from "../gateway/http/metrics.ts";
import type { Announcements } from "../ports/announcements.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { ClusterViews } from "../ports/cluster-views.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { RouteMeter } from "../ports/route-meter.ts";
import type { RegionConfig } from "../runtime/config.ts";
import type { FoldFeed, FoldNews } from "../runtime/fold-feed.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Health } from "./health.ts";
import type { LoadControl } from "./load-control.ts";
import { ObservedRoles } from "./observed-roles.ts";
import { RequestOutcomes } from "./request-outcomes.ts";

export interface RegionConsoleOptions {
  readonly config: RegionConfig;
  readonly software: string;
  readonly log: Pick<GlobalLog, "leadership">;
  readonly bus: Announcements;
  readonly routes: RouteMeter;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly health: Pick<Health, "lastFigures">;
  readonly load: Pick<LoadControl, "report">;
  readonly httpMetrics: HttpMetrics;
  /** Why the process is not ready; empty where it is. */
  readonly problems: () => readonly string[];
  readonly drainingSinceMs: () => number | undefined;
}

export class RegionConsole {
  readonly views: ClusterViews;
  /** Listens in on what roles report. */
  readonly roles: ObservedRoles;
  /** For the HTTP server: counts what is answered. */
  readonly outcomes: RequestOutcomes;
  readonly #figures: RoleFigures;
  readonly #logWatch: LogWatch;
  readonly #clusterConsole: ClusterConsole;
  readonly #folds: (FoldNews | undefined)[] = [];
  #breakers: readonly LogBreaker[] = [];

  constructor(options: RegionConsoleOptions) {
    const { config, bus: announcements, routes, logger, clock } = options;
    const { partitions, regions } = config.topology;
    this.#figures = new RoleFigures(partitions);
    this.roles = new ObservedRoles(this.#figures, clock);
    this.outcomes = new RequestOutcomes(options.httpMetrics);
    this.#logWatch = new LogWatch({ ...options, region: config.region, partitions });
    this.#clusterConsole = new ClusterConsole({
      sources: this.#sources(options),
      announcements,
      routes,
      regions: regions.map(({ name }) => name),
      logger,
      hasChaos: config.chaos !== undefined,
    });
    this.views = this.#clusterConsole;
  }

  /** What the process has once its roles are there. */
  attach({ breakers, folded }: { breakers: readonly LogBreaker[]; folded: FoldFeed }): void {
    this.#breakers = breakers;
    folded.listen((news) => (this.#folds[news.partition] = news));
  }

  /** A role of this process was taken, or given back. */
  held(role: "relay" | "applier", partition: number, isHeld: boolean): void {
    this.#figures.held(role, partition, isHeld);
    // Whoever folds on is not heard of here.
    if (role === "applier" && !isHeld) this.#folds[partition] = undefined;
  }

  /** How far the process's clock is certainly off those of most regions, ahead or behind (negative); 0 where it may be right. */
  get clockSkewMs(): number {
    return this.#clusterConsole.clockSkewMs;
  }

  /** The same, where it is known who is right. */
  get clockCorrectionMs(): number {
    return this.#clusterConsole.clockCorrectionMs;
  }

  /** Works until stopped. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    await Promise.all([this.#clusterConsole.run(stop), this.#logWatch.watch(stop)]);
  }

  #sources(options: RegionConsoleOptions): Omit<ReportSources, "peers" | "clocks"> {
    const { config, software, clock, random, health, load, problems, drainingSinceMs } = options;
    const startedAtMs = clock.nowMs();
    return {
      region: config.region,
      process: random.uuid(startedAtMs),
      software,
      startedAtMs,
      partitions: config.topology.partitions,
      clock,
      lastFigures: (partition) => health.lastFigures(partition),
      lastFold: (partition) => this.#folds[partition],
      breaker: (partition) => this.#breakers[partition],
      figures: this.#figures,
      log: this.#logWatch,
      walBounds: config.wal,
      memberAwayMsMax: config.trim.awayMsMax,
      problems,
      drainingSinceMs,
      load: () => load.report(),
      outcomes: () => this.outcomes.report(),
    };
  }
}
