/**
 * Holds a role of a partition: acquire → work while renewing → release, over and over until stopped.
 *
 * The grant in the database only keeps two processes from doing the same work for long. What makes two at once harmless
 * are the fences: the relay's epoch in the fold, the applier's compare-and-set on its position.
 */
import type { Clock, Random } from "../ports/clock.ts";
import { RoleRefusedError } from "../ports/entry-versions.ts";
import type { RoleGrant, RoleName, Roles } from "../ports/region-store.ts";
import { backoffMs } from "./backoff.ts";
import { describeError } from "./describe-error.ts";
import type { Logger } from "./logger.ts";
import type { Signal } from "./signal.ts";

export const ROLE_TTL_MS = 3_000;
const RENEW_EVERY_MS = 1_000;
const RETRY_BASE_MS = 100;
const RETRY_MAX_MS = 2_000;

export interface HoldRoleOptions {
  readonly role: RoleName;
  readonly partition: number;
  readonly holder: string;
  readonly store: Roles;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Works until `stop` is aborted; returns or throws when it can't go on. */
  readonly work: (grant: RoleGrant, stop: AbortSignal) => Promise<void>;
  /**
   * Told each time the role is not taken: why it is refused for good; undefined while another process holds it. Of what is
   * refused for seconds it is told nothing.
   */
  readonly onWaiting?: (refusal: string | undefined) => void;
  /** Heard of and told when a role was given back; without it the next look finds it free. */
  readonly news?: { readonly freed: Signal; tell(): void };
}

/** Resolves once `stop` is aborted and the role is given back. */
export async function holdRole(options: HoldRoleOptions, stop: AbortSignal): Promise<void> {
  const { role, partition, holder, store, clock, random, logger } = options;
  let failures = 0;
  while (!stop.aborted) {
    try {
      const grant = await store.acquireRole({ role, partition, holder, ttlMs: ROLE_TTL_MS });
      if (grant === undefined) {
        options.onWaiting?.(undefined);
        failures = 0;
        await waitForTurn(options, stop);
        continue;
      }
      logger.info({ role, partition, epoch: grant.epoch }, "role taken");
      const startedAtMs = clock.monotonicMs();
      try {
        // Stopped while the role was asked for: nobody would tell the work to end.
        if (!stop.aborted) await workWhileRenewing(options, grant, stop);
      } finally {
        if (clock.monotonicMs() - startedAtMs > RETRY_MAX_MS) failures = 0;
        await release(options);
      }
    } catch (error) {
      failures += 1;
      // Nobody has it, and this process must not: it is asked for again, since whoever read more may be gone for good.
      if (error instanceof RoleRefusedError && error.isForGood) options.onWaiting?.(error.message);
      logger.warn({ role, partition, failures, error: describeError(error) }, "role interrupted");
      const delayMs = backoffMs({ attempt: failures, baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random });
      await clock.sleep(delayMs, stop);
    }
  }
}

async function waitForTurn({ clock, random, news }: HoldRoleOptions, stop: AbortSignal): Promise<void> {
  const timeoutMs = RENEW_EVERY_MS * (0.5 + random.fraction());
  await (news === undefined ? clock.sleep(timeoutMs, stop) : news.freed.wait({ clock, timeoutMs, stop }));
}

async function workWhileRenewing(
  options: HoldRoleOptions,
  grant: RoleGrant,
  stop: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  stop.addEventListener("abort", end, { once: true });
  try {
    await Promise.all([
      options.work(grant, over.signal).finally(end),
      renew(options, grant, over.signal).finally(end),
    ]);
  } finally {
    end();
    stop.removeEventListener("abort", end);
  }
}

/** Returns when the role is lost or `over` is aborted. */
async function renew(options: HoldRoleOptions, grant: RoleGrant, over: AbortSignal): Promise<void> {
  const { role, partition, holder, store, clock, logger } = options;
  let renewedAtMs = clock.monotonicMs();
  while (!over.aborted) {
    await clock.sleep(RENEW_EVERY_MS, over);
    if (over.aborted) return;
    try {
      const renewed = await store.acquireRole({ role, partition, holder, ttlMs: ROLE_TTL_MS });
      if (renewed?.epoch !== grant.epoch) {
        logger.warn({ role, partition }, "role lost to another process");
        return;
      }
      renewedAtMs = clock.monotonicMs();
    } catch (error) {
      logger.warn({ role, partition, error: describeError(error) }, "role not renewed");
      if (clock.monotonicMs() - renewedAtMs > ROLE_TTL_MS) return;
    }
  }
}

/** Best effort: an unreleased role expires by itself. */
async function release(options: HoldRoleOptions): Promise<void> {
  const { role, partition, holder, store, logger } = options;
  try {
    await store.releaseRole({ role, partition, holder });
    options.news?.tell();
  } catch (error) {
    logger.info({ role, partition, error: describeError(error) }, "role not released; it expires");
  }
}
