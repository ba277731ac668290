/** What is shown again and again: on a terminal it is rewritten in place, elsewhere each time is printed below the last. */
import { setTimeout as sleep } from "node:timers/promises";

const HOME = "\u001b[H";
const CLEAR_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const CLEAR_ALL = "\u001b[2J";

export interface Screen {
  readonly isTerminal: boolean;
  readonly rows: number;
  readonly columns: number;
  write(text: string): void;
}

export function standardOutput(): Screen {
  const { stdout } = process;
  return {
    isTerminal: stdout.isTTY === true,
    rows: stdout.rows ?? 24,
    columns: stdout.columns ?? 80,
    write: (text) => void stdout.write(text),
  };
}

export interface RepeatOptions {
  readonly screen: Screen;
  readonly everyMs: number;
  readonly stop: AbortSignal;
  /** What to show now. What it throws ends the showing. */
  readonly frame: () => Promise<string>;
}

/** Shows frames until stopped. */
export async function repeatFrames({ screen, everyMs, stop, frame }: RepeatOptions): Promise<void> {
  for (let count = 0; !stop.aborted; count += 1) {
    const text = await frame();
    if (stop.aborted) return;
    screen.write(
      screen.isTerminal ? redraw(text, screen, count === 0) : `${count === 0 ? "" : "\n"}${text}\n`,
    );
    await sleep(everyMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

/** Lines that don't fit are cut: one that wraps, or scrolls, could not be rewritten. */
function redraw(text: string, { rows, columns }: Screen, isFirst: boolean): string {
  const lines = text.split("\n");
  const shown =
    lines.length > rows - 1 ? [...lines.slice(0, rows - 2), `… ${lines.length - rows + 2} more`] : lines;
  const cut = shown.map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line));
  const body = cut.map((line) => `${line}${CLEAR_LINE_END}`).join("\n");
  return `${isFirst ? CLEAR_ALL : ""}${HOME}${body}\n${CLEAR_BELOW}`;
}

/** Aborted by Ctrl-C, or when the command is told to end. */
export function untilInterrupted(): AbortSignal {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  return stop.signal;
}
