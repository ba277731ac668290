/** Reads: what the consistency asks for first, then one query, which is one snapshot. */
import { checkKey } from "../core/accept/key.ts";
import { planRange } from "../core/listing/where.ts";
import type { CollectionSchema } from "../core/schema.ts";
import { mergeSessions, seenPosition, seenWal, type Session } from "../core/session.ts";
import type { ListedRecord, RecordSnapshot } from "../ports/record-snapshot.ts";
import type { Catalog } from "./catalog.ts";
import { GatewayError } from "./errors.ts";
import { checkPage, mergePage, queryOf, type FieldListing } from "./field-listing.ts";
import type { ListBy, ListRequest, ListResult, ReadRequest, ReadResult, RecordView } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { Located, Planner } from "./planner.ts";
import type { ReadBarrier, ReadDemand } from "./read-barrier.ts";
import { ReadGather } from "./read-gather.ts";
import { viewRecord } from "./record-view.ts";
import { checkShowable, showablePart } from "./too-much-pending.ts";

export interface ReaderParts {
  readonly catalog: Catalog;
  readonly planner: Planner;
  readonly barrier: ReadBarrier;
}

interface Target {
  readonly tenant: string;
  readonly collection: string;
  readonly key: string;
}

export class Reader {
  readonly #options: GatewayOptions;
  readonly #parts: ReaderParts;
  readonly #reads: readonly ReadGather[];

