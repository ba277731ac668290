/** The collections as this region has folded them, cached by partition. */
import { collectionId } from "../core/fold/state.ts";
import type { Collection } from "../core/schema.ts";
import type { Clock } from "../ports/clock.ts";
import type { StateReader } from "../ports/region-store.ts";
import { StorePatience } from "./store-patience.ts";

/** Older schemas only lack fields: what is found in them is right, and a miss is looked up again before it is believed. */
const STALE_AFTER_MS = 5_000;

interface Cached {
  readonly collections: ReadonlyMap<string, Collection>;
  readonly loadedAtMs: number;
}

export interface CollectionName {
  readonly partition: number;
  readonly tenant: string;
  readonly name: string;
  /** How long to wait for the store, where it has to be asked; on the monotonic clock. Default: as long as it takes. */
  readonly deadlineAtMs?: number | undefined;
}

export class Catalog {
  readonly #store: StateReader;
  readonly #clock: Clock;
  readonly #patience: StorePatience;
  readonly #cache = new Map<number, Cached>();
  readonly #loading = new Map<number, Promise<Cached>>();

  constructor(options: { store: StateReader; clock: Clock }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#patience = new StorePatience(options.clock);
  }

  /** The collection as last loaded; looked up anew when it is unknown or old. */
  async find(options: CollectionName): Promise<Collection | undefined> {
    const { partition, tenant, name } = options;
    const cached = this.#cache.get(partition);
    const found = cached?.collections.get(collectionId(tenant, name));
    return found !== undefined && !this.#isOld(cached) ? found : this.findNewest(options);
  }

  /** The collection as the store has it. Requests that ask at the same time share one look. */
  async findNewest(options: CollectionName): Promise<Collection | undefined> {
    const { partition, tenant, name, deadlineAtMs = Infinity } = options;
    const fresh = await this.#patience.until(deadlineAtMs, this.#load(partition));
    return fresh.collections.get(collectionId(tenant, name));
  }

  async list(options: { partition: number; tenant: string }): Promise<Collection[]> {
    const fresh = await this.#load(options.partition);
    return [...fresh.collections.values()].filter((collection) => collection.tenant === options.tenant);
  }

  /** A schema was changed: the cache is outdated, and so may be what a load on its way will bring. */
  forget(partition: number): void {
    this.#cache.delete(partition);
    this.#loading.delete(partition);
  }

  #isOld(cached: Cached | undefined): boolean {
    return cached === undefined || this.#clock.monotonicMs() - cached.loadedAtMs > STALE_AFTER_MS;
  }

  #load(partition: number): Promise<Cached> {
    const running = this.#loading.get(partition);
    if (running !== undefined) return running;
    const loading: Promise<Cached> = this.#loadOnce(
      partition,
      () => this.#loading.get(partition) === loading,
    );
    this.#loading.set(partition, loading);
    return loading;
  }

  async #loadOnce(partition: number, isCurrent: () => boolean): Promise<Cached> {
    try {
      const collections = await this.#store.readCollections(partition);
      const byId = new Map(
        collections.map((collection) => [collectionId(collection.tenant, collection.name), collection]),
      );
      const cached = { collections: byId, loadedAtMs: this.#clock.monotonicMs() };
      // Forgotten in the meantime, it is good enough for those who asked before, and not for the cache.
      if (isCurrent()) this.#cache.set(partition, cached);
      return cached;
    } finally {
      if (isCurrent()) this.#loading.delete(partition);
    }
  }
}
