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
  async plan<T>(located: Located, make: (schema: CollectionSchema) => T): Promise<T> {
    const { partition, collection, deadlineAtMs } = located;
    try {
      return make(collection.schema);
    } catch (error) {
      if (!(error instanceof RefusedWriteError) || !OUTDATED.includes(error.code)) throw error;
      const { tenant, name } = collection;
      const newer = await this.#catalog.findNewest({ partition, tenant, name, deadlineAtMs });
      if (newer === undefined || newer.version === collection.version) throw error;
      return make(newer.schema);
    }
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
  "malformed-body",
];
