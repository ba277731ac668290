/** Figures of a stream's record: counts and percentiles of a window, second by second, and how long nothing succeeded. */
import type { Outcome, StreamRecord } from "./record.ts";

/** Of the times at which requests were due, in milliseconds from the start of the load: from the first up to the second. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export const WHOLE: Window = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };

export interface LatencyFigures {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly worstMs: number;
}

export interface Figures {
  readonly due: number;
  readonly succeeded: number;
  readonly refused: number;
  readonly unknown: number;
  readonly notSent: number;
  readonly waiting: number;
  /** Of what succeeded. */
  readonly latency: LatencyFigures;
  /** How often each status and code came back, of all but what succeeded. */
  readonly failures: Readonly<Record<string, number>>;
}

/** The share-th value of ascending ones, by the nearest rank; 0 when there are none. */
export function percentile(ascending: ArrayLike<number>, share: number): number {
  const rank = Math.max(1, Math.ceil(share * ascending.length));
  return ascending[rank - 1] ?? 0;
}

export function latencyFigures(latenciesMs: readonly number[]): LatencyFigures {
  const ascending = Float64Array.from(latenciesMs).sort();
  return {
    count: ascending.length,
    p50Ms: percentile(ascending, 0.5),
    p99Ms: percentile(ascending, 0.99),
    p999Ms: percentile(ascending, 0.999),
    worstMs: ascending.at(-1) ?? 0,
  };
}

/** The numbers of the requests that were due in the window. */
export function* numbersIn(record: StreamRecord, { fromMs, toMs }: Window): Generator<number> {
  const first = fromMs <= record.pace.offsetMs ? 0 : Math.max(0, record.pace.dueBy(fromMs) - 1);
  for (let number = first; number < record.count; number += 1) {
    const dueAtMs = record.dueAtMs(number);
    if (dueAtMs >= toMs) return;
    if (dueAtMs >= fromMs) yield number;
  }
}

/** The latencies of what came out so, of several streams together. */
export function latenciesOf(
  records: readonly StreamRecord[],
  { window = WHOLE, outcome }: { readonly window?: Window; readonly outcome: Outcome },
): number[] {
  const latenciesMs: number[] = [];
  for (const record of records) {
    for (const number of numbersIn(record, window)) {
      if (record.outcome(number) === outcome) latenciesMs.push(record.latencyMs(number));
    }
  }
  return latenciesMs;
}

/** Of several streams together. */
export function figuresOf(records: readonly StreamRecord[], window: Window = WHOLE): Figures {
  const counts: Record<Outcome, number> = { waiting: 0, succeeded: 0, refused: 0, unknown: 0, "not-sent": 0 };
  const failures: Record<string, number> = {};
  let due = 0;
  for (const record of records) {
    for (const number of numbersIn(record, window)) {
      const { outcome, detail } = record.result(number);
      due += 1;
      counts[outcome] += 1;
      if (outcome !== "succeeded") failures[detail] = (failures[detail] ?? 0) + 1;
    }
  }
  const { succeeded, refused, unknown, waiting } = counts;
  const latency = latencyFigures(latenciesOf(records, { window, outcome: "succeeded" }));
  return { due, succeeded, refused, unknown, notSent: counts["not-sent"], waiting, latency, failures };
}

/** One entry for each second of the load, by when requests were due. */
export function secondBySecond(records: readonly StreamRecord[]): Figures[] {
  const ends = records.map((record) => (record.count === 0 ? 0 : record.dueAtMs(record.count - 1)));
  const seconds = Math.floor(Math.max(0, ...ends) / 1_000) + 1;
  return Array.from({ length: seconds }, (_, second) =>
    figuresOf(records, { fromMs: second * 1_000, toMs: (second + 1) * 1_000 }),
  );
}

/**
 * How long a stream brought nothing after a fault: from the fault until the first answer of success to a request that was
 * due after it. What was under way before the fault says nothing about the time after it.
 * @param until no request that was due later counts; milliseconds from the start of the load, like the fault.
 * @returns milliseconds; undefined when nothing succeeded.
 */
export function unavailableMs(
  record: StreamRecord,
  { faultAtMs, untilMs }: { readonly faultAtMs: number; readonly untilMs: number },
): number | undefined {
  let firstMs: number | undefined;
  for (const number of numbersIn(record, { fromMs: faultAtMs, toMs: untilMs })) {
    if (record.outcome(number) !== "succeeded") continue;
    const doneAtMs = record.doneAtMs(number);
    if (firstMs === undefined || doneAtMs < firstMs) firstMs = doneAtMs;
  }
  return firstMs === undefined ? undefined : firstMs - faultAtMs;
}
