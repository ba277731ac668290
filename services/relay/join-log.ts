/**
 * Before a relay sends anything: waits until its region takes part in the log, and asks the log to take it in again where
 * its database has lost its WAL. Asked again with the same id until it is folded: the fold takes it once.
 */
import { membersNotReadingMembers } from "../core/entry-version.ts";
import { own } from "../core/json.ts";
import { encodeEntry, MEMBERS_VERSION } from "../protocol/entry-codec.ts";
import type { Clock } from "../ports/clock.ts";
import type { RegionStore, WalHead } from "../ports/region-store.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type { Logger } from "../runtime/logger.ts";

const LOOK_EVERY_MS = 100;
/** Whether an entry has come is known once it is folded, which may take as long as there is a backlog. */
const ASK_EVERY_MS = 5_000;
const PUBLISH_TIMEOUT_MS = 5_000;

export interface JoinOptions {
  readonly region: string;
  readonly partition: number;
  readonly store: RegionStore;
  readonly breaker: LogBreaker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly folded: FoldFeed;
}

/** Resolves once the region may relay, or `stop` is aborted. @throws {StoreUnavailableError} */
export async function joinLog(options: JoinOptions, stop: AbortSignal): Promise<void> {
  const { store, partition, region, folded, clock } = options;
  let askedAtMs = -Infinity;
  while (!stop.aborted) {
    const [positions, { trouble }] = await Promise.all([
      store.readPositions(partition),
      store.walHead(partition),
    ]);
    const isMember = own(positions.origins, region) !== undefined;
    if (isMember && trouble === undefined) return;
    const isDue = clock.monotonicMs() - askedAtMs >= ASK_EVERY_MS;
    if (isMember && trouble?.kind === "rejoining" && isDue && mayAsk(options, positions)) {
      askedAtMs = clock.monotonicMs();
      await ask(options, trouble.id);
    }
    await folded.wait({ clock, timeoutMs: LOOK_EVERY_MS, stop });
  }
}

function mayAsk(
  { region, partition, logger }: JoinOptions,
  positions: Parameters<typeof membersNotReadingMembers>[0],
): boolean {
  const old = membersNotReadingMembers(positions, { version: MEMBERS_VERSION, without: [region] });
  if (old.length > 0)
    logger.debug({ partition, old }, "the region can't rejoin before these read such entries of the log");
  return old.length === 0;
}

async function ask(options: JoinOptions, id: NonNullable<WalHead["trouble"]>["id"]): Promise<void> {
  const { breaker, region, partition, logger } = options;
  const data = encodeEntry({ kind: "member", origin: region, id, action: "rejoin", region });
  try {
    await breaker.publish("member", data, { timeoutMs: PUBLISH_TIMEOUT_MS });
    logger.info({ partition, id }, "the log was asked to take the region in again");
  } catch (error) {
    logger.warn(
      { partition, id, error: describeError(error) },
      "the log was not asked to take the region in",
    );
  }
}
