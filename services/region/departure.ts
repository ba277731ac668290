/**
 * How a region process leaves: /readyz says so → balancers send no more → HTTP closes, with what is under way answered →
 * the log has what was accepted → roles are given back → what they stand on is closed. Each step has its time, and whatever
 * does not end within it is left behind: nothing that was acknowledged depends on it.
 */
import { setMaxListeners } from "node:events";
import { own } from "../core/json.ts";
import type { Clock } from "../ports/clock.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

/** Requests that are under way may take so long; roles fold meanwhile. */
const HTTP_CLOSE_MS = 7_000;
const SHIP_MS = 1_000;
const SHIP_POLL_MS = 20;
const ROLES_CLOSE_MS = 2_500;

/** All steps together, the notice aside. */
export const DEPARTURE_MS = 12_000;

/** What tells all parts of a process to end. */
export function makeStop(): AbortController {
  const stop = new AbortController();
  // Each part that runs listens to it until it ends: that they are many is no leak.
  setMaxListeners(0, stop.signal);
  return stop;
}

export interface Departure {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Undefined before HTTP listens. */
  readonly server: { leave(): void; close(deadlineMs: number): Promise<void> } | undefined;
  /** How long balancers have to notice; 0 where nobody sends requests anyway. */
  readonly noticeMs: number;
  /** Resolves once the log has what the region has accepted; at once where the log can't take it. */
  readonly shipped: () => Promise<void>;
  /** Tells roles and chores to end; resolves when they have. */
  readonly endWork: () => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

export async function depart(departure: Departure): Promise<void> {
  const { clock, logger, server, noticeMs } = departure;
  server?.leave();
  if (noticeMs > 0) {
    logger.info({ noticeMs }, "not ready any more: requests are served until balancers have noticed");
    await clock.sleep(noticeMs);
  }
  await server?.close(HTTP_CLOSE_MS);
  await Promise.race([departure.shipped(), clock.sleep(SHIP_MS)]);
  await Promise.race([departure.endWork(), clock.sleep(ROLES_CLOSE_MS)]);
  await departure.close();
}

export interface ShippedOptions {
  readonly region: string;
  readonly store: Pick<RegionStore, "walHead" | "readPositions">;
  /** Of all partitions. */
  readonly breakers: readonly LogBreaker[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Waits until the region has folded what its WAL holds now: every region has it then, or gets it from the log. Where no process
 * is left, others would see it only once one is back. Rows of an unreachable log, or of a database that does not answer, wait.
 */
export async function walIsShipped(options: ShippedOptions): Promise<void> {
  const { store, breakers, logger } = options;
  try {
    await Promise.all(
      breakers.map(async (breaker, partition) => {
        const { sequence } = await store.walHead(partition);
        await partitionIsShipped(options, { breaker, partition, sequence });
      }),
    );
  } catch (error) {
    logger.info({ error: describeError(error) }, "what waits for the log is left for the next process");
  }
}

async function partitionIsShipped(
  { region, store, clock }: ShippedOptions,
  { breaker, partition, sequence }: { breaker: LogBreaker; partition: number; sequence: number },
): Promise<void> {
  const untilMs = clock.monotonicMs() + SHIP_MS;
  while (!breaker.isOpen && clock.monotonicMs() < untilMs) {
    const origin = own((await store.readPositions(partition)).origins, region);
    // A region that is no member has nothing to ship.
    if (origin === undefined || origin.watermark >= sequence) return;
    await clock.sleep(SHIP_POLL_MS);
  }
}
