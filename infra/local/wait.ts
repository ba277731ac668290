/** Waiting with a deadline: every wait in this folder goes through here. */
import { setTimeout as sleep } from "node:timers/promises";
import { DeadlineError, messageOf } from "./errors.ts";

export interface WaitOptions {
  /** What is waited for, as it reads after "no": "answer from nats-server eu". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const INTERVAL_MS = 50;

/**
 * Asks until the probe returns a value. A probe that throws counts as "not yet"; its last error is told at the end.
 * @throws {DeadlineError} when the deadline passes; the signal's reason when it is aborted.
 */
export async function waitFor<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + options.timeoutMs;
  let lastError: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const value = await probe();
      if (value !== undefined) {
        return value;
      }
    } catch (error) {
      if (error instanceof GiveUpError) {
        throw error.cause;
      }
      lastError = error;
    }
    if (performance.now() >= deadlineMs) {
      const reason = lastError === undefined ? "" : `: ${messageOf(lastError)}`;
      throw new DeadlineError(`no ${options.what} within ${options.timeoutMs / 1000} s${reason}`);
    }
    await sleep(options.intervalMs ?? INTERVAL_MS, undefined, { signal: options.signal });
  }
}

/** Thrown by a probe when waiting longer is pointless; `waitFor` throws its cause. */
export class GiveUpError extends Error {
  override readonly name = "GiveUpError";

  constructor(cause: unknown) {
    super("give up", { cause });
  }
}

/** The promise's value, or undefined when the deadline passes first. */
export async function withinMs<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const timer = new AbortController();
  const timeout = sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timer.abort();
  }
}
