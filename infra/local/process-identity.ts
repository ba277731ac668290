/** Who a process id belongs to: ids are reused, so an id alone never proves that a process is ours. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  /** Opaque; two processes that had the same id at different times have different ones. */
  readonly startTime: string;
  readonly commandLine: string;
}

const PS_TIMEOUT_MS = 5_000;

/** The live process with this id, or undefined when there is none (a zombie counts as none). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
}

function fromProc(pid: number): ProcessIdentity | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may itself hold spaces and parentheses; the fixed fields follow the last one.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") {
      return undefined;
    }
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return { startTime: fields[19] ?? "", commandLine };
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): ProcessIdentity | undefined {
  const result = spawnSync("ps", ["-ww", "-o", "stat=,lstart=,command=", "-p", String(pid)], {
    encoding: "utf8",
    timeout: PS_TIMEOUT_MS,
    env: { ...process.env, LC_ALL: "C" },
  });
  const match = /^(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(result.stdout?.trim() ?? "");
  if (match === null || (match[1] ?? "").startsWith("Z")) {
    return undefined;
  }
  return { startTime: match[2] ?? "", commandLine: match[3] ?? "" };
}
