/**
 * Follows one partition's changes for all subscriptions of the process: each changed record is read once, in one snapshot
 * with what is pending of it, and told to whoever has asked for it.
 *
 *   woken by the fold, by an append, or a poll → read what has changed since, in the ranges asked for → tell → rest
 *
 * It works while somebody follows. A strand that joins is told what is read from then on, and reads by itself what was before.
 */
import type { CollectionSchema } from "../../core/schema.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ChangesWindow, Changes } from "../../ports/changes.ts";
import { StoreUnavailableError } from "../../ports/region-store.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { FoldFeed } from "../../runtime/fold-feed.ts";
import type { Logger } from "../../runtime/logger.ts";
import { Signal } from "../../runtime/signal.ts";
import { GatewayError } from "../errors.ts";
import { Groups, type Group, type Member } from "./groups.ts";
import type { FeedMetrics } from "./metrics.ts";
import { Publication } from "./publication.ts";
import { ToldRecord, type WalMarks } from "./told-record.ts";

/** What other processes of the region have written or folded is found by looking. */
const POLL_MS = 100;
/** Changes that come one after the other are told together: each look costs the database, and each frame a packet. */
const REST_MS = 5;
const IDS_MAX = 2_000;
const RETRY_MS = 200;
/** A database that is away for longer is told to those who follow: another region may serve them. */
const AWAY_MS_MAX = 10_000;
const APPENDED_WAIT_MS = 1_000;

export interface HubOptions {
  readonly region: string;
  readonly store: Changes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly folded: FoldFeed;
  readonly appended: Signal;
  readonly feedMetrics: FeedMetrics;
  /** Reads where the region may be read. @throws {GatewayError} @throws {StoreUnavailableError} */
  readonly read: <T>(reading: () => Promise<T>) => Promise<T>;
  readonly schemaOf: (place: {
    partition: number;
    tenant: string;
    collection: string;
  }) => Promise<CollectionSchema | undefined>;
}

export interface HubMember extends Member {
  publish(publication: Publication): void;
  /** It can't be told on. */
  fail(error: unknown): void;
}

export class PartitionHub {
  readonly #options: HubOptions;
  readonly #partition: number;
  readonly #groups = new Groups<HubMember>();
  readonly #woken = new Signal();
  /** Where it is; what was told up to here. Meaningless while nobody follows. */
  #place = { position: 0, logEpoch: 0, settledTo: 0, pendingTo: 0 };
  #over: AbortController | undefined;
  /** The look that is under way. */
  #look: Promise<void> | undefined;
  #isWoken = false;
  #failingSinceMs: number | undefined;

  constructor(options: HubOptions, partition: number) {
    this.#options = options;
    this.#partition = partition;
    options.folded.listen((news) => {
      if (news.partition === partition && this.#over !== undefined) this.#wake();
    });
  }

  get position(): number {
    return this.#place.position;
  }

  /** Of the own WAL: up to where was told what is folded, and what is pending. */
  get marks(): WalMarks {
    return this.#place;
  }

  /**
   * From when it resolves the member hears of all that changes after what a read then shows.
   * @throws {GatewayError} @throws {StoreUnavailableError}
   */
  async join(member: HubMember): Promise<void> {
    while (this.#over === undefined || this.#look !== undefined) {
      // What a look that is under way asks for may leave out what the member wants.
      await (this.#over === undefined ? this.#start() : this.#look);
    }
    this.#groups.add(member);
    this.#wake();
  }

  leave(member: HubMember): void {
    this.#groups.remove(member);
    if (this.#groups.size > 0) return;
    this.#over?.abort();
    this.#over = undefined;
  }

  #start(): Promise<void> {
    const over = new AbortController();
    this.#over = over;
    const starting = this.#begin(over);
    void this.#looking(starting.catch(() => undefined));
    return starting;
  }

  async #begin(over: AbortController): Promise<void> {
    try {
      const window = await this.#read({ ranges: [], isFirst: true });
      this.#place = placeOf(window, window.head);
    } catch (error) {
      if (this.#over === over) this.#over = undefined;
      throw error;
    }
    void this.#follow(over.signal);
    void this.#hearAppends(over.signal);
  }

  async #follow(over: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!over.aborted) {
      const look = this.#lookOnce(over);
      await this.#looking(look);
      const isCaughtUp = await look;
      await clock.sleep(REST_MS, over);
      if (isCaughtUp && !over.aborted) await this.#untilWoken(over);
    }
  }

  /** Keeps who joins waiting until the look is over. One of before the hub was left by all ends beside that of its next beginning. */
  async #looking(look: Promise<unknown>): Promise<void> {
    const over = look.then(() => undefined);
    this.#look = over;
    await over;
    if (this.#look === over) this.#look = undefined;
  }

