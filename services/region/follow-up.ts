/** Lets partitions follow decisions on collections that they have missed, for as long as the process lives. */
import type { Clock, Random } from "../ports/clock.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

const EVERY_MS = 5_000;
const DEADLINE_MS = 5_000;

export async function followUpSchemas(
  options: {
    readonly gateway: { followUpSchemas(deadlineMs: number): Promise<number> };
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
  },
  stop: AbortSignal,
): Promise<void> {
  const { gateway, clock, random, logger } = options;
  while (!stop.aborted) {
    // Regions that look at different times rarely propose the same twice.
    await clock.sleep(EVERY_MS * (0.5 + random.fraction()), stop);
    if (stop.aborted) return;
    try {
      const proposed = await gateway.followUpSchemas(DEADLINE_MS);
      if (proposed > 0)
        logger.info({ proposed }, "collections proposed again to partitions that lacked them");
    } catch (error) {
      logger.debug({ error: describeError(error) }, "collections not followed up; trying again");
    }
  }
}
