/** The feed of changes of a process: opens subscriptions, over one hub for each partition. */
import { checkKey } from "../../core/accept/key.ts";
import type { FeedCursor } from "../../core/feed/cursor.ts";
import type { FeedFilter } from "../../core/feed/filter.ts";
import { isStorableText } from "../../core/json.ts";
import { partitionOfRecord } from "../../core/partition.ts";
import type { CollectionSchema } from "../../core/schema.ts";
import type { Changes } from "../../ports/changes.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateReader } from "../../ports/region-store.ts";
import { decodeFeedCursor, filterMark, InvalidFeedCursorError } from "../../protocol/feed-cursor.ts";
import type { FoldFeed } from "../../runtime/fold-feed.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Signal } from "../../runtime/signal.ts";
import type { Catalog } from "../catalog.ts";
import { GatewayError, unknownCollection } from "../errors.ts";
import { PartitionHub } from "./hub.ts";
import type { FeedMetrics } from "./metrics.ts";
import type { FeedOutlet } from "./outlet.ts";
import { TenantShares } from "./shares.ts";
import { checkPartitions, Subscription } from "./subscription.ts";
import type { ToldKind } from "./told-record.ts";

/** Of a process. */
const SUBSCRIPTIONS_MAX = 16_384;
const RETRY_AFTER_MS = 5_000;

/** What the feed is told of, besides what other parts of the gateway are. */
export interface FeedSettings {
  readonly feedMetrics: FeedMetrics;
  /** Signs what clients carry from region to region; the same in all of them. */
  readonly sessionSecret: string;
  /** For how long changes are kept, in log time: whoever was away for longer begins anew. */
  readonly changesRetentionMs: number;
  /** Of the process; of one tenant half. */
  readonly subscriptionsMax?: number;
}

export interface FeedOptions extends FeedSettings {
  readonly region: string;
  readonly partitions: number;
  readonly store: Changes & Pick<StateReader, "listRecords" | "readRecord">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly folded: FoldFeed;
  readonly appended: Signal;
}

interface GatewayParts {
  readonly catalog: Catalog;
  /** Reads where the region may be read, within a deadline. @throws {GatewayError} @throws {StoreUnavailableError} */
  readonly read: <T>(reading: () => Promise<T>) => Promise<T>;
}

export interface SubscribeRequest extends FeedFilter {
  readonly id: string;
  /** Where to go on; undefined: from the state on. */
  readonly cursor?: string | undefined;
  /** Tell what the log has not ordered, too. */
  readonly withPending: boolean;
  readonly isPage: boolean;
  /** Keys that are told as they are, unless what comes after the cursor tells them. */
  readonly unsettled?: readonly string[] | undefined;
  readonly recordsMax?: number | undefined;
}

/** What subscriptions share. */
export interface FeedParts extends FeedOptions, Pick<GatewayParts, "read"> {
  readonly hubs: readonly PartitionHub[];
  schemaOf(place: {
    partition: number;
    tenant: string;
    collection: string;
  }): Promise<CollectionSchema | undefined>;
  partitionOf(filter: FeedFilter, key: string, schemas: ReadonlyMap<number, CollectionSchema>): number;
}

export interface Feed {
  /**
   * Checks what is asked for; nothing is told before `run`. Whoever opens one closes it, or lets it run to its end.
   * @throws {GatewayError} unknown-collection, invalid-cursor, too-many-subscriptions, and what keeps the region from being read.
   */
  open(request: SubscribeRequest, outlet: FeedOutlet): Promise<Subscription>;
  readonly retentionMs: number;
}

export class FeedService implements Feed {
  readonly retentionMs: number;
  readonly #options: FeedOptions;
  readonly #parts: FeedParts;
  readonly #shares: TenantShares;

  constructor(options: FeedOptions, { catalog, read }: GatewayParts) {
    const { partitions } = options;
    this.#options = options;
    this.#shares = new TenantShares(options.subscriptionsMax ?? SUBSCRIPTIONS_MAX);
    this.retentionMs = options.changesRetentionMs;
    const schemaOf: FeedParts["schemaOf"] = async ({ partition, tenant, collection }) =>
      (await catalog.find({ partition, tenant, name: collection }))?.schema;
    const hubs = Array.from(
      { length: partitions },
      (_, partition) => new PartitionHub({ ...options, read, schemaOf }, partition),
    );
    const partitionOf: FeedParts["partitionOf"] = ({ tenant, collection }, key, schemas) => {
      const partitionBy = schemas.values().next().value?.partitionBy;
      return partitionOfRecord({ tenant, collection, key }, { partitions, partitionBy });
    };
    this.#parts = { ...options, read, hubs, schemaOf, partitionOf };
  }

