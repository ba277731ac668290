/**
 * Follows a partition's log: subscribe → hand messages to the fold → subscribe anew, from where the fold is, whenever a
 * subscription is lost. The last entry that was folded is read again each time, and compared.
 */
import { LogMismatchError } from "../core/fold/fold.ts";
import type { PartitionState } from "../core/fold/state.ts";
import {
  LogGapError,
  LogTruncatedError,
  LogUnavailableError,
  SubscriptionLostError,
  type LogMessage,
  type LogSubscription,
} from "../ports/global-log.ts";
import { UndecodableEntryError } from "../protocol/undecodable.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";
import { Gather } from "./gather.ts";
import type { ApplierMetrics } from "./metrics.ts";
import { openLog, type OpenLogOptions } from "./open-log.ts";
import { Overlap } from "./overlap.ts";
import type { ReplicaDoubt } from "./replica-doubt.ts";

const RESUBSCRIBE_BASE_MS = 50;
const FAILURES_PER_WARNING = 10;
/** Short: what the log has decided is told when it is folded here, and those who wait for it gain each pause. */
const RESUBSCRIBE_MAX_MS = 500;

export interface FollowOptions extends OpenLogOptions {
  readonly metrics: Pick<ApplierMetrics, "readsElsewhere" | "subscriptionLost" | "received">;
  readonly folded: Pick<FoldFeed, "isAwaited">;
}

/** What is done with the messages. */
export interface Folding {
  /** As far as messages were handed over. */
  readonly state: PartitionState;
  fold(messages: readonly LogMessage[], stop: AbortSignal): Promise<void>;
  /** Waits until all that was handed over is committed. */
  settle(): Promise<void>;
}

interface HandingOver {
  readonly folding: Folding;
  readonly stop: AbortSignal;
  /** Where the subscription reads. */
  readonly isElsewhere: boolean;
  readonly onFolded: () => void;
}

export class LogFollower {
  readonly #options: FollowOptions;
  readonly #gather: Gather;
  readonly #doubt: ReplicaDoubt;
  readonly #overlap = new Overlap();
  /** Of the log, when it was looked at last. */
  #firstPosition: number;

  constructor(
    options: FollowOptions,
    { firstPosition, doubt }: { firstPosition: number; doubt: ReplicaDoubt },
  ) {
    this.#options = options;
    this.#gather = new Gather(options);
    this.#doubt = doubt;
    this.#firstPosition = firstPosition;
  }

  /** Remembers an entry that was folded. */
  folded(position: number, checksum: string): void {
    this.#overlap.folded(position, checksum);
  }

  /** @throws {LogMismatchError} and whatever the fold does. */
  async follow(folding: Folding, stop: AbortSignal): Promise<void> {
    const { clock, random, partition, logger, metrics } = this.#options;
    let failures = 0;
    while (!stop.aborted) {
      try {
        const isElsewhere = this.#doubt.isElsewhere(clock.monotonicMs());
        const subscription = await this.#subscribe(folding.state, isElsewhere);
        try {
          const onFolded = () => void (failures = 0);
          await this.#handOver(subscription, { folding, stop, isElsewhere, onFolded });
        } finally {
          await subscription.close();
          await folding.settle();
        }
      } catch (error) {
        this.#checkWorthAnotherTry(error, folding.state);
        failures += 1;
        metrics.subscriptionLost();
        // The first says it; the others that there is still nothing.
        const level = failures % FAILURES_PER_WARNING === 1 ? "warn" : "debug";
        logger[level](
          { partition, failures, error: describeError(error) },
          "subscription lost; subscribing again",
        );
        const delay = { attempt: failures, baseMs: RESUBSCRIBE_BASE_MS, maxMs: RESUBSCRIBE_MAX_MS, random };
        await clock.sleep(backoffMs(delay), stop);
        await this.#checkLog(stop);
      }
    }
  }

  #subscribe(state: PartitionState, isElsewhere: boolean): Promise<LogSubscription> {
    const { log, partition, metrics } = this.#options;
    const from = this.#overlap.from(state, this.#firstPosition);
    metrics.readsElsewhere(isElsewhere);
    return log.subscribe({ partition, from, ...(isElsewhere && { isElsewhere }) });
  }

  async #handOver(
    subscription: LogSubscription,
    { folding, stop, isElsewhere, onFolded }: HandingOver,
  ): Promise<void> {
    const { clock, metrics } = this.#options;
    let isFirst = true;
    // Once the own copy is to be tried again, it is.
    while (!stop.aborted && this.#doubt.isElsewhere(clock.monotonicMs()) === isElsewhere) {
      const received = await this.#gather.receive(subscription);
      const messages = isFirst ? this.#overlap.check(folding.state, received) : received;
      if (received.length > 0) isFirst = false;
      const last = messages.at(-1);
      if (last !== undefined) metrics.received(last.position);
      await folding.fold(messages, stop);
      // The last entry alone says little: the next may be the one that does not come.
      if (messages.length > 0 || received.length === 0) onFolded();
    }
  }

  /**
   * A log that seems to end too early, or to begin too late, is looked at patiently by `openLog` before it is believed. An
   * entry that does not come, or is garbled, may be right in another region's replica.
   * @throws whatever is not worth another try.
   */
  #checkWorthAnotherTry(error: unknown, state: PartitionState): void {
    const { partition } = this.#options;
    const isGarbled = error instanceof UndecodableEntryError;
    if (!isGarbled && !isOfTheLog(error)) throw error;
    if (!isGarbled && !(error instanceof LogGapError)) return;
    const position = isGarbled ? state.position + 1 : error.position;
    if (this.#doubtReplica(position, describeError(error))) return;
    if (isGarbled) throw error;
    const reason = `no replica of the log of partition ${partition} hands out position ${position}`;
    throw new LogMismatchError(`${reason}: ${describeError(error)}; look with "forebay log status"`);
  }

  /** @returns whether there is a replica left to try. */
  #doubtReplica(position: number, error: string): boolean {
    const { clock, logger, partition } = this.#options;
    const nowMs = clock.monotonicMs();
    const wasElsewhere = this.#doubt.isElsewhere(nowMs);
    const isLeft = this.#doubt.failed(position, nowMs);
    if (!wasElsewhere && this.#doubt.isElsewhere(nowMs)) {
      logger.error(
        { partition, position, error },
        "this region's copy of the log holds an entry back, or has it garbled: the log is read from another region's server " +
          "now. Where the copy only lags, this ends by itself. Where it is damaged, stop this region's nats-server, delete " +
          "the stream's folder in its store, and start it, so that it copies the stream anew",
      );
    }
    return isLeft;
  }

  /** The log may have been replaced while we were cut off from it. */
  async #checkLog(stop: AbortSignal): Promise<void> {
    try {
      this.#firstPosition = (await openLog(this.#options, stop)).firstPosition;
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
    }
  }
}

function isOfTheLog(error: unknown): boolean {
  return [SubscriptionLostError, LogUnavailableError, LogTruncatedError].some(
    (type) => error instanceof type,
  );
}
