/**
 * Forgets conflicts that are older than their retention, by log time: the regions keep the same ones, each at its own pace.
 *
 * Every process of the region that may be an applier does it, whether or not it holds the role at the moment: where
 * conflicts are made, somebody clears them away. A grant for it would protect nothing. Two that trim at once forget the
 * same rows once, and their different beats keep them apart.
 */
import type { Clock, Random } from "../ports/clock.ts";
import type { Maintenance, StateReader } from "../ports/region-store.ts";

/** Few enough that a batch is over in milliseconds: the applier commits its own rows meanwhile. */
const BATCH_ROWS = 1_000;
const PAUSE_MS = 100;

export interface ConflictJanitorOptions {
  readonly partitions: number;
  readonly retentionMs: number;
  readonly store: Maintenance & Pick<StateReader, "readPositions">;
  readonly clock: Clock;
  readonly random: Random;
}

/** @returns how many were forgotten, in all partitions. */
export async function forgetOldConflicts(
  options: ConflictJanitorOptions,
  stop: AbortSignal,
): Promise<number> {
  let forgotten = 0;
  for (let partition = 0; partition < options.partitions && !stop.aborted; partition += 1) {
    forgotten += await forgetInPartition(options, partition, stop);
  }
  return forgotten;
}

async function forgetInPartition(
  options: ConflictJanitorOptions,
  partition: number,
  stop: AbortSignal,
): Promise<number> {
  const { store, retentionMs, clock, random } = options;
  const { logTimeMs } = await store.readPositions(partition);
  const batch = { partition, beforeLogTimeMs: logTimeMs - retentionMs, rowsMax: BATCH_ROWS };
  let forgotten = 0;
  while (!stop.aborted) {
    const count = await store.trimConflicts(batch);
    forgotten += count;
    if (count < BATCH_ROWS) break;
    await clock.sleep(PAUSE_MS * (0.5 + random.fraction()), stop);
  }
  return forgotten;
}
