/** Starts a region process out of an image's files, and measures how long it takes until it is ready. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Contained } from "./contained.ts";

export interface Started {
  /** From the start of the program until /readyz says 200, in milliseconds. */
  readonly readyMs: number;
  readonly url: string;
  /** Sends SIGTERM. @returns the exit code, null where a signal has ended it. */
  readonly stop: () => Promise<number | null>;
}

export interface ColdStart {
  readonly contained: Contained;
  /** Besides what the image sets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly port: number;
  readonly deadlineMs: number;
}

const LOOK_EVERY_MS = 20;
const LAST_WORDS = 2_000;

/** @throws {Error} with what the process has said, where it ends or is not ready in time. */
export async function coldStart(options: ColdStart): Promise<Started> {
  const { contained, environment, port } = options;
  const startedMs = performance.now();
  const child = spawn(contained.command, [...contained.args], {
    env: { ...contained.environment, ...environment, FOREBAY_HTTP_PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => (said = `${said}${bytes.toString()}`.slice(-LAST_WORDS)));
  const url = `http://127.0.0.1:${port}`;
  const stop = () => stopChild(child);
  try {
    await untilReady(child, { url, untilMs: startedMs + options.deadlineMs });
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}; it has said:\n${said}`, { cause: error });
  }
  return { readyMs: performance.now() - startedMs, url, stop };
}

async function untilReady(
  child: ChildProcess,
  { url, untilMs }: { readonly url: string; readonly untilMs: number },
): Promise<void> {
  let last = "it does not answer";
  while (performance.now() < untilMs) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the process has ended with ${child.exitCode ?? child.signalCode}`);
    try {
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(LOOK_EVERY_MS * 50) });
      last = await answer.text();
      if (answer.ok) return;
    } catch {
      // It does not listen yet.
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`the process was not ready in time: ${last}`);
}

async function stopChild(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, "exit") as Promise<[number | null]>;
  child.kill("SIGTERM");
  const [code] = await ended;
  return code;
}

/** Of all files of a folder, in bytes: what the image has as it lies on a disk, without compression. */
export function bytesOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
