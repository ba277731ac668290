/** Lines of a chart, picked from a history; and the spans of time that a chart can show. */
import type { ClusterHistory, HistorySeries } from "../../../protocol/cluster/view.ts";

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

export interface ChartData {
  /** Seconds since 1970, as the chart wants them. */
  readonly seconds: readonly number[];
  readonly lines: readonly Line[];
}

export const SPANS = [
  { name: "10min", title: "10 minutes", ms: 600_000 },
  { name: "1h", title: "1 hour", ms: 3_600_000 },
  { name: "24h", title: "24 hours", ms: 86_400_000 },
  { name: "30d", title: "30 days", ms: 2_592_000_000 },
] as const;

export type SpanName = (typeof SPANS)[number]["name"];

export function spanOf(name: string | undefined): (typeof SPANS)[number] {
  return SPANS.find((span) => span.name === name) ?? SPANS[0];
}

/** A new point comes so often; asking more often shows nothing new. */
export function refreshMs(spanMs: number, points: number): number {
  return Math.max(2_000, Math.min(60_000, spanMs / points));
}

const MS_PER_SECOND = 1_000;

/** @param labelOf undefined leaves a series out. */
export function chartOf(
  history: ClusterHistory | undefined,
  name: string,
  labelOf: (series: HistorySeries) => string | undefined,
): ChartData {
  if (history === undefined) return { seconds: [], lines: [] };
  const chosen = history.series.flatMap((series) => {
    const label = series.name === name ? labelOf(series) : undefined;
    return label === undefined ? [] : [{ label, values: series.values }];
  });
  // So that a region has its colour in every chart.
  chosen.sort((one, other) => (one.label < other.label ? -1 : 1));
  const length = Math.max(0, ...chosen.map(({ values }) => values.length));
  const seconds = Array.from(
    { length },
    (_, index) => (history.from + index * history.step_ms) / MS_PER_SECOND,
  );
  return { seconds, lines: chosen };
}

/** The newest value that is known. */
export function lastValue({ values }: Line): number | undefined {
  for (let index = values.length - 1; index >= 0; index -= 1) {
    const value = values[index];
    if (value !== null && value !== undefined) return value;
  }
  return undefined;
}
