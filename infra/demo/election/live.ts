/** Keeps what the live table shows: the last second of every stream, what has failed so far, and what regions say. */
import type { LiveSecond } from "../../load/live.ts";
import type { Frame, ClassCells, RegionRow, TimelineEntry } from "./live-table.ts";
import { CLASSES, type WriteClass } from "./recording.ts";
import { bufferIn, type StatusWatch } from "./watch.ts";

const NOTHING: ClassCells = {
  succeeded: 0,
  p50Ms: undefined,
  p99Ms: undefined,
  worstMs: undefined,
  due: 0,
  refused: 0,
  unknown: 0,
};

export class LiveView {
  readonly #watch: StatusWatch;
  readonly #regions: readonly string[];
  readonly #totalSeconds: number;
  readonly #timeline: TimelineEntry[] = [];
  readonly #cells = new Map<string, ClassCells>();
  #now = "quiet: the load alone";

  constructor(watch: StatusWatch, options: { regions: readonly string[]; totalSeconds: number }) {
    this.#watch = watch;
    this.#regions = options.regions;
    this.#totalSeconds = options.totalSeconds;
  }

  /** Something has happened; it stands above the table until the next. */
  note(entry: TimelineEntry): void {
    this.#timeline.push(entry);
    this.#now = entry.text;
  }

  add(streams: readonly LiveSecond[]): void {
    for (const stream of streams) {
      const before = this.#cells.get(`${stream.region} ${stream.class}`) ?? NOTHING;
      this.#cells.set(`${stream.region} ${stream.class}`, cellsAfter(before, stream));
    }
  }

  frame(elapsedSeconds: number): Frame {
    return {
      elapsedSeconds,
      totalSeconds: this.#totalSeconds,
      now: this.#now,
      rows: this.#regions.map((region) => this.#row(region)),
      timeline: this.#timeline,
    };
  }

  #row(region: string): RegionRow {
    const status = this.#watch.latest(region)?.status;
    const buffer = status === undefined ? undefined : bufferIn(status);
    const cellsOf = (writeClass: WriteClass) => this.#cells.get(`${region} ${writeClass}`) ?? NOTHING;
    const [local, authoritative] = CLASSES;
    return {
      region,
      isLeader: this.#watch.leader === region,
      bufferRows: buffer?.rows,
      bufferAgeMs: buffer?.ageMs,
      breaker: status?.partitions[0]?.breaker.state,
      writes: { local: cellsOf(local), authoritative: cellsOf(authoritative) },
    };
  }
}

function cellsAfter(before: ClassCells, second: LiveSecond): ClassCells {
  const { succeeded, refused, unknown, notSent, latency } = second;
  const has = latency.count > 0;
  return {
    succeeded,
    p50Ms: has ? latency.p50Ms : undefined,
    p99Ms: has ? latency.p99Ms : undefined,
    worstMs: has ? latency.worstMs : undefined,
    due: before.due + succeeded + refused + unknown + notSent,
    refused: before.refused + refused + notSent,
    unknown: before.unknown + unknown,
  };
}
