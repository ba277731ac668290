/** Remembers the processes of a data folder on disk, so that a run after kill -9 can end what was left behind. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "./errors.ts";
import { resumeTree } from "./faults/process-tree.ts";
import { readJsonIfPresent, writeFileAtomic } from "./files.ts";
import { identifyProcess, type ProcessIdentity } from "./process-identity.ts";
import { waitFor } from "./wait.ts";

export interface RunRecord {
  readonly pid: number;
  readonly startTime: string;
  readonly commandLine: string;
  /** Ends this kind of process in good order. */
  readonly stopSignal: "SIGTERM" | "SIGINT";
}

const STOP_TIMEOUT_MS = 10_000;
const KILL_TIMEOUT_MS = 5_000;

export class RunRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Called right after a process was started, before anything else can fail. */
  add(name: string, pid: number, stopSignal: RunRecord["stopSignal"]): void {
    const identity = identifyProcess(pid);
    if (identity !== undefined) {
      writeFileAtomic(this.#path(name), JSON.stringify({ pid, ...identity, stopSignal } satisfies RunRecord));
    }
  }

  remove(name: string): void {
    rmSync(this.#path(name), { force: true });
  }

  /**
   * Ends every recorded process that still lives and is provably the recorded one.
   * @returns the names of those that were ended.
   */
  async endLeftovers(): Promise<readonly string[]> {
    const names = readdirSync(this.#folder)
      .filter((file) => file.endsWith(".json"))
      .map((file) => file.slice(0, -".json".length));
    const ended = await Promise.all(
      names.map(async (name) => {
        const record = parseRecord(readJsonIfPresent(this.#path(name)));
        const wasAlive = record !== undefined && (await endProcess(name, record));
        this.remove(name);
        return wasAlive ? [name] : [];
      }),
    );
    return ended.flat();
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}

function parseRecord(document: unknown): RunRecord | undefined {
  if (typeof document !== "object" || document === null) {
    return undefined;
  }
  const { pid, startTime, commandLine, stopSignal } = document as Partial<Record<keyof RunRecord, unknown>>;
  return {
    pid: Number(pid),
    startTime: String(startTime),
    commandLine: String(commandLine),
    stopSignal: stopSignal === "SIGINT" ? "SIGINT" : "SIGTERM",
  };
}

/**
 * Ends a process of an earlier run, gently at first; false when it no longer lives.
 * @throws {StartError} when it can't be ended, naming its id.
 */
export async function endProcess(name: string, record: RunRecord): Promise<boolean> {
  const isGone = (): true | undefined => (isSame(record, identifyProcess(record.pid)) ? undefined : true);
  if (isGone()) {
    return false;
  }
  const what = `end of ${name}, process ${record.pid} of an earlier run`;
  try {
    process.kill(record.pid, record.stopSignal);
    // It may have been left paused, and heeds no signal until it goes on.
    resumeTree(record.pid);
    await waitFor(isGone, { what, timeoutMs: STOP_TIMEOUT_MS });
  } catch {
    try {
      process.kill(record.pid, "SIGKILL");
      await waitFor(isGone, { what, timeoutMs: KILL_TIMEOUT_MS });
    } catch (error) {
      if (isGone() === undefined) {
        throw new StartError(
          `${name} of an earlier run (process ${record.pid}) can't be ended; end it by hand`,
          {
            cause: error,
          },
        );
      }
    }
  }
  return true;
}

function isSame(record: RunRecord, identity: ProcessIdentity | undefined): boolean {
  // Start times count from boot, so after a reboot another process may have the same id and time.
  return identity?.startTime === record.startTime && identity.commandLine === record.commandLine;
}
