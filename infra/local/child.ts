/** One child process of ours: its id, its log file, its end. */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { StartError, messageOf } from "./errors.ts";
import { pauseTree, resumeDescendants, resumeTree } from "./faults/process-tree.ts";
import { withinMs } from "./wait.ts";

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Output is appended here. */
  readonly logPath: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly workingFolder?: string;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Gives a Node child a channel that closes when this process ends, however it ends. */
  readonly hasChannel?: boolean;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const LOG_BYTES_MAX = 64 * 1024 * 1024;
const LAST_WORDS_BYTES = 2_000;
const KILL_TIMEOUT_MS = 10_000;

export class Child {
  readonly pid: number;
  readonly logPath: string;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;
  readonly #logStart: number;
  #isPaused = false;

  private constructor(
    child: ChildProcess,
    pid: number,
    log: { readonly path: string; readonly start: number },
  ) {
    this.#process = child;
    this.#logStart = log.start;
    this.pid = pid;
    this.logPath = log.path;
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
  }

  /** @throws {StartError} when the command can't be started. */
  static async spawn(options: ChildOptions): Promise<Child> {
    const log = openLog(options.logPath);
    try {
      const logStart = statSync(options.logPath).size;
      const stdio: StdioOptions = [
        "ignore",
        log,
        log,
        ...(options.hasChannel === true ? (["ipc"] as const) : []),
      ];
      const child = spawn(options.command, options.args, {
        stdio,
        env: options.environment,
        // An own process group: Ctrl-C in the terminal reaches us alone, and we end things in order.
        detached: true,
        ...(options.workingFolder === undefined ? {} : { cwd: options.workingFolder }),
        ...(options.user === undefined ? {} : { uid: options.user.uid, gid: options.user.gid }),
      });
      const pid = child.pid;
      if (pid === undefined) {
        const error = await new Promise<Error>((resolve) => child.once("error", resolve));
        throw new StartError(`${options.command} can't be started: ${messageOf(error)}`, { cause: error });
      }
      // Sending on a closed channel or signalling a process that is gone is reported here; both are harmless.
      child.on("error", () => undefined);
      return new Child(child, pid, { path: options.logPath, start: logStart });
    } finally {
      closeSync(log);
    }
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Whether it and all that it has started is stopped. */
  get isPaused(): boolean {
    return this.#isPaused && this.isRunning;
  }

  /** Stops it with all that it has started: the system still takes connections for it, and nobody answers. */
  pause(): void {
    if (this.isRunning) {
      this.#isPaused = true;
      pauseTree(this.pid);
    }
  }

  /** Lets it go on; harmless when it is not paused. */
  resume(): void {
    if (this.isPaused) {
      this.#isPaused = false;
      resumeTree(this.pid);
    }
  }

  /** Sends a signal; false when the process has already ended. */
  signal(signal: NodeJS.Signals): boolean {
    return this.isRunning && this.#process.kill(signal);
  }

  /** Asks with a signal, and ends the process by force when it has not ended after the grace period. */
  async stop(signal: NodeJS.Signals, graceMs: number): Promise<ChildExit> {
    this.signal(signal);
    this.resume();
    return (await withinMs(this.exited, graceMs)) ?? (await this.kill());
  }

  /** @throws {StartError} when even SIGKILL does not end it, which only a process stuck in the kernel does. */
  async kill(): Promise<ChildExit> {
    if (this.isPaused) {
      // Its children, which are not ours to kill, end when they notice that it is gone.
      resumeDescendants(this.pid);
    }
    this.signal("SIGKILL");
    const exit = await withinMs(this.exited, KILL_TIMEOUT_MS);
    if (exit === undefined) {
      throw new StartError(`process ${this.pid} did not end ${KILL_TIMEOUT_MS / 1000} s after SIGKILL`);
    }
    return exit;
  }

  /** The end of what it has logged since it was started. */
  lastWords(): string {
    const output = readFileSync(this.logPath).subarray(this.#logStart);
    return output.subarray(-LAST_WORDS_BYTES).toString("utf8").trim();
  }
}

function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES_MAX) {
    renameSync(path, `${path}.1`);
  }
  return openSync(path, "a", 0o600);
}

/** How a process ended, as it reads after its name. */
export function describeExit(exit: ChildExit): string {
  return exit.signal === null ? `ended with code ${exit.code}` : `was ended by ${exit.signal}`;
}
