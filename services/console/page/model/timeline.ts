/** Events in rows, and the time that the line has to span. */
import type { ClusterEvent } from "../../../protocol/cluster/view.ts";

export interface TimelineRow {
  readonly name: string;
  readonly events: readonly ClusterEvent[];
}

/** So that one event of just now does not fill the line. */
const SPAN_MS_MIN = 60_000;
const MARGIN = 1.05;

export function timelineOf(
  events: readonly ClusterEvent[],
  nowMs: number,
): { readonly fromMs: number; readonly rows: readonly TimelineRow[] } {
  const oldestMs = Math.min(nowMs, ...events.map(({ at }) => at));
  const spanMs = Math.max(SPAN_MS_MIN, (nowMs - oldestMs) * MARGIN);
  const rows = new Map<string, ClusterEvent[]>();
  const sorted = events.toSorted((one, other) => (one.partition ?? -1) - (other.partition ?? -1));
  for (const event of sorted) {
    const name = event.partition === undefined ? (event.region ?? "cluster") : `partition ${event.partition}`;
    rows.set(name, [...(rows.get(name) ?? []), event]);
  }
  return { fromMs: nowMs - spanMs, rows: [...rows].map(([name, inRow]) => ({ name, events: inRow })) };
}
