#!/usr/bin/env node
/** Entry point of the forebay command. */
import { CommanderError } from "commander";
import { softwareVersion } from "../runtime/config-software.ts";
import { CommandError, EXIT_FAILED, EXIT_USAGE, UsageError } from "./errors.ts";
import { createProgram } from "./program.ts";

/** @returns the exit code; commander has already told what it has to tell. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof UsageError || error instanceof CommandError) {
    process.stderr.write(`forebay: ${error.message}\n`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
  process.stderr.write(
    `forebay: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return EXIT_FAILED;
}

try {
  await createProgram(softwareVersion()).parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
