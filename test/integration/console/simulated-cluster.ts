/** A cluster for the console alone: views and histories as a region would make them, of any size, broken at will. */
import type {
  ClusterEvent,
  ClusterHistory,
  ClusterView,
  Finding,
  HistorySeries,
  LagView,
  LinkView,
} from "../../../services/protocol/cluster/view.ts";
import { OPERATION, reportOf, ROWS_PER_SECOND, spread, type SimulatedState } from "./simulated-reports.ts";

export interface SimulatedClusterOptions {
  readonly regions?: readonly string[];
  readonly partitions?: number;
  readonly hasChaos?: boolean;
  readonly nowMs?: () => number;
}

const TICK_MS = 1_000;
const HISTORY_NAMES = [
  "pending_rows",
  "oldest_age_ms",
  "fold_per_second",
  "accepted_per_second",
  "decided_per_second",
  "refused_per_second",
  "event_loop_delay_ms",
  "clock_offset_ms",
] as const;

export const NINE_REGIONS = ["ap", "au", "br", "de", "eu", "in", "jp", "us", "za"];

export class SimulatedCluster {
  readonly regions: readonly string[];
  readonly partitions: number;
  /** Whom the console belongs to. */
  readonly viewer: string;
  drifted: string | undefined;
  hurt: string | undefined;
  silent: string | undefined;
  readonly #hasChaos: boolean;
  readonly #now: () => number;
  readonly #startedAtMs: number;
  readonly #events: ClusterEvent[] = [];
  #round = 0;
  #term = 3;
  #leaders: (string | undefined)[];
  #cut: { readonly region: string; readonly sinceMs: number } | undefined;

  constructor({
    regions = ["ap", "eu", "us"],
    partitions = 1,
    hasChaos = true,
    nowMs = Date.now,
  }: SimulatedClusterOptions = {}) {
    this.regions = regions;
    this.partitions = partitions;
    this.viewer = regions.includes("eu") ? "eu" : regions[0]!;
    this.#hasChaos = hasChaos;
    this.#now = nowMs;
    this.#startedAtMs = nowMs() - 3_600_000;
    this.#leaders = Array.from(
      { length: partitions },
      (_, partition) => regions[(partition + 1) % regions.length],
    );
  }

  get cutRegion(): string | undefined {
    return this.#cut?.region;
  }

  /** Nobody hears the region, and it hears nobody. */
  cut(region: string): void {
    this.#cut = { region, sinceMs: this.#now() };
    this.#tell("link-cut", `${region} and the others don't hear each other`, { region });
    this.#tell("breaker-opened", `the breaker of ${region} has opened: its publishes time out`, { region });
  }

  heal(): void {
    if (this.#cut === undefined) return;
    this.#tell("link-healed", `${this.#cut.region} and the others hear each other again`, {
      region: this.#cut.region,
    });
    this.#cut = undefined;
  }

  elect(): void {
    const before = this.#leaders[0];
    this.#tell("leader-lost", `${before ?? "nobody"} no longer leads partition 0`, { partition: 0 });
    this.#term += 1;
    const next = this.regions[(this.regions.indexOf(before ?? "") + 1) % this.regions.length]!;
    this.#leaders[0] = next;
    this.#tell("leader-changed", `${next} leads partition 0, term ${this.#term}`, {
      region: next,
      partition: 0,
    });
  }

  /** The next second. */
  tick(): ClusterView {
    this.#round += 1;
    return this.view();
  }

  view(): ClusterView {
    const state = this.#state();
    const findings = this.#findings(state);
    return {
      viewer: { region: this.viewer, process: `${this.viewer}-4f2a9c`, at: state.nowMs, software: "0.1.0" },
      members: [...this.regions],
      partitions: this.partitions,
      level: findings.some(({ severity }) => severity === "hurt")
        ? "hurt"
        : findings.length > 0
          ? "risk"
          : "ok",
      findings,
      regions: this.regions.map((region) => ({
        region,
        state: region === this.silent ? "silent" : "heard",
        age_ms: region === this.silent ? 48_000 : 150 + Math.round(spread(region, state.round) * 700),
        heard_by: this.regions.filter((other) => other !== region && other !== state.cutRegion),
        processes: [reportOf(state, region)],
      })),
      links: this.#links(state),
      lags: this.#lags(state),
      events: [...this.#events],
      has_chaos: this.#hasChaos,
    };
  }

  history(spanMs: number, points: number): ClusterHistory {
    const stepMs = Math.max(TICK_MS, Math.round(spanMs / points));
    const from = this.#now() - stepMs * points;
    const line = (name: string, members: Omit<HistorySeries, "name" | "values">): HistorySeries => ({
      name,
      ...members,
      values: Array.from({ length: points }, (_, index) => valueOf(name, members, index)),
    });
    const ofRegions = HISTORY_NAMES.flatMap((name) => this.regions.map((region) => line(name, { region })));
    const ofPairs = this.regions.flatMap((origin) =>
      this.regions.map((region) => line("lag_ms", { origin, region })),
    );
    const terms = this.#leaders.map((_, partition) => line("term", { partition }));
    return { from, step_ms: stepMs, series: [...ofRegions, ...ofPairs, ...terms] };
  }

  #state(): SimulatedState {
    return {
      regions: this.regions,
      partitions: this.partitions,
      nowMs: this.#now(),
      startedAtMs: this.#startedAtMs,
      round: this.#round,
      leaders: this.#leaders,
      term: this.#term,
      cutRegion: this.#cut?.region,
      cutSinceMs: this.#cut?.sinceMs ?? 0,
      drifted: this.drifted,
    };
  }

  #findings({ cutRegion, cutSinceMs, nowMs }: SimulatedState): Finding[] {
    const findings: Finding[] = [];
    if (this.hurt !== undefined) {
      findings.push({
        id: `writes-fail:${this.hurt}`,
        severity: "hurt",
        region: this.hurt,
        since: nowMs - 42_000,
        what: `${this.hurt} refuses local writes`,
        why: "Its database does not answer, so nothing can be put into its write-ahead buffer.",
        act: "Send its users to another region, then look at its PostgreSQL.",
        runbook: "local-writes-fail",
      });
    }
    if (cutRegion !== undefined) {
      findings.push({
        id: `link-cut:${cutRegion}`,
        severity: "risk",
        region: cutRegion,
        since: cutSinceMs,
        what: `${cutRegion} is cut off from all other regions`,
        why: `Nobody hears ${cutRegion}, and its publishes to the log time out: its buffer grows by what it takes.`,
        act: "Look at the network between the regions. Local writes go on; what the log decides is refused there.",
        runbook: "link-cut",
      });
    }
    return findings;
  }

  #links({ nowMs, cutRegion, cutSinceMs }: SimulatedState): LinkView[] {
    return this.regions.flatMap((from) =>
      this.regions
        .filter((to) => to !== from)
        .map((to) => ({
          from,
          to,
          state: from === cutRegion || to === cutRegion ? ("cut" as const) : ("ok" as const),
          round_trip_ms: 20 + Math.round(spread(...[from, to].sort()) * 150),
          since: from === cutRegion || to === cutRegion ? cutSinceMs : nowMs - 1_800_000,
        })),
    );
  }

  #lags(state: SimulatedState): LagView[] {
    return this.regions.flatMap((origin) =>
      this.regions.flatMap((region) =>
        Array.from({ length: this.partitions }, (_, partition) =>
          lagOf(state, { origin, region, partition }),
        ),
      ),
    );
  }

  #tell(kind: ClusterEvent["kind"], text: string, about: Pick<ClusterEvent, "region" | "partition">): void {
    this.#events.push({ at: this.#now(), kind, text, ...about });
  }
}

