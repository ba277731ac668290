/** Who holds a lease, by the log: a local answer would be of no use to whoever wants to act on it. */
import { checkKey } from "../core/accept/key.ts";
import { isHeld, type LeaseState } from "../core/fields/authoritative/lease.ts";
import { partitionOf } from "../core/partition.ts";
import { LEASE_FIELD, leaseRecord } from "../core/reserved.ts";
import { mergeSessions, seenPosition, type Session } from "../core/session.ts";
import { GatewayError } from "./errors.ts";
import type { Lease, RequestContext } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { ReadBarrier } from "./read-barrier.ts";

export class LeaseReader {
  readonly #options: GatewayOptions;
  readonly #barrier: ReadBarrier;

  constructor(options: GatewayOptions, barrier: ReadBarrier) {
    this.#options = options;
    this.#barrier = barrier;
  }

  /** @throws {GatewayError} lease-not-found, no-quorum, session-behind */
  async read(request: RequestContext & { readonly name: string }): Promise<Lease & { session: Session }> {
    const { tenant, name, session: seen, deadlineMs, onWait } = request;
    checkKey(name);
    const { partitions, clock, store } = this.#options;
    const partition = partitionOf({ tenant, key: name }, partitions);
    const deadlineAtMs = clock.monotonicMs() + deadlineMs;
    const demand = { consistency: "linearizable", session: seen, deadlineAtMs, onWait } as const;
    const { found, session: before } = await this.#barrier.readBehind(demand, partition, async () => {
      // Log time first: a renewal that is folded in between must not look too late.
      const { logTimeMs } = await store.readPositions(partition);
      return { logTimeMs, ...(await store.readRecord({ partition, ...leaseRecord(tenant, name) })) };
    });
    const { committed, position, logTimeMs } = found;
    const session = mergeSessions(before, seenPosition(partition, position));
    if (committed === undefined) {
      throw new GatewayError("lease-not-found", `nobody has ever held lease "${name}"`, { session });
    }
    const state = committed.fields[LEASE_FIELD] as LeaseState;
    const { token, expiresAtMs } = state;
    return { name, holder: isHeld(state, logTimeMs) ? state.holder : null, token, expiresAtMs, session };
  }
}
