/** Files of variables as Docker's `--env-file` reads them: what stands after the first `=` is the value, whatever it is. */
import { readFileSync } from "node:fs";
import type { Environment } from "../runtime/config/sources.ts";
import { UsageError } from "./errors.ts";

export interface EnvironmentFile {
  readonly environment: Environment;
  /** Each names its line, and shows nothing of it but the name of an option. */
  readonly problems: readonly string[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const QUOTED = /^\s*(["']).*\1\s*$/s;

/**
 * @param outside where names that stand by themselves are taken over from.
 * @throws {UsageError} where the file can't be read.
 */
export function readEnvironmentFile(path: string, outside: Environment): EnvironmentFile {
  try {
    return parseEnvironmentFile(path, readFileSync(path, "utf8"), outside);
  } catch (error) {
    throw new UsageError(`${path} can't be read: ${(error as Error).message}`);
  }
}

/** A line per variable; empty ones, and those that begin with `#`, count for nothing. */
export function parseEnvironmentFile(path: string, text: string, outside: Environment): EnvironmentFile {
  const environment: Record<string, string | undefined> = {};
  const problems: string[] = [];
  for (const [index, whole] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = whole.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const place = `line ${index + 1} of ${path}`;
    const [, name = line, value] = /^([^=]*)=(.*)$/s.exec(line) ?? [];
    if (!NAME.test(name)) {
      problems.push(`${place} must be NAME=value, without anything before the name or between it and the =`);
      continue;
    }
    environment[name] = value ?? outside[name];
    if (name.startsWith("FOREBAY_") && QUOTED.test(value ?? ""))
      problems.push(
        `${name} in ${place} has quotes around its value, which become part of it; leave them out`,
      );
  }
  return { environment, problems };
}
