/** What a checker may expect of sums afterwards: at least what was acknowledged, at most that and what is unknown. */
import type { StreamRecord } from "./record.ts";

export interface Contribution {
  readonly key: string;
  readonly amount: number;
}

export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/** By key. @param contribution what a stream's n-th request adds to what, if it takes effect. */
export function sumBounds(
  records: readonly StreamRecord[],
  contribution: (record: StreamRecord, number: number) => Contribution,
): Map<string, Bounds> {
  const sums = new Map<string, Bounds>();
  for (const record of records) {
    for (let number = 0; number < record.count; number += 1) {
      const { key, amount } = contribution(record, number);
      const before = sums.get(key) ?? { lower: 0, upper: 0 };
      sums.set(key, add(before, amount, record.outcome(number)));
    }
  }
  return sums;
}

function add({ lower, upper }: Bounds, amount: number, outcome: string): Bounds {
  switch (outcome) {
    case "succeeded":
      return { lower: lower + amount, upper: upper + amount };
    case "waiting":
    case "unknown":
      return { lower: lower + Math.min(0, amount), upper: upper + Math.max(0, amount) };
    default:
      return { lower, upper };
  }
}

/** What is wrong with sums as they are held, one line each; at most `linesMax`, for a bug breaks all of them. */
export function sumProblems(
  bounds: ReadonlyMap<string, Bounds>,
  held: (key: string) => number,
  linesMax = 10,
): string[] {
  const problems: string[] = [];
  for (const [key, { lower, upper }] of bounds) {
    const sum = held(key);
    if (sum >= lower && sum <= upper) continue;
    if (problems.length === linesMax) return problems;
    const wanted = lower === upper ? `${lower}` : `${lower} to ${upper}`;
    problems.push(`${key} holds ${sum}, and ${wanted} was acknowledged`);
  }
  return problems;
}
