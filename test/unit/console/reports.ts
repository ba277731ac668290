/** Reports as tests need them: of regions where all is well, but for what a test changes. */
import type { PartitionReport, RegionReport } from "../../../services/protocol/cluster/report.ts";
import type { Heard } from "../../../services/console/hearing.ts";
import type { Heardings, Instant } from "../../../services/console/view/builder.ts";
import { ViewBuilder } from "../../../services/console/view/builder.ts";
import type { Situation } from "../../../services/console/view/situation.ts";
import type { ClusterView, Finding, LagView, LinkView } from "../../../services/protocol/cluster/view.ts";

export const REGIONS = ["ap", "eu", "us"];
const START_WALL_MS = 1_800_000_000_000;

export function partitionReport(changes: Partial<PartitionReport> = {}): PartitionReport {
  return {
    partition: 0,
    leader: "eu",
    term: 1,
    log_last: 50,
    replica_lag: 0,
    applied: 50,
    log_time: START_WALL_MS,
    wal: { head: 100, published: 100, pending_rows: 0, pending_bytes: 0, oldest_age_ms: 0, filled: 0 },
    breaker: { state: "closed", open_ms: 0 },
    relay: { epoch: 1, window: 4, in_flight: 0, is_in_doubt: false },
    fold: { state: "waiting", received: 50 },
    watermarks: { ap: 100, eu: 100, us: 100 },
    members: REGIONS,
    ...changes,
  };
}

export function regionReport(region: string, changes: Partial<RegionReport> = {}): RegionReport {
  return {
    version: 1,
    region,
    process: `process-of-${region}`,
    sequence: 1,
    sent_at: START_WALL_MS + 100_000,
    started_at: START_WALL_MS,
    software: "0.0.0",
    is_ready: true,
    problems: [],
    partitions: [partitionReport()],
    peers: REGIONS.filter((other) => other !== region).map((other) => ({
      region: other,
      heard_ms: 300,
      round_trip_ms: 80,
      clock_offset_ms: 2,
    })),
    outcomes: [],
    load: { event_loop_delay_ms: 1, resident_bytes: 1e8, requests_in_flight: 0, admission: "open" },
    ...changes,
  };
}

/** What a test changes of a region's report; `false`: nothing is heard of it. */
export interface Told {
  readonly report?: Partial<RegionReport>;
  readonly partition?: Partial<PartitionReport>;
}
export type Tell = { readonly [region: string]: Told | false };

/** A cluster that reports once a second to one viewer, and the view that this one has. */
export class Reporting {
  readonly #builder: ViewBuilder;
  readonly #heard = new Map<string, Heard>();
  /** Processes that a region has besides, and has not any more. */
  readonly gone = new Map<string, readonly Heard[]>();
  #sequence = 0;
  nowMs = 100_000;

  constructor(viewer = "eu") {
    this.#builder = new ViewBuilder({
      region: viewer,
      process: `process-of-${viewer}`,
      software: "0.0.0",
      partitions: 1,
      regions: REGIONS,
      hasChaos: false,
    });
  }

  get instant(): Instant {
    return { nowMs: this.nowMs, wallMs: START_WALL_MS + this.nowMs };
  }

  /** What the last view was made of. */
  get situation(): Situation {
    return this.#builder.situation!;
  }

  /** A second passes, all that are heard report, and the view is made. */
  second(tell: Tell = {}): ClusterView {
    this.nowMs += 1_000;
    this.#sequence += 1;
    for (const region of REGIONS) {
      const told = tell[region] ?? {};
      if (told === false) continue;
      const partitions = [partitionReport(told.partition)];
      const report = regionReport(region, { sequence: this.#sequence, partitions, ...told.report });
      this.#heard.set(region, { report, atMs: this.nowMs });
    }
    return this.look();
  }

  seconds(count: number, tell: Tell = {}): ClusterView {
    for (let passed = 1; passed < count; passed += 1) this.second(tell);
    return this.second(tell);
  }

  look(afterMs = 0): ClusterView {
    this.nowMs += afterMs;
    return this.#builder.build(this.#heardings(), this.instant);
  }

  #heardings(): Heardings {
    const heard = this.#heard;
    return {
      regions: [...heard.keys()],
      of: (region) => [...(heard.has(region) ? [heard.get(region)!] : []), ...(this.gone.get(region) ?? [])],
      lastAtMs: (region) => heard.get(region)?.atMs,
    };
  }
}

export function findingsOf({ findings }: ClusterView): string[] {
  return findings.map(({ id, severity }) => `${severity} ${id}`);
}

export function findingOf(view: ClusterView, id: string): Finding | undefined {
  return view.findings.find((finding) => finding.id === id);
}

export function lagOf({ lags }: ClusterView, origin: string, region: string): LagView | undefined {
  return lags.find((lag) => lag.origin === origin && lag.region === region);
}

export function linkOf({ links }: ClusterView, from: string, to: string): LinkView["state"] | undefined {
  return links.find((link) => link.from === from && link.to === to)?.state;
}

/** What a region hears of the others: milliseconds ago, or the usual. */
export function peersOf(region: string, heardMs: { readonly [other: string]: number } = {}) {
  return REGIONS.filter((other) => other !== region).map((other) => ({
    region: other,
    heard_ms: heardMs[other] ?? 300,
    round_trip_ms: 80,
  }));
}
