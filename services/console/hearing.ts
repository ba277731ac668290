/** What this process has heard of the others, and of itself: the newest report of each process, and how far its clock is off. */
import { Compile } from "typebox/compile";
import {
  REPORT_VERSION,
  RegionReport,
  type ClockReport,
  type PeerReport,
} from "../protocol/cluster/report.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { certainlyApartMs, leadMs } from "./clock-comparison.ts";

/** A region is silent when nothing of it was heard for so long. */
export const SILENT_AFTER_MS = 2_000;
/** A process that was not heard for so long is gone: another one has taken its place, or none. */
const PROCESS_KEPT_MS = 60_000;
const PROCESSES_MAX = 32;
const REGIONS_MAX = 64;
/** The one of them that came quickest says most of a clock. */
const OFFSETS_MAX = 16;
/** Clocks that are closer are not worth a word. */
const LEAD_MS_LEAST = 100;
const LEADS_MAX = 64;
/** Of a region that has been silent for longer nothing is known any more of its clocks. */
const VOTE_MS_MAX = 10_000;
/** The own clock was set, not slewed, where it goes by so much more or less than time does. */
const STEP_MS_LEAST = 100;
const INTERRUPTED_MS_LEAST = 10;

export interface Heard {
  readonly report: RegionReport;
  /** On the monotonic clock. */
  readonly atMs: number;
}

interface HeardProcess {
  heard: Heard;
  /** Its clock less this one's, and the time that the message took: what comes late looks slow. */
  readonly offsetsMs: number[];
}

const validator = Compile(RegionReport);
const decoder = new TextDecoder();

