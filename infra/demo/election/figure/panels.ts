/** The three panels: how long local writes took, what became of authoritative ones, what waited in the buffers. */
import type { Figures } from "../../../load/figures.ts";
import { failedOf, formatCount, type Recording, type WriteClass } from "../recording.ts";
import { seriesLabels, valueAxis, type Box, type Panel, type SeriesLabel } from "./frame.ts";
import { linearScale, logScale, type Scale } from "./scale.ts";
import { seriesClass } from "./style.ts";
import { element, path } from "./svg.ts";

const LINE_WIDTH = 1.6;
const DOT_RADIUS = 1.7;
const FAILURE_HEIGHT = 6;
/** Between the bars of two seconds. */
const BAR_GAP = 0.6;

type Point = readonly [number, number] | undefined;

const line = (className: string, points: readonly Point[]): string =>
  element("path", { class: `line ${className}`, "stroke-width": LINE_WIDTH, d: path(points) });

/** What was sent while the load was being stopped is counted, but is no second to be drawn. */
function wholeSeconds<T>(seconds: readonly T[], recording: Recording): readonly T[] {
  return seconds.slice(0, Math.floor(recording.seconds));
}

/** Of the last point that is there. */
function endY(points: readonly Point[]): number | undefined {
  return points.findLast((point) => point !== undefined)?.[1];
}

export function latencyPanel(recording: Recording): Panel {
  const { regions } = recording;
  const all = regions.flatMap(({ writes }) => writes.local).flatMap(({ latency }) => latenciesOf(latency));
  return {
    id: "local-latency",
    caption: "Latency of local writes in each region, per second: line p99, dots the worst (log scale)",
    draw(box, time) {
      const scale = logScale(all, { from: box.bottom, to: box.top });
      const drawn = regions.map(({ region, writes }, index) => {
        const className = seriesClass(index);
        const series = drawLatency(wholeSeconds(writes.local, recording), { time, scale, className });
        const text = `${region}, ${worstOf(writes.local)}`;
        return { svg: series.svg, label: { text, className, y: series.endY ?? box.bottom } };
      });
      const failed = drawFailures(recording, { box, time });
      return [
        valueAxis(box, scale, (tick) => `${formatCount(tick)} ms`),
        ...drawn.map(({ svg }) => svg),
        failed.svg,
        seriesLabels(box, [...failed.labels, ...drawn.map(({ label }) => label)]),
      ].join("");
    },
  };
}

function latenciesOf({ count, p99Ms, worstMs }: Figures["latency"]): number[] {
  return count === 0 ? [] : [p99Ms, worstMs];
}

function worstOf(seconds: readonly Figures[]): string {
  const worstMs = Math.max(0, ...seconds.map(({ latency }) => latency.worstMs));
  return worstMs === 0 ? "no answers" : `worst ${formatCount(Math.round(worstMs))} ms`;
}

function drawLatency(
  seconds: readonly Figures[],
  { time, scale, className }: { time: Scale; scale: Scale; className: string },
): { svg: string; endY: number | undefined } {
  const place = (valueMs: number, second: number) =>
    [time.place(second + 0.5), scale.place(valueMs)] as const;
  const points = seconds.map(({ latency }, second): Point =>
    latency.count === 0 ? undefined : place(latency.p99Ms, second),
  );
  const dots = seconds.flatMap(({ latency }, second) => {
    if (latency.count === 0) return [];
    const [cx, cy] = place(latency.worstMs, second);
    return element("circle", { class: className, cx, cy, r: DOT_RADIUS });
  });
  return { svg: line(className, points) + dots.join(""), endY: endY(points) };
}

/** A mark at the top of every second in which a local write failed: there is none on a good day. */
function drawFailures(
  recording: Recording,
  { box, time }: { box: Box; time: Scale },
): { svg: string; labels: readonly SeriesLabel[] } {
  const failed = perSecond(recording, "local").map((figures) => sumOf(figures, failedOf));
  const total = failed.reduce((sum, count) => sum + count, 0);
  if (total === 0) return { svg: "", labels: [] };
  const marks = wholeSeconds(failed, recording).flatMap((count, second) =>
    count === 0
      ? []
      : element("rect", { class: "failed", ...barAt(second, time), y: box.top, height: FAILURE_HEIGHT }),
  );
  const label = { text: `${formatCount(total)} failed`, className: "failed", y: box.top };
  return { svg: marks.join(""), labels: [label] };
}

