/** Who holds the rights to a record's escrows, for people to look at. */
import { checkKey } from "../../core/accept/key.ts";
import { own } from "../../core/json.ts";
import { valueOfEscrow } from "../../core/fields/merge/escrow.ts";
import { escrowMin, isEscrow } from "../../core/schema.ts";
import { mergeSessions, seenPosition, seenWal } from "../../core/session.ts";
import { GatewayError } from "../errors.ts";
import type { EscrowRequest, RecordEscrowsReport } from "../gateway.ts";
import type { GatewayOptions } from "../gateway-options.ts";
import type { Planner } from "../planner.ts";
import type { ReadBarrier } from "../read-barrier.ts";

export class EscrowReader {
  readonly #options: GatewayOptions;
  readonly #parts: { readonly planner: Planner; readonly barrier: ReadBarrier };

  constructor(options: GatewayOptions, parts: { planner: Planner; barrier: ReadBarrier }) {
    this.#options = options;
    this.#parts = parts;
  }

  /** @throws {GatewayError} unknown-collection, record-not-found, session-behind */
  async read(request: EscrowRequest): Promise<RecordEscrowsReport> {
    const { tenant, collection: name, key, session, deadlineMs, onWait } = request;
    checkKey(key);
    const { clock, store, region } = this.#options;
    const { partition, collection } = await this.#parts.planner.locate({ tenant, collection: name, key });
    const deadlineAtMs = clock.monotonicMs() + deadlineMs;
    const demand = { consistency: "session", session, deadlineAtMs, onWait } as const;
    const record = { partition, tenant, collection: name, key };
    const read = () => store.readEscrows(record);
    const { found, session: before } = await this.#parts.barrier.readBehind(demand, partition, read);
    const { position, pendingTo, escrows } = found;
    const committed = mergeSessions(before, seenPosition(partition, position));
    // What is left is without what pending writes take: whoever has seen that must not see more elsewhere.
    const seen =
      pendingTo === 0 ? committed : mergeSessions(committed, seenWal(region, partition, pendingTo));
    if (escrows.length === 0) {
      const message = `record "${key}" of collection "${name}" has no escrow that anything was given to`;
      throw new GatewayError("record-not-found", message, { session: seen });
    }
    const shares = escrows.map(({ field, rights, here, total }) => {
      const definition = own(collection.schema.fields, field);
      const min = isEscrow(definition) ? escrowMin(definition) : 0;
      return { field, min, value: valueOfEscrow({ kind: "escrow", min, rights }), rights, here, total };
    });
    return { key, escrows: shares, asOf: { partition, sequence: position }, session: seen };
  }
}
