/** How far something is, on standard error: one line that is rewritten on a terminal, else a line per change. */

const CLEAR_LINE = "\r\u001b[K";

export class Progress {
  readonly #isTerminal = process.stderr.isTTY === true;
  #told = "";

  show(text: string): void {
    if (text === this.#told) return;
    this.#told = text;
    if (!this.#isTerminal) {
      process.stderr.write(`forebay: ${text}\n`);
      return;
    }
    // A line that wraps could not be rewritten.
    const width = (process.stderr.columns ?? 80) - 1;
    process.stderr.write(`${CLEAR_LINE}${text.length > width ? `${text.slice(0, width - 1)}…` : text}`);
  }

  end(): void {
    if (this.#isTerminal && this.#told !== "") process.stderr.write(CLEAR_LINE);
  }
}

/** For as long as some work takes, however it ends. */
export async function withProgress<T>(work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = new Progress();
  try {
    return await work(progress);
  } finally {
    progress.end();
  }
}
