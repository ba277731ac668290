/** Prints the steps of a bring-up: one line per finished step, and on a terminal what is under way below them. */
import type { Step } from "./steps.ts";

export interface ProgressOutput {
  write(text: string): void;
  readonly isTTY?: boolean | undefined;
}

/** A line that wraps can't be erased as one. */
const RUNNING_CHARACTERS_MAX = 78;
const ERASE_LINE = "\r\u001b[2K";

export class Progress {
  readonly #output: ProgressOutput;
  readonly #running = new Set<string>();
  #isShowing = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  /** Takes one step; meant to be given as `onStep`. */
  readonly onStep = (step: Step): void => {
    if (step.state === "started") {
      this.#running.add(step.name);
      this.#showRunning();
      return;
    }
    this.#running.delete(step.name);
    this.line(stepText(step));
  };

  /** Prints a whole line. */
  line(text: string): void {
    this.#eraseRunning();
    this.#output.write(`${text}\n`);
    this.#showRunning();
  }

  #showRunning(): void {
    if (this.#output.isTTY === true && this.#running.size > 0) {
      this.#eraseRunning();
      this.#output.write(`  … ${[...this.#running].join(", ")}`.slice(0, RUNNING_CHARACTERS_MAX));
      this.#isShowing = true;
    }
  }

  /** Only where there is something to erase: a line such as the last one must stand alone for whoever reads it. */
  #eraseRunning(): void {
    if (this.#isShowing) {
      this.#output.write(ERASE_LINE);
      this.#isShowing = false;
    }
  }
}

/** One step as a line of text, such as `ok    start region eu: http://… (0.8 s)`. */
export function stepText(step: Step): string {
  const mark = { started: "…", done: "ok", failed: "failed", note: "note" }[step.state].padEnd(6);
  const detail = step.detail === undefined || step.detail === "" ? "" : `: ${step.detail}`;
  const duration = step.durationMs === undefined ? "" : ` (${(step.durationMs / 1000).toFixed(1)} s)`;
  return `${mark} ${step.name}${detail}${duration}`;
}
