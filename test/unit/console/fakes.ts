/** A clock that a test turns, announcements that a test sees, and a process that has something to tell. */
import { silentLogger, type Logger } from "../../../services/runtime/logger.ts";
import type { AnnouncementHandler, Announcements } from "../../../services/ports/announcements.ts";
import type { Clock } from "../../../services/ports/clock.ts";
import { ClusterConsole } from "../../../services/console/cluster-console.ts";
import type { ReportSources, StoreFigures } from "../../../services/console/own-report.ts";
import { RoleFigures } from "../../../services/console/role-figures.ts";
import { INITIAL_ORIGIN, initialPartitionState } from "../../../services/core/fold/state.ts";
import { ZERO_HLC } from "../../../services/core/hlc.ts";

export class TurnedClock implements Clock {
  ms = 100_000;
  nowMs(): number {
    return 1_800_000_000_000 + this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
  turn(): Promise<void> {
    return Promise.resolve();
  }
  after(_delayMs: number, call: () => void): () => void {
    let isCalledOff = false;
    queueMicrotask(() => {
      if (!isCalledOff) call();
    });
    return () => void (isCalledOff = true);
  }
  sleep(): Promise<void> {
    return Promise.resolve();
  }
}

/** Carries announcements between consoles of one test at once, unless a link is cut. */
export class Air {
  readonly #handlers: { readonly region: string; readonly handler: AnnouncementHandler }[] = [];
  readonly cut = new Set<string>();
  announced = 0;
  /** Of regions that are paused: what has arrived there. */
  readonly #held = new Map<string, (() => void)[]>();

  hold(region: string): void {
    this.#held.set(region, []);
  }

  release(region: string): void {
    const held = this.#held.get(region) ?? [];
    this.#held.delete(region);
    for (const deliver of held) deliver();
  }

  of(region: string): Announcements {
    return {
      announce: (_topic, data) => {
        this.announced += 1;
        for (const { region: to, handler } of this.#handlers) {
          if (this.cut.has(`${region} ${to}`)) continue;
          const held = this.#held.get(to);
          if (held === undefined) handler(region, data);
          else held.push(() => handler(region, data));
        }
        return true;
      },
      listen: (_topic, handler) => {
        this.#handlers.push({ region, handler });
        return () => undefined;
      },
    };
  }
}

export function storeFigures(regions: readonly string[], seenAtMs: number): StoreFigures {
  const origin = { ...INITIAL_ORIGIN, watermark: 1_234_567 };
  const origins = Object.fromEntries(regions.map((region) => [region, origin]));
  return {
    positions: {
      ...initialPartitionState(0),
      position: 987_654,
      logTimeMs: 1_800_000_000_000,
      origins,
      members: regions,
    },
    head: {
      sequence: 1_234_600,
      hlc: ZERO_HLC,
      pendingRows: 33,
      pendingBytes: 33_000,
      oldestPendingAtMs: 1_000,
      oldestPendingId: "0195f1f0-0000-7000-8000-000000000000",
      nowMs: 2_000,
    },
    seenAtMs,
  };
}

export function sourcesOf(options: {
  region: string;
  regions: readonly string[];
  partitions: number;
  clock: Clock;
}): Omit<ReportSources, "peers" | "clocks"> {
  const { region, regions, partitions, clock } = options;
  const figures = new RoleFigures(partitions);
  for (let partition = 0; partition < partitions; partition += 1) {
    figures.held("applier", partition, true);
    const told = figures.of(partition);
    told.fold.received = 987_654;
    told.relay = { epoch: 12, window: 16, in_flight: 3, is_in_doubt: false, published: 1_234_567 };
    told.verdict = {
      id: "0195f1f0-0000-7000-8000-000000000000",
      verdict: "match",
      at: clock.nowMs(),
      differing_records: 0,
    };
    told.quorumRoundTripsMs = new Map(regions.map((name) => [name, 85.3]));
  }
  return {
    region,
    process: `process-${region}`,
    software: "0.1.0",
    startedAtMs: clock.nowMs(),
    partitions,
    clock,
    lastFigures: () => storeFigures(regions, clock.monotonicMs()),
    lastFold: () => undefined,
    breaker: () => undefined,
    figures,
    log: { last: () => ({ leader: regions[0]!, term: 17, lastPosition: 987_700, replicaLag: 3 }) },
    walBounds: { rowsMax: 1e6, bytesMax: 1e9, ageMsMax: 86_400_000 },
    memberAwayMsMax: Number.MAX_SAFE_INTEGER,
    problems: () => [],
    drainingSinceMs: () => undefined,
    load: () => ({
      event_loop_delay_ms: 0.4,
      resident_bytes: 2e8,
      requests_in_flight: 12,
      admission: "open",
    }),
    outcomes: () =>
      (["accepted", "refused", "failed"] as const).map((outcome) => ({
        class: "local",
        outcome,
        count: 1e6,
      })),
  };
}

export function consoleOf(options: {
  region: string;
  regions: readonly string[];
  partitions: number;
  clock: Clock;
  air: Air;
  logger?: Logger;
  problems?: () => readonly string[];
}): ClusterConsole {
  const { regions, region, air, logger = silentLogger, problems } = options;
  const sources = sourcesOf(options);
  return new ClusterConsole({
    sources: problems === undefined ? sources : { ...sources, problems },
    announcements: air.of(region),
    routes: { measure: () => Promise.resolve({}) },
    regions,
    logger,
  });
}
