/**
 * The console's side of a process: announce what it knows of itself → hear the others → see the cluster. Goes on without
 * the log, without the database, and without the other regions.
 */
import type { ClusterHistory, ClusterView } from "../protocol/cluster/view.ts";
import type { Announcements } from "../ports/announcements.ts";
import type { ClusterViews, HistoryRequest } from "../ports/cluster-views.ts";
import type { RouteMeter } from "../ports/route-meter.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import { ClockJudge } from "./clock-judge.ts";
import { Hearing } from "./hearing.ts";
import { History } from "./history.ts";
import { gatherReport, type ReportSources } from "./own-report.ts";
import { Sampler } from "./samples.ts";
import { ViewBuilder } from "./view/builder.ts";

const TOPIC = "status";
const ANNOUNCE_EVERY_MS = 1_000;
const VIEW_EVERY_MS = 1_000;
/** A link is found to be cut this soon after it has been silent for too long. */
const LOOK_EVERY_MS = 200;
const MEASURE_EVERY_MS = 2_000;
/** After a pause of the process what has come meanwhile is heard first, before anybody is called silent. */
const PAUSE_MS = 1_000;
/** An older view is made anew when somebody asks for it: looks are rare where the process has too much to do. */
const VIEW_OLD_MS = 3_000;
const FAILURE_TOLD_MS = 60_000;
/** Timers are late by some milliseconds, and a second must not become 1.2 by it. */
const SLACK_MS = 20;

export interface ClusterConsoleOptions {
  readonly sources: Omit<ReportSources, "peers" | "clocks">;
  readonly announcements: Announcements;
  readonly routes: RouteMeter;
  readonly regions: readonly string[];
  readonly logger: Logger;
  /** A cluster on one machine whose faults may be ordered. */
  readonly hasChaos?: boolean;
}

export class ClusterConsole implements ClusterViews {
  readonly #options: ClusterConsoleOptions;
  readonly #hearing: Hearing;
  readonly #builder: ViewBuilder;
  readonly #history = new History();
  readonly #sampler = new Sampler();
  readonly #followers = new Set<(viewText: string) => void>();
  readonly #encoder = new TextEncoder();
  #sequence = 0;
  #announcedAtMs = -Infinity;
  #builtAtMs = -Infinity;
  #lookedAtMs = -Infinity;
  #hasSkipped = false;
  #failedAtMs = -Infinity;
  #heardSignature = "";
  #signature = "";
  readonly #judge = new ClockJudge();
  #clock = { skewMs: 0, sets: 0, regions: 0 };
  #view: ClusterView | undefined;
  #text: string | undefined;

  constructor(options: ClusterConsoleOptions) {
    const { sources, regions, logger, hasChaos = false } = options;
    const { region, process, software, partitions, clock } = sources;
    this.#options = options;
    this.#hearing = new Hearing({ region, process, clock, logger });
    this.#builder = new ViewBuilder({ region, process, software, partitions, regions, hasChaos });
  }

