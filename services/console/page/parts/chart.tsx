/** A chart over time: lines on a canvas, and beneath it what they say last, which anybody can read. */
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { axisTime } from "../model/format.ts";
import { lastValue, type ChartData } from "../model/history.ts";
import { THEME_EVENT } from "../theme.ts";

export interface ChartProps {
  readonly title: string;
  readonly data: ChartData;
  readonly format: (value: number) => string;
}

const HEIGHT = 168;
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
export const LINE_COLOURS = 6;
const FONT = '11px system-ui, -apple-system, "Segoe UI", sans-serif';

export function Chart({ title, data, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  useCanvas(place, data, format);
  const lines = data.lines;
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} class="canvas" aria-hidden="true" />
      {lines.length === 0 ? (
        <p class="nothing">Nothing is known yet.</p>
      ) : (
        <ul class="legend" aria-label={`${title}, now`}>
          {lines.map((line, index) => {
            const value = lastValue(line);
            return (
              <li key={line.label}>
                <svg class={`key line-${index % LINE_COLOURS}`} viewBox="0 0 22 4" aria-hidden="true">
                  <path d="M0 2h22" stroke-dasharray={dashOf(index).join(" ")} />
                </svg>
                {line.label} <b>{value === undefined ? "–" : format(value)}</b>
              </li>
            );
          })}
        </ul>
      )}
    </figure>
  );
}

function dashOf(index: number): readonly number[] {
  return DASHES[Math.floor(index / LINE_COLOURS) % DASHES.length]!;
}

function useCanvas(
  place: { readonly current: HTMLDivElement | null },
  data: ChartData,
  format: (value: number) => string,
): void {
  const chart = useRef<{ readonly plot: UPlot; readonly labels: string } | undefined>(undefined);
  const labels = data.lines.map(({ label }) => label).join("\n");
  const aligned = [data.seconds, ...data.lines.map(({ values }) => values)] as unknown as UPlot.AlignedData;
  useEffect(() => {
    const element = place.current;
    if (element === null || data.lines.length === 0) return undefined;
    let plot: UPlot;
    const draw = () => {
      chart.current?.plot.destroy();
      plot = new UPlot(optionsOf(element, { labels: labels.split("\n"), format }), aligned, element);
      chart.current = { plot, labels };
    };
    draw();
    const resizing = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resizing.observe(element);
    const darkness = matchMedia("(prefers-color-scheme: dark)");
    darkness.addEventListener("change", draw);
    addEventListener(THEME_EVENT, draw);
    return () => {
      resizing.disconnect();
      darkness.removeEventListener("change", draw);
      removeEventListener(THEME_EVENT, draw);
      plot.destroy();
      chart.current = undefined;
    };
  }, [labels]);
  useEffect(() => {
    if (chart.current?.labels === labels) chart.current.plot.setData(aligned);
  }, [data]);
}

interface Drawing {
  readonly labels: readonly string[];
  readonly format: (value: number) => string;
}

function optionsOf(element: HTMLElement, { labels, format }: Drawing): UPlot.Options {
  const colour = (name: string) => colourOf(element, name);
  const axis = {
    stroke: colour("--ink-soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: FONT,
  };
  return {
    width: Math.max(100, element.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 5 } },
    padding: [8, 8, 0, 0],
    scales: {
      y: { range: (_plot, low, high) => [Math.min(0, low * 1.1), high > 0 ? high * 1.1 : low < 0 ? 0 : 1] },
    },
    axes: [
      { ...axis, values: timeMarks, space: 72, size: 30 },
      { ...axis, size: 64, values: (_plot, values) => values.map((value) => format(value)) },
    ],
    series: [
      {},
      ...labels.map((label, index) => ({
        label,
        stroke: colour(`--line-${index % LINE_COLOURS}`),
        width: 1.5,
        dash: [...dashOf(index)],
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

/** The library tells of the chart, the axis and the space besides. */
function timeMarks(...[, splits, , , stepSeconds]: Parameters<UPlot.Axis.DynamicValues>): string[] {
  return splits.map((seconds) => axisTime(seconds, stepSeconds));
}

/** As the theme has it now: a canvas takes no names. */
function colourOf(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = "";
  return color;
}
