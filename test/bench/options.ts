/** Options of a benchmark, as words of the command line. */
import { parseArgs } from "node:util";

/** The message says what is wrong, and what would be right. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

/** @param flags options that take no value. @throws {OptionError} for an option that is not among these. */
export function readOptions<Name extends string, Flag extends string = never>(
  words: readonly string[],
  names: readonly Name[],
  flags: readonly Flag[] = [],
): Partial<Record<Name, string> & Record<Flag, boolean>> {
  const options = Object.fromEntries<{ type: "string" | "boolean" }>([
    ...names.map((name) => [name, { type: "string" }] as const),
    ...flags.map((flag) => [flag, { type: "boolean" }] as const),
  ]);
  try {
    const { values } = parseArgs({ args: [...words], options });
    return values as Partial<Record<Name, string> & Record<Flag, boolean>>;
  } catch (error) {
    const known = [...names, ...flags].map((name) => `--${name}`).join(", ");
    throw new OptionError(`${(error as Error).message}; the options are ${known}`);
  }
}

/** @throws {OptionError} when it is no number above 0. */
export function positiveNumber(text: string | undefined, name: string, byDefault: number): number {
  if (text === undefined) return byDefault;
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new OptionError(`--${name} is a number above 0, not ${text}`);
  return value;
}
