/**
 * Puts the view of the cluster together: what was heard → facts of each region → links, leaders, lags → findings, events.
 *
 * Time is an argument. What it remembers is bounded: since when things are as they are, the heads of WALs, the last events.
 */
import type {
  ClusterEvent,
  ClusterView,
  LagView,
  LinkView,
  RegionView,
} from "../../protocol/cluster/view.ts";
import type { Heard } from "../hearing.ts";
import { happenedBetween } from "./events.ts";
import { gatherFacts, type RegionFacts } from "./facts.ts";
import { findAll, levelOf } from "./findings.ts";
import { HeadTrack } from "./head-track.ts";
import { explainLag, type Cause } from "./lags.ts";
import { Leaders } from "./leaders.ts";
import { heardBy, judgeLinks } from "./links.ts";
import { OutcomeTotals } from "./outcome-totals.ts";
import { Sinces } from "./sinces.ts";
import type { LeaderFacts, Situation } from "./situation.ts";

const EVENTS_MAX = 300;

export interface ViewerOptions {
  readonly region: string;
  readonly process: string;
  readonly software: string;
  readonly partitions: number;
  /** Of the topology; members and regions that were heard come besides. */
  readonly regions: readonly string[];
  readonly hasChaos: boolean;
}

export interface Instant {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** What was heard, as `Hearing` has it. */
export interface Heardings {
  readonly regions: readonly string[];
  of(region: string): readonly Heard[];
  lastAtMs(region: string): number | undefined;
}

export class ViewBuilder {
  readonly totals = new OutcomeTotals();
  readonly #viewer: ViewerOptions;
  readonly #sinces = new Sinces();
  readonly #origins = new Map<string, OriginMemory>();
  readonly #leaders = new Leaders();
  #events: ClusterEvent[] = [];
  #last: Situation | undefined;
  #firstAtMs: number | undefined;

  constructor(viewer: ViewerOptions) {
    this.#viewer = viewer;
  }

  /** What the last view was made of. */
  get situation(): Situation | undefined {
    return this.#last;
  }

  /** Changes with the state of any region or link: cheap to ask, many times a second. */
  signature(heard: Heardings, nowMs: number): string {
    const { facts, regions } = this.#gather(heard, nowMs);
    const states = regions.map((region) => facts.get(region)!.state);
    const links = judgeLinks(regions, facts, this.#viewer.region).map(({ state }) => state);
    return [...regions, ...states, ...links].join(" ");
  }

  build(heard: Heardings, instant: Instant): ClusterView {
    const situation = this.#situation(heard, instant);
    const { wallMs } = instant;
    const happened = happenedBetween(this.#last, situation).map((event) => ({ at: wallMs, ...event }));
    this.#events = [...this.#events, ...happened].slice(-EVENTS_MAX);
    this.#last = situation;
    const findings = findAll(situation, (id) => this.#sinces.since(`finding ${id}`, "", wallMs));
    this.#sinces.sweep();
    const { region, process, software, hasChaos } = this.#viewer;
    return {
      viewer: { region, process, at: wallMs, software },
      members: [...situation.regions],
      partitions: this.#viewer.partitions,
      level: levelOf(findings),
      findings,
      regions: situation.regions.map((name) => toRegionView(situation, name)),
      links: [...situation.links],
      lags: [...situation.lags],
      events: this.#events,
      has_chaos: hasChaos,
    };
  }

  #situation(heard: Heardings, { nowMs, wallMs }: Instant): Situation {
    const { region: viewer, partitions } = this.#viewer;
    this.#firstAtMs ??= nowMs;
    const { facts, regions } = this.#gather(heard, nowMs);
    for (const region of regions) this.totals.observe(region, reportsOf(facts.get(region)!), nowMs);
    const numbers = Array.from({ length: partitions }, (_, partition) => partition);
    const leaders = new Map(
      numbers.map((partition) => [
        partition,
        this.#leaders.observe(partition, facts.values(), { nowMs, wallMs }),
      ]),
    );
    const states = regions.map((region) => {
      const { state } = facts.get(region)!;
      return [region, { state, heard_by: heardBy(region, facts, viewer) }] as const;
    });
    return {
      viewer,
      regions,
      partitions,
      facts,
      states: new Map(states),
      links: this.#links(regions, facts, wallMs),
      lags: numbers.flatMap((partition) =>
        this.#lags({ partition, facts, leader: leaders.get(partition)! }, { nowMs, wallMs }),
      ),
      leaders,
      writes: new Map(regions.map((region) => [region, this.totals.recent(region)])),
      lookedMs: nowMs - this.#firstAtMs,
      nowMs,
      wallMs,
    };
  }

  #gather(heard: Heardings, nowMs: number): { facts: Map<string, RegionFacts>; regions: readonly string[] } {
    const names = new Set([...this.#viewer.regions, ...heard.regions, this.#viewer.region]);
    for (const region of heard.regions)
      for (const { report } of heard.of(region))
        for (const { members } of report.partitions) for (const member of members) names.add(member);
    const regions = [...names].toSorted();
    const facts = regions.map((region) => {
      const known = { region, heard: heard.of(region), lastAtMs: heard.lastAtMs(region), nowMs };
      return [region, gatherFacts(known)] as const;
    });
    return { facts: new Map(facts), regions };
  }

  #links(regions: readonly string[], facts: ReadonlyMap<string, RegionFacts>, wallMs: number): LinkView[] {
    return judgeLinks(regions, facts, this.#viewer.region).map((link) => ({
      ...link,
      since: this.#sinces.since(`link ${link.from} ${link.to}`, link.state, wallMs),
    }));
  }