type Pair = Pick<LagView, "origin" | "region" | "partition">;

function lagOf({ cutRegion, cutSinceMs, nowMs, round }: SimulatedState, pair: Pair): LagView {
  const { origin, region, partition } = pair;
  if (cutRegion === undefined || (origin !== cutRegion && region !== cutRegion)) {
    const operations = Math.round(spread(origin, region, partition, round) * 4);
    return {
      ...pair,
      operations,
      age_ms: operations * 35,
      stage: operations === 0 ? "none" : "log",
      in_buffer: 0,
      in_log: operations,
      in_fold: 0,
      reason: operations === 0 ? "nothing" : "on-its-way",
      text: operations === 0 ? `${region} shows all of ${origin}` : "It is on its way.",
      since: nowMs - 400,
    };
  }
  const ageMs = nowMs - cutSinceMs;
  const operations = Math.round((ageMs / TICK_MS) * ROWS_PER_SECOND);
  const isOwn = origin === cutRegion;
  return {
    ...pair,
    operations,
    age_ms: ageMs,
    stage: isOwn ? "buffer" : "log",
    in_buffer: isOwn ? operations : 0,
    in_log: isOwn ? 0 : operations,
    in_fold: 0,
    reason: isOwn ? "breaker-open" : "replica-behind",
    text: isOwn
      ? `They wait in the buffer of ${origin}: its breaker is open, since publishes time out.`
      : `They wait in the log: the copy of ${region} does not hear of them.`,
    waits_for: { kind: "operation", id: OPERATION },
    since: cutSinceMs,
  };
}

/** A day's ups and downs, with a gap. */
function valueOf(
  name: string,
  { region = "", origin = "" }: Omit<HistorySeries, "name" | "values">,
  index: number,
): number | null {
  if (index % 97 === 13) return null;
  if (name === "term") return 3 + Math.floor(index / 180);
  const scale = { pending_rows: 400, oldest_age_ms: 900, lag_ms: 700 }[name] ?? 80;
  const wave = 1 + Math.sin(index / 23 + spread(region, origin) * 6);
  const value = scale * (wave + spread(name, region, origin, index));
  return name === "clock_offset_ms" ? value / 40 - 3 : Math.round(value);
}
