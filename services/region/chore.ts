/** Work that is done again and again for as long as the process lives, and may fail now and then. */
import type { Clock, Random } from "../ports/clock.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

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
  while (!stop.aborted) {
    // Regions that look at different times rarely do the same twice.
    await clock.sleep(everyMs * (0.5 + random.fraction()), stop);
    if (stop.aborted) return;
    try {
      const done = await work();
      if (done > 0) logger.info({ chore: name, done }, "chore done");
    } catch (error) {
      logger.debug({ chore: name, error: describeError(error) }, "chore not done; trying again");
    }
  }
}
