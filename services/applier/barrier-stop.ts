/**
 * The applier's stop at a barrier: everything up to the barrier is committed, nothing after it, and whoever wants to look
 * at the state of exactly this position opens a snapshot now. For a bounded time: then folding goes on.
 *
 *   commit up to the barrier → observer opens its snapshot → fold on, while the snapshot is read
 *
 * A stop is not promised. A commit whose outcome is unknown, or another process that takes over, passes a barrier without
 * one; a database that falls back passes it again. The position that a snapshot tells says whether it is the barrier's.
 */
import type { BarrierEntry, OrderedEntry } from "../core/entry.ts";
import type { PartitionState } from "../core/fold/state.ts";
import { own } from "../core/json.ts";
import type { Clock } from "../ports/clock.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

/** How long folding waits for an observer. */
export const BARRIER_STOP_MS_MAX = 2_000;

/** Where the applier stands. */
export interface BarrierPlace {
  readonly partition: number;
  /** Of the barrier: all that is committed. */
  readonly position: number;
  /** Log time at this position. */
  readonly logTimeMs: number;
  readonly barrier: BarrierEntry;
}

export interface BarrierStop extends BarrierPlace {
  /** Aborted when folding goes on before the observer has returned: what it has opened may be of a later position, and is void. */
  readonly passed: AbortSignal;
}

export interface BarrierObserver {
  /** Resolves once folding may go on. What it throws is logged, and stops nothing. */
  atBarrier(stop: BarrierStop): Promise<void>;
}

/** The barrier that a group of entries ends with; undefined without one, or of a stranger's. */
export function barrierOf(
  entries: readonly OrderedEntry[],
  { origins }: Pick<PartitionState, "origins">,
): BarrierEntry | undefined {
  const entry = entries.at(-1)?.entry;
  return entry?.kind === "barrier" && own(origins, entry.origin) !== undefined ? entry : undefined;
}

/** Waits for the observer, `BARRIER_STOP_MS_MAX` at most, or until `stop` is aborted. Never throws. */
export async function stopAtBarrier(
  input: {
    readonly observer: BarrierObserver;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly at: BarrierPlace;
  },
  stop: AbortSignal,
): Promise<void> {
  const { observer, clock, logger, at } = input;
  const passed = new AbortController();
  const observed = new AbortController();
  const about = { partition: at.partition, position: at.position, barrier: at.barrier.id };
  const observe = async () => {
    try {
      await observer.atBarrier({ ...at, passed: passed.signal });
    } catch (error) {
      logger.warn({ ...about, error: describeError(error) }, "the look at a barrier has failed");
    } finally {
      observed.abort("observed");
    }
  };
  void observe();
  await clock.sleep(BARRIER_STOP_MS_MAX, AbortSignal.any([observed.signal, stop]));
  if (observed.signal.aborted) return;
  passed.abort("passed");
  logger.warn(about, "nobody was done with a barrier in time: folding goes on, its checkpoint is void");
}
