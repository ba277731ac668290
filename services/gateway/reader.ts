/** Reads of the region's view: one query, and before it a wait where the client's session asks for one. */
import { checkKey } from "../core/accept.ts";
import type { Operation } from "../core/operation.ts";
import { partitionOf } from "../core/partition.ts";
import { showFields } from "../core/record.ts";
import {
  coverFolded,
  mergeSessions,
  needOf,
  seenPosition,
  seenWal,
  type FoldedTo,
  type Session,
  type SessionNeed,
} from "../core/session.ts";
import { viewFields } from "../core/view.ts";
import { decodeChanges } from "../protocol/entry-codec.ts";
import type { RecordSnapshot, WalRow } from "../ports/region-store.ts";
import type { Catalog } from "./catalog.ts";
import { GatewayError, unknownCollection } from "./errors.ts";
import type { ListRequest, ListResult, ReadRequest, ReadResult, RecordView } from "./gateway.ts";
import { FoldWatch } from "./fold-watch.ts";
import type { GatewayOptions } from "./gateway-service.ts";

export class Reader {
  readonly #options: GatewayOptions;
  readonly #catalog: Catalog;
  readonly #watches: readonly FoldWatch[];

  constructor(options: GatewayOptions, catalog: Catalog) {
    this.#options = options;
    this.#catalog = catalog;
    this.#watches = Array.from(
      { length: options.partitions },
      (_, partition) => new FoldWatch(options, partition),
    );
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    const { tenant, collection, key } = request;
    checkKey(key);
    const partition = partitionOf({ tenant, key }, this.#options.partitions);
    const isSession = request.consistency === "session";
    const wait = {
      session: request.session,
      deadlineAtMs: this.#options.clock.monotonicMs() + request.deadlineMs,
    };
    const before = isSession ? await this.#waitForSession(wait, partition) : request.session;
    await this.#checkCollection({ tenant, name: collection, partition }, request.consistency);
    const snapshot = await this.#options.store.readRecord({ partition, tenant, collection, key });
    const view = this.#view(key, snapshot);
    if (view === undefined) {
      throw new GatewayError("record-not-found", `collection "${collection}" has no record "${key}"`);
    }
    const session = mergeSessions(before, this.#seen(partition, snapshot));
    return { ...view, asOf: { partition, sequence: snapshot.position }, session };
  }

  async list(request: ListRequest): Promise<ListResult> {
    const { tenant, collection, prefix, after, limit } = request;
    const partitions = Array.from({ length: this.#options.partitions }, (_, partition) => partition);
    let { session } = request;
    if (request.consistency === "session") {
      const deadlineAtMs = this.#options.clock.monotonicMs() + request.deadlineMs;
      for (const partition of partitions) {
        session = await this.#waitForSession({ session, deadlineAtMs }, partition);
      }
    }
    await this.#checkCollection({ tenant, name: collection, partition: 0 }, request.consistency);
    const listed = await this.#options.store.listRecords({
      tenant,
      collection,
      prefix,
      after,
      limit: limit + 1,
    });
    const page = listed.slice(0, limit);
    for (const snapshot of page) {
      const partition = partitionOf({ tenant, key: snapshot.key }, this.#options.partitions);
      session = mergeSessions(session, this.#seen(partition, snapshot));
    }
    const records = page
      .map((snapshot) => this.#view(snapshot.key, snapshot))
      .filter((view) => view !== undefined);
    return { records, next: listed.length > limit ? page.at(-1)?.key : undefined, session };
  }

  /** How far it was folded when the need was met; undefined when the deadline (on the monotonic clock) came first. */
  waitUntilFolded(input: {
    partition: number;
    need: SessionNeed;
    deadlineAtMs: number;
  }): Promise<FoldedTo | undefined> {
    return this.#watches[input.partition]!.wait(input);
  }

  async #checkCollection(
    lookup: { tenant: string; name: string; partition: number },
    consistency: ReadRequest["consistency"],
  ): Promise<void> {
    if ((await this.#catalog.find(lookup)) !== undefined) return;
    // A session may have seen the collection elsewhere: what it waited for may be newer than the cache.
    if (consistency === "session") this.#catalog.forget(lookup.partition);
    if (consistency === "session" && (await this.#catalog.find(lookup)) !== undefined) return;
    throw new GatewayError("unknown-collection", unknownCollection(lookup.name, this.#options.region));
  }

  /** @returns the session, said shorter by what this region has folded. */
  async #waitForSession(
    wait: { session: Session; deadlineAtMs: number },
    partition: number,
  ): Promise<Session> {
    const { region } = this.#options;
    const need = needOf(wait.session, partition, region);
    const folded = await this.waitUntilFolded({ partition, need, deadlineAtMs: wait.deadlineAtMs });
    if (folded !== undefined) return coverFolded(wait.session, partition, folded);
    const message = `region ${region} has not folded yet what this session has seen; try again, or read with consistency=local`;
    throw new GatewayError("session-behind", message, { retryAfterMs: 1_000 });
  }

  #view(key: string, snapshot: RecordSnapshot): RecordView | undefined {
    const { committed, pending } = snapshot;
    const fields = viewFields({
      committed: committed?.fields,
      pending: pending.map(toOperation),
      origin: this.#options.region,
    });
    if (fields === undefined) return undefined;
    // Pending operations change the view without changing the committed version.
    const suffix = pending.length === 0 ? "" : `.${this.#options.region}.${pending.at(-1)!.sequence}`;
    return {
      key,
      fields: showFields(fields),
      version: `${committed?.version ?? 0}${suffix}`,
      pending: pending.length,
    };
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

function toOperation(row: WalRow): Operation {
  const { body, ...operation } = row;
  return { ...operation, changes: decodeChanges(body) };
}
