/** From requests to plans: finds the collection and the partition, and checks the body against the schema. */
import { RefusedWriteError } from "../core/accept/refused-write.ts";
import { partitionOfRecord } from "../core/partition.ts";
import type { Collection, CollectionSchema } from "../core/schema.ts";
import type { Catalog } from "./catalog.ts";
import { GatewayError, unknownCollection } from "./errors.ts";

export interface Located {
  readonly partition: number;
  readonly collection: Collection;
  /** As whoever asked had it. */
  readonly deadlineAtMs?: number | undefined;
}

interface RecordName {
  readonly tenant: string;
  readonly collection: string;
  readonly key: string;
  /** How long to wait for the store, where it has to be asked; on the monotonic clock. Default: as long as it takes. */
  readonly deadlineAtMs?: number | undefined;
}

/** The collection as the store has it; undefined where it has none of the name. */
export type FindNewest = (located: Located) => Promise<Collection | undefined>;

export class Planner {
  readonly #options: { readonly region: string; readonly partitions: number };
  readonly #catalog: Catalog;

  constructor(options: { region: string; partitions: number }, catalog: Catalog) {
    this.#options = options;
    this.#catalog = catalog;
  }

  /** @throws {GatewayError} unknown-collection; {StoreUnavailableError} */
  async locate(record: RecordName): Promise<Located> {
    const { tenant, collection: name, deadlineAtMs } = record;
    const partition = await this.partitionOf(record);
    const collection = await this.#catalog.find({ partition, tenant, name, deadlineAtMs });
    if (collection === undefined) throw this.#unknown(name);
    return { partition, collection, deadlineAtMs };
  }

  /**
   * Where each of many records of a collection is, without a promise for each.
   * @throws {GatewayError} unknown-collection; {StoreUnavailableError}
   */
  async locator(names: Omit<RecordName, "key">): Promise<(key: string) => Located> {
    const { partitions } = this.#options;
    const { tenant, collection: name, deadlineAtMs } = names;
    const numbers = Array.from({ length: partitions }, (_, partition) => partition);
    const find = (partition: number) => this.#catalog.find({ partition, tenant, name, deadlineAtMs });
    const collections = await Promise.all(numbers.map(find));
    const [decided] = collections;
    if (decided === undefined) throw this.#unknown(name);
    const { partitionBy } = decided.schema;
    return (key) => {
      const place = { tenant, collection: name, key };
      const partition = partitions === 1 ? 0 : partitionOfRecord(place, { partitions, partitionBy });
      const collection = collections[partition];
      if (collection === undefined) throw this.#unknown(name);
      return { partition, collection, deadlineAtMs };
    };
  }

  /** How a collection is placed never changes, so that partition 0, which decides on schemas, can tell for all. */
  async partitionOf(record: RecordName): Promise<number> {
    const { partitions } = this.#options;
    if (partitions === 1) return 0;
    const { tenant, collection: name, deadlineAtMs } = record;
    const decided = await this.#catalog.find({ partition: 0, tenant, name, deadlineAtMs });
    if (decided === undefined) throw this.#unknown(name);
    return partitionOfRecord(record, { partitions, partitionBy: decided.schema.partitionBy });
  }

  /**
   * Makes a plan with the schema as cached, and once more with the newest where the cached one refuses a field or an
   * operator: it may have been added since.
   */
  async plan<T>(
    located: Located,
    make: (schema: CollectionSchema) => T,
    findNewest: FindNewest = (one) => this.#findNewest(one),
  ): Promise<T> {
    const { collection } = located;
    try {
      return make(collection.schema);
    } catch (error) {
      if (!(error instanceof RefusedWriteError) || !OUTDATED.includes(error.code)) throw error;
      const newer = await findNewest(located);
      if (newer === undefined || newer.version === collection.version) throw error;
      return make(newer.schema);
    }
  }

  /** Asks the store at most once for each partition, however many records of one collection are planned. */
  newestOnce(): FindNewest {
    const asked = new Map<number, Promise<Collection | undefined>>();
    return (located) => {
      const found = asked.get(located.partition) ?? this.#findNewest(located);
      asked.set(located.partition, found);
      return found;
    };
  }

  #findNewest({ partition, collection, deadlineAtMs }: Located): Promise<Collection | undefined> {
    const { tenant, name } = collection;
    return this.#catalog.findNewest({ partition, tenant, name, deadlineAtMs });
  }

  #unknown(name: string): GatewayError {
    return new GatewayError("unknown-collection", unknownCollection(name, this.#options.region));
  }
}

const OUTDATED: readonly string[] = [
  "unknown-field",
  "wrong-operator",
  "wrong-type",
  "deprecated-field",
  "condition-on-local-write",
  "not-indexed",
  "malformed-body",
];
