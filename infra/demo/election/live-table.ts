/** The table that is redrawn once a second, as lines of text: pure, and never wider than 100 columns. */
import { formatDuration } from "../../../services/cli/table.ts";
import { CLASSES, formatCount, type WriteClass } from "./recording.ts";

export const WIDTH_MAX = 100;

export interface Frame {
  readonly elapsedSeconds: number;
  readonly totalSeconds: number;
  /** What happens now, in a few words. */
  readonly now: string;
  readonly rows: readonly RegionRow[];
  /** The latest last. */
  readonly timeline: readonly TimelineEntry[];
}

export interface TimelineEntry {
  readonly atSeconds: number;
  readonly text: string;
}

export interface RegionRow {
  readonly region: string;
  /** Whether it leads the log, as far as it is known now. */
  readonly isLeader: boolean;
  /** Undefined while the region does not say. */
  readonly bufferRows: number | undefined;
  readonly bufferAgeMs: number | undefined;
  /** Of its circuit breaker towards the log; undefined while the region does not say. */
  readonly breaker: string | undefined;
  readonly writes: Readonly<Record<WriteClass, ClassCells>>;
}

export interface ClassCells {
  /** In the last second, as are the latencies of those; undefined where there are none. */
  readonly succeeded: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly worstMs: number | undefined;
  /** So far. */
  readonly due: number;
  readonly refused: number;
  readonly unknown: number;
}

/** Puts a colour around text, or does not. */
export type Paint = (text: string, colour: Colour) => string;
export type Colour = "good" | "bad" | "warning" | "quiet" | "strong";

export const plainPaint: Paint = (text) => text;

const CODES: Readonly<Record<Colour, string>> = {
  good: "32",
  bad: "31;1",
  warning: "33",
  quiet: "2",
  strong: "1",
};

export const colourPaint: Paint = (text, colour) => `\u001b[${CODES[colour]}m${text}\u001b[0m`;

interface Column {
  readonly heading: string;
  readonly width: number;
  readonly isText?: true;
}

/** Widths are fixed, so that nothing moves from one second to the next. */
const COLUMNS = [
  { heading: "region", width: 13, isText: true },
  { heading: "class", width: 13, isText: true },
  { heading: "ok/s", width: 6 },
  { heading: "p50 ms", width: 6 },
  { heading: "p99 ms", width: 6 },
  { heading: "worst", width: 7 },
  { heading: "refused", width: 7 },
  { heading: "unknown", width: 7 },
  { heading: "buffer", width: 8 },
  { heading: "age", width: 7 },
  { heading: "breaker", width: 9, isText: true },
] as const satisfies readonly Column[];

const TIMELINE_MAX = 4;

/** Text, and what colour it has, if any. */
type Cell = readonly [text: string, colour?: Colour | undefined];

export function renderFrame(frame: Frame, paint: Paint = plainPaint): string[] {
  const { elapsedSeconds, totalSeconds, now, rows, timeline } = frame;
  const clock = `${String(Math.floor(elapsedSeconds)).padStart(3)} s of about ${Math.round(totalSeconds)} s`;
  const headings = line(COLUMNS.map(({ heading }) => heading));
  return [
    `${paint(clock, "strong")}  ${clip(now, WIDTH_MAX - clock.length - 2)}`,
    paint(headings, "quiet"),
    ...rows.flatMap((row) => CLASSES.map((name) => rowLine(row, name, paint))),
    localTotal(rows, paint),
    ...timeline.slice(-TIMELINE_MAX).map(({ atSeconds, text }) => {
      const at = `${String(Math.round(atSeconds)).padStart(3)} s  `;
      return paint(clip(at + text, WIDTH_MAX), "quiet");
    }),
  ];
}

function rowLine(row: RegionRow, name: WriteClass, paint: Paint): string {
  const cells = row.writes[name];
  const isLocal = name === "local";
  const failed = (count: number): Colour | undefined =>
    count === 0 ? undefined : isLocal ? "bad" : "warning";
  const content: readonly Cell[] = [
    [isLocal ? `${row.region}${row.isLeader ? " leads" : ""}` : "", row.isLeader ? "strong" : undefined],
    [name],
    [formatCount(cells.succeeded), cells.succeeded > 0 ? "good" : "warning"],
    [milliseconds(cells.p50Ms)],
    [milliseconds(cells.p99Ms)],
    [milliseconds(cells.worstMs)],
    [formatCount(cells.refused), failed(cells.refused)],
    [formatCount(cells.unknown), failed(cells.unknown)],
    ...(isLocal ? bufferCells(row) : []),
  ];
  return line(
    content.map(([text]) => text),
    (cell, index) => {
      const colour = content[index]?.[1];
      return colour === undefined ? cell : paint(cell, colour);
    },
  );
}

function bufferCells({ bufferRows, bufferAgeMs, breaker }: RegionRow): Cell[] {
  const age = bufferRows === 0 ? "" : bufferAgeMs === undefined ? "?" : formatDuration(bufferAgeMs);
  const breakerColour = breaker === undefined || breaker === "closed" ? "quiet" : "warning";
  return [[bufferRows === undefined ? "?" : formatCount(bufferRows)], [age], [breaker ?? "", breakerColour]];
}

function localTotal(rows: readonly RegionRow[], paint: Paint): string {
  const { due, failed } = totalsOf(rows);
  const text = `local writes failed so far: ${formatCount(failed)} of ${formatCount(due)}`;
  return paint(text, failed === 0 ? "good" : "bad");
}

function totalsOf(rows: readonly RegionRow[]): { due: number; failed: number } {
  const local = rows.map(({ writes }) => writes.local);
  return {
    due: local.reduce((sum, cells) => sum + cells.due, 0),
    failed: local.reduce((sum, { refused, unknown }) => sum + refused + unknown, 0),
  };
}

/** Cells at their columns' widths; what is too long is cut, since it would move all that follows. */
function line(
  cells: readonly string[],
  paint: (cell: string, index: number) => string = (cell) => cell,
): string {
  return COLUMNS.map((column: Column, index) => {
    const cell = clip(cells[index] ?? "", column.width);
    const padded = column.isText === true ? cell.padEnd(column.width) : cell.padStart(column.width);
    return paint(padded, index);
  })
    .join(" ")
    .trimEnd();
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return "-";
  return value < 100 ? value.toFixed(1) : formatCount(Math.round(value));
}

/** One line that says the same in short, for an output that keeps everything: a file, a build log. */
export function renderPlainLine({ elapsedSeconds, rows }: Frame): string {
  const { due, failed } = totalsOf(rows);
  const succeeded = (name: WriteClass) => rows.reduce((sum, { writes }) => sum + writes[name].succeeded, 0);
  const worstMs = Math.max(0, ...rows.map(({ writes }) => writes.local.worstMs ?? 0));
  const buffers = rows.map(({ bufferRows }) => bufferRows ?? "?").join("/");
  const leader = rows.find(({ isLeader }) => isLeader)?.region ?? "none";
  return clip(
    [
      `${String(Math.floor(elapsedSeconds)).padStart(3)} s`,
      `local ${succeeded("local")}/s, worst ${Math.round(worstMs)} ms, failed ${failed} of ${due}`,
      `log ${succeeded("authoritative")}/s, leader ${leader}`,
      `buffers ${buffers}`,
    ].join(" | "),
    WIDTH_MAX,
  );
}