  /** Works until stopped. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { announcements, sources } = this.#options;
    const end = announcements.listen(TOPIC, (region, data) => this.#hearing.hear(region, data));
    void this.#measure(stop);
    while (!stop.aborted) {
      this.look();
      await sources.clock.sleep(LOOK_EVERY_MS, stop);
    }
    end();
  }

  /** Announces and looks, where it is time to. */
  look(): void {
    const nowMs = this.#options.sources.clock.monotonicMs();
    const hasPaused = nowMs - this.#lookedAtMs > PAUSE_MS;
    this.#lookedAtMs = nowMs;
    // One look at most: where each one is late, what has come is heard between them all the same.
    this.#hasSkipped = hasPaused && this.#view !== undefined && !this.#hasSkipped;
    if (this.#hasSkipped) return;
    try {
      this.#judgeClock(nowMs);
      this.#announce(nowMs);
      const signature = this.#builder.signature(this.#hearing, nowMs);
      const isDue = nowMs - this.#builtAtMs >= VIEW_EVERY_MS - SLACK_MS;
      if (isDue || signature !== this.#signature) this.#build(nowMs);
      this.#signature = signature;
    } catch (error) {
      // Not with every look: once, and again after it has gone well for some time.
      if (nowMs - this.#failedAtMs > FAILURE_TOLD_MS)
        this.#options.logger.error({ error: describeError(error) }, "the view of the cluster can't be made");
      this.#failedAtMs = nowMs;
    }
  }

  /** How far this process's clock is certainly off those of most regions, ahead or behind (negative); 0 where it may be right. */
  get clockSkewMs(): number {
    const { skewMs, sets } = this.#clock;
    // A clock that was set is judged anew, before it is corrected by what it was.
    return skewMs === 0 || sets !== this.#hearing.sets ? 0 : skewMs;
  }

  /** The same, where it is known who is right: of two regions it is not. */
  get clockCorrectionMs(): number {
    return this.#clock.regions > 2 ? this.clockSkewMs : 0;
  }

  view(): ClusterView {
    const nowMs = this.#options.sources.clock.monotonicMs();
    if (this.#view !== undefined && nowMs - this.#builtAtMs > VIEW_OLD_MS) this.look();
    return this.#view ?? this.#build(nowMs);
  }

  viewText(): string {
    const view = this.view();
    return (this.#text ??= JSON.stringify(view));
  }

  history(request: HistoryRequest): ClusterHistory {
    const { clock } = this.#options.sources;
    return this.#history.read(request, { nowMs: clock.monotonicMs(), wallMs: clock.nowMs() });
  }

  follow(listener: (viewText: string) => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  #judgeClock(nowMs: number): void {
    const { regions: planned, logger, sources } = this.#options;
    const { region } = sources;
    const members = sources.lastFigures(0)?.positions.members ?? planned;
    const { sets } = this.#hearing;
    const regions = new Set([...members, region]).size;
    const apartMs = this.#hearing.apartMs(members);
    const skewMs = this.#judge.judge({ regions, apartMs, sets, nowMs });
    const wasOff = this.#clock.skewMs !== 0;
    this.#clock = { skewMs, sets, regions };
    if (wasOff && skewMs === 0) logger.warn({ region }, "this process's clock may be right again");
    if (!wasOff && skewMs !== 0)
      logger.error({ region, skewMs }, "this process's clock is off those of most regions");
  }

  /** Every second, and at once when another region has fallen silent or is heard again: a third can't know before. */
  #announce(nowMs: number): void {
    const { sources, announcements } = this.#options;
    const heard = this.#hearing.signature(nowMs);
    const isDue = nowMs - this.#announcedAtMs >= ANNOUNCE_EVERY_MS - SLACK_MS;
    if (!isDue && heard === this.#heardSignature) return;
    this.#heardSignature = heard;
    this.#announcedAtMs = nowMs;
    const report = gatherReport(
      { ...sources, peers: () => this.#hearing.peers(), clocks: () => this.#hearing.clocks() },
      (this.#sequence += 1),
    );
    this.#hearing.take(report);
    announcements.announce(TOPIC, this.#encoder.encode(JSON.stringify(report)));
  }

  #build(nowMs: number): ClusterView {
    const wallMs = Math.floor(this.#options.sources.clock.nowMs());
    const view = this.#builder.build(this.#hearing, { nowMs, wallMs });
    if (nowMs - this.#builtAtMs >= VIEW_EVERY_MS - SLACK_MS)
      this.#history.record(this.#sampler.take(this.#builder.situation!, this.#builder.totals), nowMs);
    this.#builtAtMs = nowMs;
    this.#view = view;
    this.#text = undefined;
    if (this.#followers.size > 0) for (const follower of this.#followers) follower(this.viewText());
    return view;
  }

  async #measure(stop: AbortSignal): Promise<void> {
    const { routes, sources } = this.#options;
    while (!stop.aborted) {
      this.#hearing.measured(await routes.measure());
      await sources.clock.sleep(MEASURE_EVERY_MS, stop);
    }
  }
}