  #lags(
    about: { partition: number; facts: ReadonlyMap<string, RegionFacts>; leader: LeaderFacts },
    { nowMs, wallMs }: Instant,
  ): LagView[] {
    const { partition, facts, leader } = about;
    const all = [...facts.values()];
    const logEnd = Math.max(0, ...all.map(({ partitions }) => endOf(partitions.get(partition))));
    const isAlone = all.every(({ region, state }) => region === this.#viewer.region || state !== "heard");
    const told = { partition, logEnd, leader: leader.leader, isAlone, nowMs };
    const lags: LagView[] = [];
    for (const origin of all) {
      const ordered = orderedOf(origin, partition, all);
      const memory = this.#follow(origin, partition, { ordered, nowMs });
      const takenAtMs = (sequence: number) => memory.track.passedAtMs(sequence);
      const sinceOf = (region: string, cause: Cause) => sinceWhen(memory, { region, cause, wallMs });
      const input = { ...told, origin, ordered, takenAtMs, sinceOf };
      for (const region of all) {
        const lag = region === origin ? undefined : explainLag(input, region);
        if (lag !== undefined) lags.push(lag);
      }
    }
    return lags;
  }

  #follow(
    origin: RegionFacts,
    partition: number,
    { ordered, nowMs }: { ordered: number; nowMs: number },
  ): OriginMemory {
    const name = `${origin.region} ${partition}`;
    let memory = this.#origins.get(name);
    if (memory === undefined) {
      memory = { track: new HeadTrack(), causes: new Map() };
      this.#origins.set(name, memory);
    }
    const facts = origin.partitions.get(partition);
    if (facts === undefined) return memory;
    const { wal, atMs } = facts;
    // What others have of an origin that is silent here was taken after it was heard last.
    const isTold = origin.state === "heard" && wal.head >= ordered;
    memory.track.observe(Math.max(wal.head, ordered), isTold ? atMs : nowMs);
    return memory;
  }
}

/** Of an origin in a partition: bounded by the regions that are heard. */
interface OriginMemory {
  readonly track: HeadTrack;
  /** By region. */
  readonly causes: Map<string, Cause & { readonly sinceMs: number }>;
}

function sinceWhen(
  { causes }: OriginMemory,
  { region, cause, wallMs }: { region: string; cause: Cause; wallMs: number },
): number {
  const known = causes.get(region);
  if (known !== undefined && known.stage === cause.stage && known.reason === cause.reason)
    return known.sinceMs;
  causes.set(region, { stage: cause.stage, reason: cause.reason, sinceMs: wallMs });
  return wallMs;
}

/** The log has an origin's operations up to here: its relay says so, or a region has folded them. */
function orderedOf(origin: RegionFacts, partition: number, all: readonly RegionFacts[]): number {
  const published = origin.partitions.get(partition)?.published ?? 0;
  const folded = all.map(({ partitions }) => partitions.get(partition)?.watermarks[origin.region] ?? 0);
  return Math.max(published, ...folded);
}

function endOf(facts: { logLast: number | undefined; applied: number } | undefined): number {
  return Math.max(facts?.logLast ?? 0, facts?.applied ?? 0);
}

function reportsOf({ remembered }: RegionFacts) {
  return remembered.map(({ report }) => report);
}

function toRegionView({ facts, states, nowMs }: Situation, region: string): RegionView {
  const { lastAtMs, heard } = facts.get(region)!;
  const { state, heard_by: hearers } = states.get(region)!;
  const relays = ({ report }: Heard) =>
    report.partitions.some(({ partition, relay }) => partition === 0 && relay);
  const sorted = heard.toSorted((one, other) => Number(relays(other)) - Number(relays(one)));
  return {
    region,
    state,
    ...(lastAtMs === undefined ? {} : { age_ms: Math.round(Math.max(0, nowMs - lastAtMs)) }),
    heard_by: [...hearers],
    processes: sorted.map(({ report }) => report),
  };
}
