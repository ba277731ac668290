/** What the demo has seen, as plain data: the figure and the summary are made from it alone. Times count from the load's start. */
import type { Figures } from "../../load/figures.ts";

export const CLASSES = ["local", "authoritative"] as const;
export type WriteClass = (typeof CLASSES)[number];

export interface Recording {
  /** How long requests were sent. */
  readonly seconds: number;
  /** In the topology's order. */
  readonly regions: readonly RegionRecording[];
  readonly events: readonly StoryEvent[];
}

export interface RegionRecording {
  readonly region: string;
  /** One entry per second, by when the writes were due. */
  readonly writes: Readonly<Record<WriteClass, readonly Figures[]>>;
  readonly buffer: readonly BufferSample[];
}

/** A region's write-ahead log at one moment. */
export interface BufferSample {
  readonly atSeconds: number;
  readonly rows: number;
  readonly ageMs: number;
}

export type EventKind = "killed" | "flapped" | "cut-off";

export interface StoryEvent {
  readonly kind: EventKind;
  /** The region that led the log when it began. */
  readonly leader: string;
  readonly fromSeconds: number;
  /** When the last fault of it was mended. */
  readonly toSeconds: number;
  /** When the log lost its leader: once, or again and again. */
  readonly faultsAtSeconds: readonly number[];
  /** What every region held when it was mended, until all of it was folded everywhere; undefined if it never was. */
  readonly drainSeconds: number | undefined;
  /** How long authoritative writes got nothing committed, by region, added up over its faults. */
  readonly away: readonly Away[];
}

export interface Away {
  readonly region: string;
  /** Undefined where none was committed until the next event. */
  readonly seconds: number | undefined;
}

/** Writes of a class that came to nothing, as far as their clients know. */
export function failedOf({ refused, unknown, notSent, waiting }: Omit<Figures, "latency">): number {
  return refused + unknown + notSent + waiting;
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
