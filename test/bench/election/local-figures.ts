/** Figures of local writes that both systems are told by. */
import { figuresOf, latenciesOf, numbersIn, WHOLE, type Window } from "../../../infra/load/figures.ts";
import type { StreamRecord } from "../../../infra/load/record.ts";
import { round } from "../report.ts";

export const DELAYED_MS = 250;

export interface WriteFigures {
  readonly writes: number;
  /** Neither succeeded nor will: refused, unknown, or not even sent. */
  readonly failed: number;
  /** Succeeded, and took longer than 250 ms from when they were due. */
  readonly delayed: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly worst_ms: number;
  /** The longest time in which no write of some region that was due succeeded. */
  readonly longest_gap_ms: number;
  readonly failures: Readonly<Record<string, number>>;
}

export function writeFigures(records: readonly StreamRecord[], window: Window = WHOLE): WriteFigures {
  const { due, succeeded, latency, failures } = figuresOf(records, window);
  const latenciesMs = latenciesOf(records, { window, outcome: "succeeded" });
  return {
    writes: due,
    failed: due - succeeded,
    delayed: latenciesMs.filter((ms) => ms > DELAYED_MS).length,
    p50_ms: round(latency.p50Ms),
    p99_ms: round(latency.p99Ms),
    worst_ms: round(latency.worstMs, 1),
    longest_gap_ms: round(Math.max(0, ...records.map((record) => longestGapMs(record, window))), 1),
    failures,
  };
}

/** Between two answers of success that follow each other. */
export function longestGapMs(record: StreamRecord, window: Window): number {
  const doneAtMs: number[] = [];
  for (const number of numbersIn(record, window)) {
    if (record.outcome(number) === "succeeded") doneAtMs.push(record.doneAtMs(number));
  }
  const inOrder = Float64Array.from(doneAtMs).sort();
  let longestMs = 0;
  for (let index = 1; index < inOrder.length; index += 1) {
    longestMs = Math.max(longestMs, inOrder[index]! - inOrder[index - 1]!);
  }
  return longestMs;
}

export function ofClass(records: readonly StreamRecord[], name: string): StreamRecord[] {
  return records.filter((record) => record.class === name);
}
