/** Where the demo is shown: redrawn in place on a terminal that has room, line after line anywhere else. */
import { colourPaint, plainPaint, WIDTH_MAX, type Paint } from "./live-table.ts";
import { wrapText } from "./wrap-text.ts";

export interface ScreenOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const UP = (lines: number): string => (lines === 0 ? "" : `\u001b[${lines}A`);
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
/** What is drawn, with an announcement above it. */
const ROWS_MIN = 24;

export class Screen {
  /** Whether `draw` replaces what it drew before. */
  readonly isLive: boolean;
  readonly paint: Paint;
  readonly #output: ScreenOutput;
  #drawn: readonly string[] = [];

  /** @param noColour as the environment's NO_COLOR says (https://no-color.org). */
  constructor(output: ScreenOutput, { noColour }: { readonly noColour: boolean }) {
    const { isTTY = false, columns = 0, rows = 0 } = output;
    this.#output = output;
    this.isLive = isTTY && columns >= WIDTH_MAX && rows >= ROWS_MIN;
    this.paint = isTTY && !noColour ? colourPaint : plainPaint;
  }

  /** A paragraph that stays. */
  say(text: string): void {
    const lines = text.split("\n").flatMap((line) => wrapText(line, ({ length }) => length <= WIDTH_MAX));
    this.print(lines);
  }

  /** Lines that stay, as they are. */
  print(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}${this.#drawn.length > 0 ? CLEAR_LINE : ""}\n`).join("");
    // In one piece with what is drawn below it, so that nothing flickers.
    this.#output.write(`${this.#back()}${text}${this.#block(this.#drawn)}`);
  }

  /** Replaces what was drawn before. */
  draw(lines: readonly string[]): void {
    const start = this.#drawn.length === 0 ? HIDE_CURSOR : this.#back();
    this.#output.write(`${start}${this.#block(lines)}`);
    this.#drawn = lines;
  }

  /** Leaves the last drawing where it is; harmless when there is none. */
  release(): void {
    if (this.#drawn.length > 0) this.#output.write(SHOW_CURSOR);
    this.#drawn = [];
  }

  #back(): string {
    return UP(this.#drawn.length);
  }

  #block(lines: readonly string[]): string {
    if (lines.length === 0) return "";
    return `${lines.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`;
  }
}
