/** Asks the log to forget what has expired. Any region may ask, at any time; the fold looks whether it is so. */
import { positionSeenByAll } from "../core/fold/state.ts";
import { encodeEntry, PROPOSALS_VERSION, SWEEP_RECORDS_MAX } from "../protocol/entry-codec.ts";
import type { Members } from "./decisions/members.ts";
import type { GatewayOptions } from "./gateway-options.ts";

const PUBLISH_TIMEOUT_MS = 5_000;

export class Sweeper {
  readonly #options: GatewayOptions;
  readonly #members: Members;

  constructor(options: GatewayOptions, members: Members) {
    this.#options = options;
    this.#members = members;
  }

  /**
   * @returns how many records the log was asked to forget.
   * @throws {LogUnavailableError}, {PublishTimeoutError}, {StoreUnavailableError}: whatever is left is asked for again.
   */
  async sweep(): Promise<number> {
    let asked = 0;
    for (let partition = 0; partition < this.#options.partitions; partition += 1) {
      asked += await this.#sweepPartition(partition);
    }
    return asked;
  }

  async #sweepPartition(partition: number): Promise<number> {
    const { store, breakers, region } = this.#options;
    const positions = await store.readPositions(partition);
    const seenByAll = positionSeenByAll(positions);
    const records = await store.readExpired({ partition, seenByAll, rowsMax: SWEEP_RECORDS_MAX });
    if (records.length === 0) return 0;
    await this.#members.checkReading(partition, PROPOSALS_VERSION);
    const data = encodeEntry({ kind: "sweep", origin: region, records });
    await breakers[partition]!.publish("sweep", data, { timeoutMs: PUBLISH_TIMEOUT_MS });
    return records.length;
  }
}
