/**
 * Keeps views and indexes what the schemas say. Every process of the region that may be an applier does it: where somebody
 * else is at it, there is nothing to do. The fold does not wait for it.
 */
import type { Clock, Random } from "../ports/clock.ts";
import type { SqlAccess } from "../ports/sql-access.ts";
import type { RegionConfig } from "../runtime/config.ts";
import type { Logger } from "../runtime/logger.ts";
import { repeatChore } from "./chore.ts";

const EVERY_MS = 1_500;
/** Few enough that a batch is over in milliseconds. */
const BATCH_ROWS = 500;
/** As long as it works, it rests: the fold goes on meanwhile. */
const REST_SHARE = 1;
const REST_MS_MIN = 5;

export interface SqlFollowerOptions {
  readonly store: SqlAccess;
  readonly roles: RegionConfig["roles"];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export async function followSchemas(options: SqlFollowerOptions, stop: AbortSignal): Promise<void> {
  if (!options.roles.includes("applier")) return;
  const views = { name: "let views follow the schemas", work: () => options.store.followViews() };
  const indexes = { name: "build indexes of fields", work: () => buildIndexes(options, stop) };
  const chores = [views, indexes].map((chore) =>
    repeatChore({ ...options, ...chore, everyMs: EVERY_MS }, stop),
  );
  await Promise.all(chores);
}

/** @returns how many indexes and records there was something to do about. */
async function buildIndexes({ store, clock }: SqlFollowerOptions, stop: AbortSignal): Promise<number> {
  let done = 0;
  while (!stop.aborted) {
    const startedAtMs = clock.monotonicMs();
    const step = await store.followIndexes({ rowsMax: BATCH_ROWS });
    if (step === 0) break;
    done += step;
    const workedMs = clock.monotonicMs() - startedAtMs;
    await clock.sleep(Math.max(REST_MS_MIN, workedMs * REST_SHARE), stop);
  }
  return done;
}
