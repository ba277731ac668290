/** Durations as arguments of the command line. */
import { InvalidArgumentError } from "commander";
import { DURATION_HINT, parseDurationMs } from "../runtime/duration.ts";

/** @returns milliseconds. @throws {InvalidArgumentError} says what would be right. */
export function parseDuration(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === undefined) throw new InvalidArgumentError(`A duration is ${DURATION_HINT}.`);
  return durationMs;
}
