/** What the start of a process needs, and waits for. */
import type { Clock, Random } from "../ports/clock.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

const RETRY_BASE_MS = 250;
const RETRY_MAX_MS = 5_000;

export interface PersistOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told why it has not worked yet. */
  readonly onFailure: (reason: string) => void;
}

/** Tries until it works, or is stopped: another process may be migrating, or the database not be there yet. */
export async function persist(
  { what, work }: { readonly what: string; readonly work: () => Promise<void> },
  { clock, random, logger, onFailure }: PersistOptions,
  stop: AbortSignal,
): Promise<void> {
  for (let attempt = 0; !stop.aborted; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      onFailure(`${what}: ${describeError(error)}`);
      logger.warn({ attempt, error: describeError(error) }, `${what}; trying again`);
      await clock.sleep(backoffMs({ attempt, baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random }), stop);
    }
  }
}
