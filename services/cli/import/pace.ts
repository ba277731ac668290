/** How fast an import goes, and how long it will take. */
import type { SourceProgress } from "./row.ts";
import type { Counts } from "./run.ts";

export class ImportPace {
  readonly #startedAtMs = performance.now();
  /** Rows of earlier runs. */
  readonly #before: number;
  /** Of the source, where this run began. */
  #fractionBefore: number | undefined;

  constructor(before: number) {
    this.#before = before;
  }

  /** One line: `12000 rows, 9000/s, 3 rejected, 45 %, 12 s left`. */
  line({ read, rejected }: Counts, { fraction }: SourceProgress): string {
    const elapsedMs = this.#elapsedMs();
    const parts = [`${read} rows`, `${Math.round(this.#perSecond(read))}/s`];
    if (rejected > 0) parts.push(`${rejected} rejected`);
    if (fraction !== undefined) {
      this.#fractionBefore ??= this.#before > 0 ? fraction : 0;
      const done = fraction - this.#fractionBefore;
      parts.push(`${Math.floor(100 * fraction)} %`);
      if (done > 0.01) parts.push(`${Math.ceil((elapsedMs * (1 - fraction)) / done / 1_000)} s left`);
    }
    return parts.join(", ");
  }

  summary({ read }: Counts): string {
    const seconds = this.#elapsedMs() / 1_000;
    return `${read - this.#before} rows read in ${seconds.toFixed(1)} s (${Math.round(this.#perSecond(read))} rows/s)`;
  }

  #perSecond(read: number): number {
    return (1_000 * (read - this.#before)) / Math.max(1, this.#elapsedMs());
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAtMs;
  }
}
