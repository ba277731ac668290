/** Work that is done again and again for as long as the process lives, and may fail now and then. */
import type { Clock, Random } from "../ports/clock.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

/** One failure is nothing: the next time it is done. So many in a row are told, then again after twice as many, and so on. */
const FAILURES_PER_WARNING = 3;
/** But after so many more at last. */
const FAILURES_PER_WARNING_MAX = 48;

export interface ChoreOptions {
  readonly name: string;
  /** On average. */
  readonly everyMs: number;
  /** Returns how much there was to do. */
  readonly work: () => Promise<number>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export async function repeatChore(options: ChoreOptions, stop: AbortSignal): Promise<void> {
  const { name, everyMs, work, clock, random, logger } = options;
  let failures = 0;
  let failuresTold = FAILURES_PER_WARNING;
  while (!stop.aborted) {
    // Regions that look at different times rarely do the same twice.
    await clock.sleep(everyMs * (0.5 + random.fraction()), stop);
    if (stop.aborted) return;
    try {
      const done = await work();
      if (done > 0) logger.info({ chore: name, done }, "chore done");
      else if (failures >= FAILURES_PER_WARNING) logger.info({ chore: name, failures }, "chore done again");
      failures = 0;
      failuresTold = FAILURES_PER_WARNING;
    } catch (error) {
      failures += 1;
      const level = failures === failuresTold ? "warn" : "debug";
      if (level === "warn") failuresTold += Math.min(failures, FAILURES_PER_WARNING_MAX);
      logger[level]({ chore: name, failures, error: describeError(error) }, "chore not done; trying again");
    }
  }
}