  async open(request: SubscribeRequest, outlet: FeedOutlet): Promise<Subscription> {
    const { tenant, collection, key, prefix } = request;
    checkNames(request);
    const filter: FeedFilter = { tenant, collection, key, prefix: prefix === "" ? undefined : prefix };
    const cursor = this.#cursorOf(request, filter);
    const schemas = await this.#parts.read(() => this.#schemasOf(filter));
    if (cursor !== undefined) checkPartitions(cursor, schemas.keys());
    const leaveShare = this.#shares.enter(tenant);
    if (leaveShare === undefined) {
      const message = "this process has as many subscriptions as it may, of all or of this tenant";
      throw new GatewayError("too-many-subscriptions", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    const kind: ToldKind = request.withPending ? "view" : "committed";
    const { id, isPage, recordsMax, unsettled } = request;
    const subscription = new Subscription(this.#parts, {
      id,
      filter,
      kind,
      cursor,
      isPage,
      recordsMax,
      unsettled,
      schemas,
      outlet,
    });
    const { feedMetrics } = this.#options;
    feedMetrics.subscribed(this.#shares.size);
    const closed = () => {
      leaveShare();
      feedMetrics.subscribed(this.#shares.size);
    };
    subscription.closed.addEventListener("abort", closed, { once: true });
    // The client may have left meanwhile, which is not told again.
    if (subscription.closed.aborted) closed();
    return subscription;
  }

  #cursorOf({ cursor }: SubscribeRequest, filter: FeedFilter): FeedCursor | undefined {
    if (cursor === undefined) return undefined;
    try {
      return decodeFeedCursor(cursor, filterMark(filter), this.#options.sessionSecret);
    } catch (error) {
      if (error instanceof InvalidFeedCursorError) throw new GatewayError("invalid-cursor", error.message);
      throw error;
    }
  }

  /** Of the partitions that may have records of it. */
  async #schemasOf(filter: FeedFilter): Promise<Map<number, CollectionSchema>> {
    const { partitions, region } = this.#options;
    const { tenant, collection } = filter;
    const decided = await this.#parts.schemaOf({ partition: 0, tenant, collection });
    if (decided === undefined)
      throw new GatewayError("unknown-collection", unknownCollection(collection, region));
    const schemas = new Map<number, CollectionSchema>();
    for (const partition of partitionsOf(filter, { partitions, partitionBy: decided.partitionBy })) {
      const own = await this.#parts.schemaOf({ partition, tenant, collection });
      schemas.set(partition, own ?? decided);
    }
    return schemas;
  }
}

/** One where all of its keys have the same tag, or the collection is placed as a whole. */
function partitionsOf(
  { tenant, collection, key, prefix = "" }: FeedFilter,
  placement: { readonly partitions: number; readonly partitionBy: CollectionSchema["partitionBy"] },
): number[] {
  const { partitions, partitionBy } = placement;
  const hasTag = /^[^{]*\{[^}]+\}/.test(prefix);
  if (key === undefined && !hasTag && partitionBy !== "collection") return [...Array(partitions).keys()];
  return [partitionOfRecord({ tenant, collection, key: key ?? prefix }, placement)];
}

/** @throws {GatewayError} malformed-body. @throws {RefusedWriteError} invalid-key. */
function checkNames({ key, prefix, unsettled = [] }: SubscribeRequest): void {
  if (key !== undefined && prefix !== undefined) {
    throw new GatewayError("malformed-body", "a subscription is of one key, or of a prefix, not of both");
  }
  if (key !== undefined) checkKey(key);
  for (const one of unsettled) checkKey(one);
  if (prefix !== undefined && !isStorableText(prefix)) {
    throw new GatewayError("malformed-body", "the prefix has a NUL character or half a surrogate pair");
  }
}
