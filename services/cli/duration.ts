/** Durations as people write them: `30s`, `10m`, `1h30m`. */
import { InvalidArgumentError } from "commander";

const MS_BY_UNIT: { readonly [unit: string]: number } = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const WHOLE = /^(?:\d+(?:ms|s|m|h))+$/;
const PART = /(\d+)(ms|s|m|h)/g;

/** @returns milliseconds. @throws {InvalidArgumentError} says what would be right. */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  if (!WHOLE.test(text)) throw new InvalidArgumentError("A duration is something like 30s, 10m or 1h30m.");
  return [...text.matchAll(PART)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * MS_BY_UNIT[unit!]!,
    0,
  );
}
