/** What a load tells of each second while it runs, by when outcomes became known: for tables, not for bars. */
import { latencyFigures, type LatencyFigures } from "./figures.ts";
import type { Outcome, StreamName } from "./record.ts";

export interface LiveSecond extends StreamName {
  /** From the start of the load: 1 is the first. */
  readonly second: number;
  readonly succeeded: number;
  readonly refused: number;
  readonly unknown: number;
  readonly notSent: number;
  /** Sent and not answered, and waiting to be sent. */
  readonly inFlight: number;
  readonly queued: number;
  /** Of what succeeded. */
  readonly latency: LatencyFigures;
  /** How often each status and code came back, of all but what succeeded. */
  readonly failures: Readonly<Record<string, number>>;
}

export class LiveCounter {
  #counts: Record<Outcome, number> = emptyCounts();
  #latenciesMs: number[] = [];
  #failures: Record<string, number> = {};

  add(outcome: Outcome, latencyMs: number, detail: string): void {
    this.#counts[outcome] += 1;
    if (outcome === "succeeded") this.#latenciesMs.push(latencyMs);
    else this.#failures[detail] = (this.#failures[detail] ?? 0) + 1;
  }

  /** What was counted since the last time. */
  take(): Pick<LiveSecond, "succeeded" | "refused" | "unknown" | "notSent" | "latency" | "failures"> {
    const { succeeded, refused, unknown } = this.#counts;
    const notSent = this.#counts["not-sent"];
    const latency = latencyFigures(this.#latenciesMs);
    const taken = { succeeded, refused, unknown, notSent, latency, failures: this.#failures };
    this.#counts = emptyCounts();
    this.#latenciesMs = [];
    this.#failures = {};
    return taken;
  }
}

function emptyCounts(): Record<Outcome, number> {
  return { waiting: 0, succeeded: 0, refused: 0, unknown: 0, "not-sent": 0 };
}
