/**
 * Reads of records, gathered: while one query is on its way, the next gathers, and each query is one snapshot for all. A record
 * that many ask for is read once.
 */
import { recordIdText, type RecordId } from "../core/operation.ts";
import type { RecordSnapshot } from "../ports/record-snapshot.ts";
import type { StateReader } from "../ports/region-store.ts";
import { GatewayError } from "./errors.ts";

/** Of one query. */
const RECORDS_MAX = 256;
const QUEUE_MAX = 16_384;
/** Queries on their way at once: while the database answers one, the next is there already. */
const LANES_MAX = 4;
/** Waiting reads that are worth a further query. */
const LANE_MIN = 16;

interface Waiting {
  readonly record: RecordId;
  readonly resolve: (snapshot: RecordSnapshot) => void;
  readonly reject: (error: unknown) => void;
}

export class ReadGather {
  readonly #store: Pick<StateReader, "readRecords">;
  readonly #partition: number;
  #queue: Waiting[] = [];
  #lanes = 0;

  constructor(options: { store: Pick<StateReader, "readRecords"> }, partition: number) {
    this.#store = options.store;
    this.#partition = partition;
  }

  /** As the record is at some moment after the call. @throws {StoreUnavailableError}, {GatewayError} overloaded */
  read(record: RecordId): Promise<RecordSnapshot> {
    if (this.#queue.length >= QUEUE_MAX) {
      const message = `${this.#queue.length} reads already wait for this region's database`;
      return Promise.reject(new GatewayError("overloaded", message, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ record, resolve, reject });
      const isWorthIt = this.#lanes === 0 || (this.#lanes < LANES_MAX && this.#queue.length >= LANE_MIN);
      if (isWorthIt) void this.#runLane();
    });
  }

  async #runLane(): Promise<void> {
    this.#lanes += 1;
    // Requests that arrive in the same turn of the event loop belong to the same query.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#ask(this.#queue.splice(0, RECORDS_MAX));
    this.#lanes -= 1;
  }

  async #ask(batch: readonly Waiting[]): Promise<void> {
    const groups = groupsOf(batch);
    try {
      const records = groups.map(([first]) => first!.record);
      const snapshots = await this.#store.readRecords({ partition: this.#partition, records });
      for (const [index, group] of groups.entries())
        for (const waiting of group) waiting.resolve(snapshots[index]!);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
}

/** Those who ask for the same record. */
function groupsOf(batch: readonly Waiting[]): Waiting[][] {
  const groups = new Map<string, Waiting[]>();
  for (const waiting of batch) {
    const id = recordIdText(waiting.record);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [waiting]);
    else group.push(waiting);
  }
  return [...groups.values()];
}