/** From the bottom of a bar to its top. */
const OUTCOMES = [
  { name: "committed", className: "succeeded", of: (figures: Figures) => figures.succeeded },
  { name: "refused", className: "refused", of: (figures: Figures) => figures.refused + figures.notSent },
  { name: "unknown", className: "unknown", of: (figures: Figures) => figures.unknown + figures.waiting },
] as const;

export function authoritativePanel(recording: Recording): Panel {
  const seconds = perSecond(recording, "authoritative");
  const most = Math.max(0, ...seconds.map((figures) => sumOf(figures, ({ due }) => due)));
  return {
    id: "authoritative",
    caption: "Authoritative writes, all regions together, by the second in which they were due",
    draw(box, time) {
      const scale = linearScale(most, { from: box.bottom, to: box.top });
      const bars = wholeSeconds(seconds, recording).map((figures, second) =>
        drawBar(figures, second, { scale, time }),
      );
      const labels = OUTCOMES.map(({ name, className, of }, index) => ({
        text: `${name} ${formatCount(seconds.reduce((sum, figures) => sum + sumOf(figures, of), 0))}`,
        className,
        // As they are stacked: the first at the bottom.
        y: box.bottom - ((index + 1) * (box.bottom - box.top)) / (OUTCOMES.length + 1),
      }));
      return (
        valueAxis(box, scale, (tick) => `${formatCount(tick)}/s`) + bars.join("") + seriesLabels(box, labels)
      );
    },
  };
}

function drawBar(
  figures: readonly Figures[],
  second: number,
  { scale, time }: { scale: Scale; time: Scale },
): string {
  let below = 0;
  return OUTCOMES.map(({ className, of }) => {
    const count = sumOf(figures, of);
    if (count === 0) return "";
    const [bottom, top] = [scale.place(below), scale.place(below + count)];
    below += count;
    return element("rect", { class: className, ...barAt(second, time), y: top, height: bottom - top });
  }).join("");
}

function barAt(second: number, time: Scale): { x: number; width: number } {
  const [from, to] = [time.place(second), time.place(second + 1)];
  return { x: from, width: Math.max(0.5, to - from - BAR_GAP) };
}

export function bufferPanel({ regions }: Recording): Panel {
  const most = Math.max(0, ...regions.flatMap(({ buffer }) => buffer.map(({ rows }) => rows)));
  return {
    id: "buffer",
    caption: "Rows in each region's buffer: durable there, and not yet known to be in the log",
    draw(box, time) {
      const scale = linearScale(most, { from: box.bottom, to: box.top });
      const drawn = regions.map(({ region, buffer }, index) => {
        const className = seriesClass(index);
        const points = buffer.map(({ atSeconds, rows }): Point => [time.place(atSeconds), scale.place(rows)]);
        const peak = Math.max(0, ...buffer.map(({ rows }) => rows));
        const label = {
          text: `${region}, peak ${formatCount(peak)}`,
          className,
          y: endY(points) ?? box.bottom,
        };
        return { svg: line(className, points), label };
      });
      return [
        valueAxis(box, scale, formatCount),
        ...drawn.map(({ svg }) => svg),
        seriesLabels(
          box,
          drawn.map(({ label }) => label),
        ),
      ].join("");
    },
  };
}

/** The figures of all regions, second by second; a region may have been recorded for longer than another. */
function perSecond({ regions }: Recording, writeClass: WriteClass): Figures[][] {
  const all = regions.map(({ writes }) => writes[writeClass]);
  const seconds = Math.max(0, ...all.map((region) => region.length));
  return Array.from({ length: seconds }, (_, second) =>
    all.flatMap((region) => (region[second] === undefined ? [] : [region[second]])),
  );
}

function sumOf(figures: readonly Figures[], of: (figures: Figures) => number): number {
  return figures.reduce((sum, one) => sum + of(one), 0);
}
