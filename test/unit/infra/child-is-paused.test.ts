/** A process is paused with all that it has started, goes on, and ends while it is paused without leaving anything. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child } from "../../../infra/local/child.ts";
import { descendantsOf, isStopped } from "../../../infra/local/faults/process-tree.ts";
import { identifyProcess } from "../../../infra/local/process-identity.ts";
import { endProcess } from "../../../infra/local/run-records.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { waitFor } from "../../../infra/local/wait.ts";

/** Starts two children that end when their parent does, as the backends of a PostgreSQL do, and ends on SIGTERM. */
const PARENT = `
  const { spawn } = require("node:child_process");
  const child = 'process.stdin.resume(); process.stdin.on("end", () => process.exit()); setInterval(() => 0, 1000)';
  for (let count = 0; count < 2; count += 1) spawn(process.execPath, ["-e", child], { stdio: ["pipe", "ignore", "ignore"] });
  process.on("SIGTERM", () => process.exit(7));
  console.log("started");
`;

let folder: ReturnType<typeof makeTemporaryFolder>;
let child: Child;
let children: readonly number[];

beforeEach(async () => {
  folder = makeTemporaryFolder("paused");
  const logPath = join(folder.path, "log");
  child = await Child.spawn({
    command: process.execPath,
    args: ["-e", PARENT],
    logPath,
    environment: {},
  });
  await waitFor(() => (readFileSync(logPath, "utf8").includes("started") ? true : undefined), {
    what: "start of the process",
    timeoutMs: 20_000,
  });
  children = descendantsOf(child.pid).map(({ pid }) => pid);
});

afterEach(async () => {
  child.resume();
  await child.kill();
  await allGone();
  folder.remove();
});

async function allGone(): Promise<void> {
  const isGone = (): true | undefined => (children.every((pid) => !isAlive(pid)) ? true : undefined);
  await waitFor(isGone, { what: "end of the children", timeoutMs: 20_000 });
}

/** A zombie counts as none. */
function isAlive(pid: number): boolean {
  return identifyProcess(pid) !== undefined;
}

/** One that runs on another processor stops, or goes on, a moment after it was told to. */
async function allStopped(isTrue: boolean): Promise<void> {
  const all = [child.pid, ...children];
  const what = isTrue ? "stop of all" : "all going on";
  await waitFor(() => (all.every((pid) => isStopped(pid) === isTrue) ? true : undefined), {
    what,
    timeoutMs: 20_000,
  });
}

it("stops with its children, and goes on with them", async () => {
  expect(children).toHaveLength(2);
  child.pause();
  expect(child.isPaused).toBe(true);
  await allStopped(true);
  child.resume();
  expect(child.isPaused).toBe(false);
  await allStopped(false);
});

it("is stopped in good order while it is paused", async () => {
  child.pause();
  expect(await child.stop("SIGTERM", 20_000)).toEqual({ code: 7, signal: null });
  await allGone();
});

it("is killed while it is paused, and its children notice", async () => {
  child.pause();
  expect(await child.kill()).toEqual({ code: null, signal: "SIGKILL" });
  expect(child.isPaused).toBe(false);
  await allGone();
});

it("is ended by the next run when it was left behind paused", async () => {
  child.pause();
  const identity = identifyProcess(child.pid)!;
  expect(await endProcess("left", { pid: child.pid, ...identity, stopSignal: "SIGTERM" })).toBe(true);
  expect(await child.exited).toEqual({ code: 7, signal: null });
  await allGone();
});

it("leaves others alone", async () => {
  const other = spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"], { stdio: "ignore" });
  child.pause();
  expect(isStopped(other.pid!)).toBe(false);
  other.kill("SIGKILL");
  await once(other, "exit");
});