export interface HearingOptions {
  readonly region: string;
  readonly process: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Hearing {
  readonly #options: HearingOptions;
  readonly #regions = new Map<string, Map<string, HeardProcess>>();
  readonly #unreadable = new Set<string>();
  #roundTripsMs: { readonly [region: string]: number } = {};
  /** The wall clock less the monotonic one. */
  #aheadMs: number;
  #sets = 0;

  constructor(options: HearingOptions) {
    const { clock } = options;
    this.#options = options;
    this.#aheadMs = clock.nowMs() - clock.monotonicMs();
  }

  /** An announcement has come. @param region by whose name it came. */
  hear(region: string, data: Uint8Array): void {
    const report = this.#parse(region, data);
    // What this process tells it knows without hearing it.
    if (report !== undefined && report.process !== this.#options.process) this.take(report);
  }

  take(report: RegionReport): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#noticeSet();
    const processes = this.#processesOf(report.region, nowMs);
    if (processes === undefined) return;
    const known = processes.get(report.process);
    // Announcements may overtake each other.
    if (known !== undefined && known.heard.report.sequence >= report.sequence) return;
    if (known === undefined && processes.size >= PROCESSES_MAX) return;
    const isSameClock = known?.heard.report.clock?.sets === report.clock?.sets;
    const offsetsMs = (isSameClock ? known?.offsetsMs : undefined) ?? [];
    offsetsMs.push(report.sent_at - clock.nowMs());
    if (offsetsMs.length > OFFSETS_MAX) offsetsMs.shift();
    processes.set(report.process, { heard: { report, atMs: nowMs }, offsetsMs });
  }

  /** Round trips as the region's own server has measured them. */
  measured(roundTripsMs: { readonly [region: string]: number }): void {
    this.#roundTripsMs = roundTripsMs;
  }

  /** Regions that were heard since this process started. */
  get regions(): readonly string[] {
    return [...this.#regions.keys()];
  }

  /** Processes of a region that were heard within a minute, or are the last that were; the newest report first. */
  of(region: string): readonly Heard[] {
    const keptMs = this.#options.clock.monotonicMs() - PROCESS_KEPT_MS;
    // What a region that is silent has told last stays, with its age.
    const oldestMs = Math.min(keptMs, (this.lastAtMs(region) ?? keptMs) - SILENT_AFTER_MS);
    return [...(this.#regions.get(region)?.values() ?? [])]
      .map(({ heard }) => heard)
      .filter(({ atMs }) => atMs >= oldestMs)
      .toSorted((one, other) => other.atMs - one.atMs);
  }

  /** When the region was last heard; undefined before it ever was. */
  lastAtMs(region: string): number | undefined {
    const processes = this.#regions.get(region);
    if (processes === undefined) return undefined;
    return Math.max(...[...processes.values()].map(({ heard }) => heard.atMs));
  }

  /** Changes when a region falls silent, or is heard again. */
  signature(nowMs: number): string {
    return this.regions
      .map((region) => `${region} ${nowMs - this.lastAtMs(region)! < SILENT_AFTER_MS}`)
      .join(" ");
  }

  /**
   * By other region that is heard: how far this process's clock is certainly ahead of its, or behind (negative); 0 where that is
   * not certain.
   * @param members others are heard, but say nothing.
   */
  apartMs(members: readonly string[]): readonly number[] {
    this.#noticeSet();
    const { region: own, process, clock } = this.#options;
    const oldestMs = clock.monotonicMs() - VOTE_MS_MAX;
    return [...this.#regions].flatMap(([region, processes]) => {
      const lastAtMs = this.lastAtMs(region)!;
      if (region === own || !members.includes(region) || lastAtMs < oldestMs) return [];
      const samples = [...processes.values()]
        .filter(({ heard: { atMs } }) => atMs >= lastAtMs - SILENT_AFTER_MS)
        .map(({ heard: { report }, offsetsMs }) => ({ offsetsMs, clock: report.clock }));
      return [certainlyApartMs(samples, { process, sets: this.#sets })];
    });
  }

  /** How often the own clock was set since the process started. */
  get sets(): number {
    this.#noticeSet();
    return this.#sets;
  }

  /** For the own report. */
  clocks(): ClockReport {
    const leads = [...this.#regions.values()]
      .flatMap((processes) => [...processes])
      .map(([process, { heard, offsetsMs }]) => ({
        process,
        sets: heard.report.clock?.sets ?? 0,
        ahead_ms: leadMs(offsetsMs),
      }))
      .filter(({ ahead_ms }) => ahead_ms >= LEAD_MS_LEAST);
    return { sets: this.#sets, leads: leads.slice(0, LEADS_MAX) };
  }

  /** What was compared with the clock before says nothing of what it shows now. */
  #noticeSet(): void {
    const { clock } = this.#options;
    const beforeMs = clock.monotonicMs();
    const aheadMs = clock.nowMs() - beforeMs;
    // Who was interrupted in between looks again later.
    if (clock.monotonicMs() - beforeMs > INTERRUPTED_MS_LEAST) return;
    const stepMs = Math.abs(aheadMs - this.#aheadMs);
    this.#aheadMs = aheadMs;
    if (stepMs < STEP_MS_LEAST) return;
    this.#sets += 1;
    for (const processes of this.#regions.values())
      for (const { offsetsMs } of processes.values()) offsetsMs.length = 0;
  }

  /** For the own report: what is heard of the other regions. */
  peers(): readonly PeerReport[] {
    const { region: own } = this.#options;
    const names = new Set([...this.#regions.keys(), ...Object.keys(this.#roundTripsMs)]);
    names.delete(own);
    return [...names]
      .toSorted()
      .slice(0, REGIONS_MAX)
      .map((region) => this.#peer(region));
  }

  #peer(region: string): PeerReport {
    const lastAtMs = this.lastAtMs(region);
    const roundTripMs = this.#roundTripsMs[region];
    const offsetMs = this.#offsetMs(region, roundTripMs ?? 0);
    return {
      region,
      ...(lastAtMs === undefined
        ? {}
        : { heard_ms: Math.round(Math.max(0, this.#options.clock.monotonicMs() - lastAtMs)) }),
      ...(roundTripMs === undefined ? {} : { round_trip_ms: Math.round(roundTripMs * 10) / 10 }),
      ...(offsetMs === undefined ? {} : { clock_offset_ms: Math.round(offsetMs) }),
    };
  }

  #offsetMs(region: string, roundTripMs: number): number | undefined {
    const offsets = [...(this.#regions.get(region)?.values() ?? [])].flatMap(({ offsetsMs }) => offsetsMs);
    return offsets.length === 0 ? undefined : Math.max(...offsets) + roundTripMs / 2;
  }

  /** Undefined where there is no room for one more region. */
  #processesOf(region: string, nowMs: number): Map<string, HeardProcess> | undefined {
    let processes = this.#regions.get(region);
    if (processes === undefined) {
      if (this.#regions.size >= REGIONS_MAX) return undefined;
      processes = new Map();
      this.#regions.set(region, processes);
    }
    // The last one stays: it says how long the region has been silent.
    for (const [name, { heard }] of processes)
      if (processes.size > 1 && nowMs - heard.atMs > PROCESS_KEPT_MS) processes.delete(name);
    return processes;
  }

  /** Undefined for what is no report, is of a version that this software does not read, or comes in another's name. */
  #parse(region: string, data: Uint8Array): RegionReport | undefined {
    let value: unknown;
    try {
      value = JSON.parse(decoder.decode(data));
    } catch {
      this.#options.logger.debug({ region }, "an announcement is not JSON");
      return undefined;
    }
    if (validator.Check(value) && value.region === region) return value;
    this.#tellUnreadable(region, value);
    return undefined;
  }

  /** Once for each region: it looks silent here, and is not. */
  #tellUnreadable(region: string, value: unknown): void {
    if (this.#unreadable.has(region) || this.#unreadable.size >= REGIONS_MAX) return;
    this.#unreadable.add(region);
    const version = (value as { version?: unknown } | null)?.version;
    const [problem] = validator.Errors(value);
    const about = {
      region,
      version,
      reads: REPORT_VERSION,
      at: problem?.instancePath,
      problem: problem?.message,
    };
    this.#options.logger.warn(about, "what a region announces is no report that this software reads");
  }
}
