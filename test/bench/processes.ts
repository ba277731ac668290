/** What processes have used of the machine, as Linux tells it under `/proc`. */
import { readdirSync, readFileSync } from "node:fs";

const MICROSECONDS_PER_TICK = 10_000;

/** Of a process and its children, those that have ended included. NaN where the system has no `/proc`. */
export function cpuMicroseconds(pid: number | undefined): number {
  if (process.platform !== "linux" || pid === undefined) return Number.NaN;
  let ticks = 0;
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const fields = statOf(name);
    // After the name: state, parent, …, and from the 12th on user, system, and the same of ended children.
    if (name === String(pid)) ticks += sum(fields.slice(11, 15));
    else if (fields[1] === String(pid)) ticks += sum(fields.slice(11, 13));
  }
  return ticks * MICROSECONDS_PER_TICK;
}

function statOf(pid: string): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

function sum(texts: readonly string[]): number {
  return texts.reduce((total, text) => total + Number(text), 0);
}

/** Now, and at most since the process started. */
export function residentMegabytes(pid: number): { resident_megabytes: number; peak_megabytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const megabytes = (name: string) =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024);
  return { resident_megabytes: megabytes("VmRSS"), peak_megabytes: megabytes("VmHWM") };
}