  /** @returns whether nothing is left; never rejects. */
  async #lookOnce(over: AbortSignal): Promise<boolean> {
    try {
      this.#isWoken = false;
      const window = await this.#read({ ranges: this.#groups.ranges, isFirst: false });
      if (over.aborted) return true;
      if (window.logEpoch !== this.#place.logEpoch || window.floor > this.#place.position) {
        this.#failAll(expired());
        this.#place = placeOf(window, window.head);
        return true;
      }
      const told = await this.#told(window);
      if (over.aborted) return true;
      this.#publish(told, window);
      this.#failingSinceMs = undefined;
      return window.isCaughtUp;
    } catch (error) {
      await this.#failed(error, over);
      return false;
    }
  }

  #read({
    ranges,
    isFirst,
  }: {
    ranges: Groups<HubMember>["ranges"];
    isFirst: boolean;
  }): Promise<ChangesWindow> {
    const { store, read } = this.#options;
    const { position: after, settledTo, pendingTo } = this.#place;
    const marks = this.#groups.isViewing ? { settledAfter: settledTo, pendingAfter: pendingTo } : {};
    const from = isFirst ? { after: Number.MAX_SAFE_INTEGER } : { after, ...marks };
    return read(() => store.readChanges({ partition: this.#partition, ranges, idsMax: IDS_MAX, ...from }));
  }

  async #told({ records }: ChangesWindow): Promise<ToldRecord[]> {
    const { region, schemaOf } = this.#options;
    const partition = this.#partition;
    const told: ToldRecord[] = [];
    for (const changed of records) {
      const { tenant, collection } = changed.record;
      const schema = await schemaOf({ partition, tenant, collection });
      if (schema !== undefined) told.push(new ToldRecord(changed, { partition, schema, region }));
    }
    return told.toSorted(byPosition);
  }

  #publish(told: readonly ToldRecord[], window: ChangesWindow): void {
    const lists = new Map<Group<HubMember>, ToldRecord[]>();
    for (const one of told) {
      for (const group of this.#groups.of(one.record)) {
        if (!one.isFor(group.kind)) continue;
        const list = lists.get(group);
        if (list === undefined) lists.set(group, [one]);
        else list.push(one);
      }
    }
    for (const [group, list] of lists) {
      const publication = new Publication({
        kind: group.kind,
        told: list,
        position: window.position,
        marks: window,
      });
      for (const member of group.members) member.publish(publication);
    }
    this.#observe(told);
    this.#place = placeOf(window, window.position);
  }

  #observe(told: readonly ToldRecord[]): void {
    const { clock, feedMetrics } = this.#options;
    const nowMs = clock.nowMs();
    for (const { acceptedAtMs } of told) {
      if (acceptedAtMs !== undefined) feedMetrics.delivered({ afterMs: Math.max(0, nowMs - acceptedAtMs) });
    }
  }

  async #failed(error: unknown, over: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#failingSinceMs ??= nowMs;
    const isAway = error instanceof StoreUnavailableError && nowMs - this.#failingSinceMs < AWAY_MS_MAX;
    logger.debug({ error: describeError(error), partition: this.#partition }, "changes can't be read");
    if (isAway) return clock.sleep(RETRY_MS, over);
    this.#failingSinceMs = undefined;
    this.#failAll(error);
  }

  #failAll(error: unknown): void {
    for (const member of this.#groups.members()) member.fail(error);
  }

  #wake(): void {
    this.#isWoken = true;
    this.#woken.notify();
  }

  async #untilWoken(over: AbortSignal): Promise<void> {
    if (this.#isWoken) return;
    await this.#woken.wait({ clock: this.#options.clock, timeoutMs: POLL_MS, stop: over });
  }

  async #hearAppends(over: AbortSignal): Promise<void> {
    const { appended, clock } = this.#options;
    while (!over.aborted) {
      await appended.wait({ clock, timeoutMs: APPENDED_WAIT_MS, stop: over });
      if (this.#groups.isViewing) this.#wake();
    }
  }
}

export function expired(): GatewayError {
  const message = "the region does not keep the changes after this cursor any more: subscribe without one";
  return new GatewayError("cursor-expired", message);
}

function placeOf({ logEpoch, settledTo, pendingTo }: ChangesWindow, position: number) {
  return { position, logEpoch, settledTo, pendingTo };
}

/** In the order of the log; what is only pending comes after. */
export function byPosition(one: ToldRecord, other: ToldRecord): number {
  return (one.position ?? Infinity) - (other.position ?? Infinity) || 0;
}
