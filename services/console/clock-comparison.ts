/** What reports prove of clocks: a message that shows a later time than the clock it comes to was sent by one that is ahead. */
import type { ClockReport } from "../protocol/cluster/report.ts";

/** Of the newest reports of a process the one that came quickest says most. */
const SAMPLES = 5;

export interface ClockSamples {
  /** By report, the newest last: its time less that of its arrival here. Of the clocks as they were set last. */
  readonly offsetsMs: readonly number[];
  /** What the process has told last; undefined where its software does not yet. */
  readonly clock: ClockReport | undefined;
}

/** This process, and how often its clock was set. */
export interface OwnClock {
  readonly process: string;
  readonly sets: number;
}

/** How far a process's clock is ahead at least; negative where it may be behind, or its messages take so long. */
export function leadMs(offsetsMs: readonly number[]): number {
  return Math.max(...offsetsMs.slice(-SAMPLES));
}

/** How far the own clock is certainly ahead of all of a region's processes; negative: behind them; 0 where neither is certain. */
export function certainlyApartMs(processes: readonly ClockSamples[], own: OwnClock): number {
  if (processes.length === 0) return 0;
  const behindMs = Math.min(...processes.map(({ offsetsMs }) => leadMs(offsetsMs)));
  if (behindMs > 0) return -behindMs;
  return Math.min(...processes.map(({ clock }) => toldAheadMs(clock, own)));
}

function toldAheadMs(clock: ClockReport | undefined, own: OwnClock): number {
  const told = clock?.leads.find(({ process, sets }) => process === own.process && sets === own.sets);
  return told?.ahead_ms ?? 0;
}