  constructor(options: GatewayOptions, parts: ReaderParts) {
    this.#options = options;
    this.#parts = parts;
    this.#reads = Array.from(
      { length: options.partitions },
      (_, partition) => new ReadGather(options, partition),
    );
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    const { tenant, collection: name, key } = request;
    checkKey(key);
    const demand = this.#demandOf(request);
    const { partition, collection } = await this.#locate(demand, { tenant, collection: name, key });
    const gathered = () => this.#reads[partition]!.read({ tenant, collection: name, key });
    const { found, session: before } = await this.#parts.barrier.readBehind(demand, partition, gathered);
    const snapshot = visibleTo(demand, found);
    checkShowable(this.#options.region, key, snapshot);
    const session = mergeSessions(before, this.#seen(partition, snapshot));
    if (snapshot.committed?.tombstone !== undefined) {
      throw new GatewayError("record-deleted", `record "${key}" of collection "${name}" is deleted`, {
        session,
      });
    }
    const view = viewRecord({ key, snapshot, schema: collection.schema, region: this.#options.region });
    if (view === undefined) {
      throw new GatewayError("record-not-found", `collection "${name}" has no record "${key}"`, { session });
    }
    return { ...view, asOf: { partition, sequence: snapshot.position }, session };
  }

  async list(request: ListRequest): Promise<ListResult> {
    if (request.by !== undefined) return this.#listByField(request, request.by);
    const { tenant, collection: name, prefix, after, limit } = request;
    const demand = this.#demandOf(request);
    const { collection } = await this.#locate(demand, { tenant, collection: name, key: "" });
    const query = { tenant, collection: name, prefix, after, limit: limit + 1 };
    const behind = await this.#parts.barrier.readAllBehind(demand, {
      partitions: Array.from({ length: this.#options.partitions }, (_, partition) => partition),
      read: () => this.#options.store.listRecords(query),
      positionsOf: (found) => this.#positionsOf(found, { tenant, collection: name }),
    });
    const listed = behind.found.map((stored) => ({ key: stored.key, ...visibleTo(demand, stored) }));
    let { session } = behind;
    const page = showablePart(this.#options.region, listed.slice(0, limit), (one) => one);
    const records: RecordView[] = [];
    for (const snapshot of page) {
      const { key } = snapshot;
      const partition = await this.#parts.planner.partitionOf({ tenant, collection: name, key });
      session = mergeSessions(session, this.#seen(partition, snapshot));
      const view = viewRecord({ key, snapshot, schema: collection.schema, region: this.#options.region });
      if (view !== undefined) records.push(view);
    }
    return { records, next: listed.length > page.length ? page.at(-1)?.key : undefined, session };
  }

  async #listByField(request: ListRequest, by: ListBy): Promise<ListResult> {
    const { tenant, collection, limit } = request;
    const { region, store } = this.#options;
    const demand = this.#demandOf(request);
    const isWithPending = demand.consistency !== "linearizable";
    const located = await this.#locate(demand, { tenant, collection, key: "" });
    const plan = (schema: CollectionSchema) => ({ schema, range: planRange(schema, by) });
    const { schema, range } = await this.#parts.planner.plan(located, plan);
    const listing: FieldListing = {
      tenant,
      collection,
      schema,
      range,
      after: by.after,
      limit,
      isWithPending,
    };
    const behind = await this.#parts.barrier.readAllBehind(demand, {
      partitions: Array.from({ length: this.#options.partitions }, (_, partition) => partition),
      read: () => store.listByField(queryOf(listing)),
      positionsOf: ({ records, moving }) =>
        this.#positionsOf([...records, ...moving], { tenant, collection }),
    });
    checkPage(behind.found, range, region);
    const placed = mergePage(behind.found, listing, region);
    const page = showablePart(region, placed.slice(0, limit), ({ snapshot }) => snapshot);
    let { session } = behind;
    for (const { snapshot } of page) {
      const { key } = snapshot;
      const partition = await this.#parts.planner.partitionOf({ tenant, collection, key });
      session = mergeSessions(session, this.#seen(partition, snapshot));
    }
    const nextPlace = placed.length > page.length ? page.at(-1)?.place : undefined;
    return { records: page.map(({ view }) => view), next: undefined, nextPlace, session };
  }

  /** Those that the listing itself was at; of a partition that it has nothing of, the store's. */
  async #positionsOf(
    listed: readonly ListedRecord[],
    { tenant, collection }: Omit<Target, "key">,
  ): Promise<Map<number, number>> {
    const positions = new Map<number, number>();
    for (const { key, position } of listed) {
      const partition = await this.#parts.planner.partitionOf({ tenant, collection, key });
      positions.set(partition, Math.min(position, positions.get(partition) ?? position));
    }
    for (let partition = 0; partition < this.#options.partitions; partition += 1) {
      if (positions.has(partition)) continue;
      positions.set(partition, (await this.#options.store.readPositions(partition)).position);
    }
    return positions;
  }

  #demandOf(request: ReadRequest | ListRequest): ReadDemand {
    const { consistency, stalenessMsMax, session, deadlineMs, onWait } = request;
    const deadlineAtMs = this.#options.clock.monotonicMs() + deadlineMs;
    return { consistency, stalenessMsMax, session, deadlineAtMs, onWait };
  }

  /** The collection may have been made elsewhere, before the read began: it is looked up once more behind what the read waits for. */
  async #locate(demand: ReadDemand, target: Target): Promise<Located> {
    try {
      return await this.#parts.planner.locate(target);
    } catch (error) {
      const isUnknown = error instanceof GatewayError && error.code === "unknown-collection";
      if (!isUnknown || demand.consistency === "local") throw error;
      for (let partition = 0; partition < this.#options.partitions; partition += 1) {
        await this.#parts.barrier.pass(demand, partition);
        this.#parts.catalog.forget(partition);
      }
      return this.#parts.planner.locate(target);
    }
  }

  /** Whoever has seen pending operations must not miss them in another region. */
  #seen(partition: number, snapshot: RecordSnapshot): Session {
    const seen = seenPosition(partition, snapshot.position);
    const last = snapshot.pending.at(-1);
    return last === undefined
      ? seen
      : mergeSessions(seen, seenWal(this.#options.region, partition, last.sequence));
  }
}

/** What the log has not ordered yet is no part of a linearizable answer: another region could not give it. */
function visibleTo({ consistency }: ReadDemand, snapshot: RecordSnapshot): RecordSnapshot {
  return consistency === "linearizable" ? { ...snapshot, pending: [], isCrowded: false } : snapshot;
}
