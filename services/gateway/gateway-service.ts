/** The gateway at work: composes writes, reads and schemas over the region's store and the log. */
import type { Collection } from "../core/schema.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Signal } from "../runtime/signal.ts";
import { Catalog } from "./catalog.ts";
import type {
  Gateway,
  ListRequest,
  ListResult,
  PutCollectionRequest,
  ReadRequest,
  ReadResult,
  Receipt,
  RegionOverview,
  WriteRequest,
  WriteResult,
} from "./gateway.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { Reader } from "./reader.ts";
import { receiptOf } from "./receipt.ts";
import { SchemaProposer } from "./schema-proposer.ts";
import { readStatus } from "./status.ts";
import { Writer } from "./writer.ts";
import { GatewayError } from "./errors.ts";

export interface GatewayOptions {
  readonly region: string;
  readonly partitions: number;
  readonly software: string;
  readonly store: RegionStore;
  readonly log: GlobalLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  /** Rows were appended: the relay of this process may go. */
  readonly appended: Signal;
  /** The applier of this process has folded on. */
  readonly folded: Signal;
  /** Rows and bytes that may wait in one partition's WAL. */
  readonly pendingRowsMax: number;
  readonly pendingBytesMax: number;
}

export class GatewayService implements Gateway {
  readonly #options: GatewayOptions;
  readonly #catalog: Catalog;
  readonly #writer: Writer;
  readonly #reader: Reader;
  readonly #schemas: SchemaProposer;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#catalog = new Catalog(options);
    this.#reader = new Reader(options, this.#catalog);
    this.#writer = new Writer(options, { catalog: this.#catalog, reader: this.#reader });
    this.#schemas = new SchemaProposer(options, this.#catalog);
  }

  write(request: WriteRequest): Promise<WriteResult> {
    return this.#writer.write(request);
  }

  read(request: ReadRequest): Promise<ReadResult> {
    return this.#reader.read(request);
  }

  list(request: ListRequest): Promise<ListResult> {
    return this.#reader.list(request);
  }

  putCollection(request: PutCollectionRequest): Promise<Collection> {
    return this.#schemas.put(request);
  }

  listCollections(tenant: string): Promise<Collection[]> {
    return this.#catalog.list({ partition: 0, tenant });
  }

  async operation(request: { tenant: string; id: string }): Promise<Receipt> {
    const stored = await this.#options.store.readOperation(request.id);
    // Another tenant's operation is as unknown as one that never was (I14).
    if (stored?.tenant !== request.tenant) {
      throw new GatewayError(
        "operation-not-found",
        `region ${this.#options.region} knows no operation ${request.id}`,
      );
    }
    return receiptOf(stored, this.#options.region);
  }

  status(): Promise<RegionOverview> {
    return readStatus(this.#options);
  }

  /** Lets partitions follow decisions on collections that they have missed; returns how many were proposed again. */
  followUpSchemas(deadlineMs: number): Promise<number> {
    return this.#schemas.followUp(deadlineMs);
  }
}
