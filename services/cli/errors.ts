/** What a command tells the user when it can't do what was asked. */

export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** The command was not used as it is meant to be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
