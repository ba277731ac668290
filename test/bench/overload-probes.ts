/** Reads and health checks while a region is overloaded: whether they are answered, and how soon. */
import { quantile } from "./overload-load.ts";

const READ_EVERY_MS = 50;
const HEALTH_EVERY_MS = 250;
const TIMEOUT_MS = 2_000;
const HEALTH_PATHS = ["/livez", "/readyz", "/metrics", "/v1/status"];

export interface ProbeFigures {
  readonly count: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

class Probe {
  readonly #latenciesMs: number[] = [];
  #failed = 0;

  async ask(url: string): Promise<void> {
    const startedAtMs = performance.now();
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      await response.arrayBuffer();
      if (response.status !== 200) this.#failed += 1;
    } catch {
      this.#failed += 1;
    }
    this.#latenciesMs.push(performance.now() - startedAtMs);
  }

  figures(): ProbeFigures {
    const sorted = this.#latenciesMs.toSorted((one, other) => one - other);
    return {
      count: sorted.length,
      failed: this.#failed,
      p50Ms: Math.round(quantile(sorted, 0.5)),
      p99Ms: Math.round(quantile(sorted, 0.99)),
    };
  }
}

/** Asks until the work is done, each question whether or not the last one is answered. */
export async function probeWhile<T>(
  options: { url: string; recordPath: string },
  work: () => Promise<T>,
): Promise<{ result: T; reads: ProbeFigures; health: ProbeFigures }> {
  const [reads, health] = [new Probe(), new Probe()];
  const asked: Promise<void>[] = [];
  const { url, recordPath } = options;
  const read = setInterval(() => asked.push(reads.ask(`${url}${recordPath}`)), READ_EVERY_MS);
  const check = setInterval(() => {
    for (const path of HEALTH_PATHS) asked.push(health.ask(`${url}${path}`));
  }, HEALTH_EVERY_MS);
  try {
    const result = await work();
    clearInterval(read);
    clearInterval(check);
    await Promise.all(asked);
    return { result, reads: reads.figures(), health: health.figures() };
  } finally {
    clearInterval(read);
    clearInterval(check);
  }
}
