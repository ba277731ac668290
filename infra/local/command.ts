/** Runs a helper command to its end, with a deadline. */
import { execFile } from "node:child_process";

export interface CommandOptions {
  readonly timeoutMs: number;
  readonly workingFolder?: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What it reads from its standard input. Default nothing. */
  readonly input?: string;
}

/** A helper command failed; the message has its last words. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const LAST_WORDS_LINES = 3;

/**
 * Runs a command and returns its standard output.
 * @throws {CommandError} when it can't be started, fails, or runs longer than the deadline.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        timeout: options.timeoutMs,
        killSignal: "SIGKILL",
        maxBuffer: OUTPUT_BYTES_MAX,
        encoding: "utf8",
        env: options.environment ?? process.env,
        ...(options.workingFolder === undefined ? {} : { cwd: options.workingFolder }),
        ...(options.user === undefined ? {} : options.user),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve(stdout);
          return;
        }
        reject(
          new CommandError(describe(command, error, { stderr, timeoutMs: options.timeoutMs }), {
            cause: error,
          }),
        );
      },
    );
    // One that does not read it to its end says why by the way in which it ends.
    child.stdin?.on("error", () => undefined).end(options.input);
  });
}

function describe(
  command: string,
  error: Error,
  { stderr, timeoutMs }: { stderr: string; timeoutMs: number },
): string {
  if ("killed" in error && error.killed === true) {
    return `${command} took longer than ${timeoutMs / 1000} s`;
  }
  const lastWords = stderr.trim().split("\n").slice(-LAST_WORDS_LINES).join("; ");
  if (lastWords !== "") {
    return `${command}: ${lastWords}`;
  }
  return "code" in error && error.code === "ENOENT" ? `${command} is not installed` : error.message;
}
