/** Asks the log to forget what has expired. Any region may ask, at any time; the fold looks whether it is so. */
import { positionSeenByAll } from "../core/fold/state.ts";
import { encodeEntry, PROPOSALS_VERSION, SWEEP_RECORDS_MAX } from "../protocol/entry-codec.ts";
import type { Members } from "./decisions/members.ts";
import type { GatewayOptions } from "./gateway-options.ts";

const PUBLISH_TIMEOUT_MS = 5_000;
/** Entries of one sweep, each once the one before is folded: more may expire within some seconds than fits into one. */
const ROUNDS_MAX = 10;
/** Somewhere within it: other processes look at other times then, and rarely ask for the same once more. */
const ROUNDS_APART_MS_MAX = 800;
const FOLD_POLL_MS = 25;
const FOLD_TIMEOUT_MS = 5_000;

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
  async sweep(stop?: AbortSignal): Promise<number> {
    let asked = 0;
    for (let partition = 0; partition < this.#options.partitions; partition += 1) {
      asked += await this.#sweepPartition(partition, stop);
    }
    return asked;
  }

  async #sweepPartition(partition: number, stop: AbortSignal | undefined): Promise<number> {
    const { clock, random } = this.#options;
    let asked = 0;
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      if (round > 0) await clock.sleep(ROUNDS_APART_MS_MAX * random.fraction(), stop);
      if (stop?.aborted === true) break;
      const { records, position } = await this.#ask(partition);
      asked += records;
      const mayBeMore = records === SWEEP_RECORDS_MAX && (await this.#isFolded(partition, position));
      if (!mayBeMore) break;
    }
    return asked;
  }

  async #ask(partition: number): Promise<{ records: number; position: number }> {
    const { store, breakers, region } = this.#options;
    const positions = await store.readPositions(partition);
    const seenByAll = positionSeenByAll(positions);
    const records = await store.readExpired({ partition, seenByAll, rowsMax: SWEEP_RECORDS_MAX });
    if (records.length === 0) return { records: 0, position: 0 };
    await this.#members.checkReading(partition, PROPOSALS_VERSION);
    const data = encodeEntry({ kind: "sweep", origin: region, records });
    const published = await breakers[partition]!.publish("sweep", data, { timeoutMs: PUBLISH_TIMEOUT_MS });
    return { records: records.length, position: published.position };
  }

  /** Before, the same records would be found again. @returns false where it is not within some seconds. */
  async #isFolded(partition: number, position: number): Promise<boolean> {
    const { store, clock } = this.#options;
    const endAtMs = clock.monotonicMs() + FOLD_TIMEOUT_MS;
    while (clock.monotonicMs() < endAtMs) {
      if ((await store.readPositions(partition)).position >= position) return true;
      await clock.sleep(FOLD_POLL_MS);
    }
    return false;
  }
}
