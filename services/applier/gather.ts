/**
 * Takes entries from a subscription, and lets those gather for a moment that nobody here waits for: a commit costs the same
 * for one small entry as for ten. Commits of such entries begin `REST_MS` apart, however many entries there are.
 */
import { ENTRY_BYTES_MAX, isProposedBy } from "../protocol/entry-codec.ts";
import type { Clock } from "../ports/clock.ts";
import type { LogMessage, LogSubscription } from "../ports/global-log.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";

const RECEIVE_LIMITS = { messagesMax: 256, bytesMax: 2 * 1024 * 1024 } as const;
const IDLE_MS = 1_000;
/** What another region wrote is seen that much later at most: little, beside its way here. */
const REST_MS = 25;
/** From here on a commit costs what its operations cost. */
const SMALL_BYTES_MAX = 64 * 1024;

export interface GatherOptions {
  readonly region: string;
  readonly partition: number;
  readonly clock: Clock;
  readonly folded: Pick<FoldFeed, "isAwaited">;
}

export class Gather {
  readonly #options: GatherOptions;
  #restedAtMs = 0;

  constructor(options: GatherOptions) {
    this.#options = options;
  }

  /** The next messages in order; none when nothing came for a while. @throws {SubscriptionLostError} */
  async receive(subscription: LogSubscription): Promise<LogMessage[]> {
    const { clock } = this.#options;
    const messages = await subscription.receive({ ...RECEIVE_LIMITS, timeoutMs: IDLE_MS });
    for (let news = messages; this.#mayWait(news, messages);) {
      const timeoutMs = this.#restedAtMs - clock.monotonicMs();
      if (timeoutMs <= 0) break;
      const messagesMax = RECEIVE_LIMITS.messagesMax - messages.length;
      news = await subscription.receive({ messagesMax, bytesMax: SMALL_BYTES_MAX, timeoutMs });
      messages.push(...news);
    }
    this.#restedAtMs = clock.monotonicMs() + REST_MS;
    return messages;
  }

  #mayWait(news: readonly LogMessage[], messages: readonly LogMessage[]): boolean {
    const { region, partition, folded } = this.#options;
    if (messages.length === 0 || messages.length === RECEIVE_LIMITS.messagesMax) return false;
    if (folded.isAwaited(partition)) return false;
    const bytes = messages.reduce((sum, { data }) => sum + data.byteLength, 0);
    // Whoever proposes something in this region is answered when it is committed here.
    return bytes < SMALL_BYTES_MAX && !news.some(({ data }) => isProposedBy(region, data));
  }
}

/** Whether it was a limit that ended the receive. If so, the next one has to wait for nothing. */
export function mayBeMore(messages: readonly LogMessage[]): boolean {
  const bytes = messages.reduce((sum, message) => sum + message.data.byteLength, 0);
  return messages.length === RECEIVE_LIMITS.messagesMax || bytes > RECEIVE_LIMITS.bytesMax - ENTRY_BYTES_MAX;
}
