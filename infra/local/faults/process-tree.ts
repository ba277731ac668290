/** Pausing a process with all that it has started: SIGSTOP and SIGCONT for a whole tree, found by parent ids. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { isErrorWithCode } from "../files.ts";

interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly isStopped: boolean;
}

const PS_TIMEOUT_MS = 5_000;
/** A process that is being forked when its parent is stopped shows up in the next look. */
const LOOKS_MAX = 20;

/**
 * Stops a process and its descendants. The parent first: then no more are started.
 * Descendants that end meanwhile are no error.
 */
export function pauseTree(pid: number): void {
  sendSignal(pid, "SIGSTOP");
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const running = descendantsOf(pid).filter(({ isStopped }) => !isStopped);
    if (running.length === 0) {
      return;
    }
    running.forEach((entry) => sendSignal(entry.pid, "SIGSTOP"));
  }
}

/** Lets a process and its descendants go on, the descendants first; harmless for those that run. */
export function resumeTree(pid: number): void {
  resumeDescendants(pid);
  sendSignal(pid, "SIGCONT");
}

/** Before a process is killed: what it leaves behind has to notice that, which a stopped process can't. */
export function resumeDescendants(pid: number): void {
  descendantsOf(pid).forEach((entry) => sendSignal(entry.pid, "SIGCONT"));
}

/** All processes below this one, as they are now. */
export function descendantsOf(pid: number): readonly { readonly pid: number; readonly isStopped: boolean }[] {
  const all = process.platform === "linux" ? entriesFromProc() : entriesFromPs();
  const found: ProcessEntry[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const children = all.filter((entry) => parents.has(entry.parentPid));
    found.push(...children);
    parents = new Set(children.map((entry) => entry.pid));
  }
  return found;
}

/** Whether the process is stopped now; false when there is none. */
export function isStopped(pid: number): boolean {
  const all = process.platform === "linux" ? entryFromProc(pid) : entriesFromPs();
  return all.some((entry) => entry.pid === pid && entry.isStopped);
}

function sendSignal(pid: number, signal: "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isErrorWithCode(error, "ESRCH")) {
      throw error;
    }
  }
}

function entriesFromProc(): readonly ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => entryFromProc(Number(name)));
}

function entryFromProc(pid: number): readonly ProcessEntry[] {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may itself hold spaces and parentheses; the fixed fields follow the last one.
    const [state, parent] = status.slice(status.lastIndexOf(")") + 2).split(" ");
    return entryOf({ pid, parentPid: Number(parent), state: state ?? "" });
  } catch {
    return [];
  }
}

function entriesFromPs(): readonly ProcessEntry[] {
  const { stdout } = spawnSync("ps", ["-axo", "pid=,ppid=,stat="], {
    encoding: "utf8",
    timeout: PS_TIMEOUT_MS,
  });
  return (stdout ?? "").split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)/.exec(line);
    return match === null
      ? []
      : entryOf({ pid: Number(match[1]), parentPid: Number(match[2]), state: match[3] ?? "" });
  });
}

/** A zombie takes no signals and holds nothing up. */
function entryOf(found: { pid: number; parentPid: number; state: string }): readonly ProcessEntry[] {
  const { pid, parentPid, state } = found;
  return state.startsWith("Z") || state.startsWith("X")
    ? []
    : [{ pid, parentPid, isStopped: state.startsWith("T") }];
}
