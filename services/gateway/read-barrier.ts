/** Waits that a read's consistency asks for, before the store is read. */
import { stalenessMs } from "../core/staleness.ts";
import {
  coverFolded,
  mergeSessions,
  needOf,
  seenPosition,
  type FoldedTo,
  type Session,
} from "../core/session.ts";
import { checkMayWait, type OnWait } from "./admission/may-wait.ts";
import type { Members } from "./decisions/members.ts";
import type { Proposer, Published } from "./decisions/proposer.ts";
import { PROPOSALS_VERSION } from "../protocol/entry-codec.ts";
import { GatewayError } from "./errors.ts";
import { checkDeparted, checkRuns } from "./lost-session.ts";
import type { FoldWatch } from "./fold-watch.ts";
import type { Consistency } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { inTime } from "../runtime/in-time.ts";

const FALLEN_BACK_PAUSE_MS = 25;

export interface ReadDemand {
  readonly consistency: Consistency;
  readonly stalenessMsMax?: number | undefined;
  readonly session: Session;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly onWait?: OnWait | undefined;
}

export interface BehindBarrier<T> {
  readonly found: T;
  readonly session: Session;
}

export class ReadBarrier {
  readonly #options: GatewayOptions;
  readonly #watches: readonly FoldWatch[];
  readonly #proposers: readonly Proposer[];
  readonly #members: Members;

  constructor(
    options: GatewayOptions,
    parts: { watches: readonly FoldWatch[]; proposers: readonly Proposer[]; members: Members },
  ) {
    this.#options = options;
    this.#watches = parts.watches;
    this.#proposers = parts.proposers;
    this.#members = parts.members;
  }

  /**
   * Reads one partition behind what the consistency asks for.
   * @returns what was read, and the session, said shorter by what this region has folded.
   * @throws {GatewayError} overloaded, session-behind, too-stale, no-quorum, not-supported-yet; and whatever the read throws.
   */
  readBehind<T extends { readonly position: number }>(
    demand: ReadDemand,
    partition: number,
    read: () => Promise<T>,
  ): Promise<BehindBarrier<T>> {
    const positionsOf = ({ position }: T) => Promise.resolve(new Map([[partition, position]]));
    return this.readAllBehind(demand, { partitions: [partition], read, positionsOf });
  }

  /** The same of several partitions; what was read has to say at which position each of them was. */
  async readAllBehind<T>(
    demand: ReadDemand,
    reading: {
      readonly partitions: readonly number[];
      readonly read: () => Promise<T>;
      readonly positionsOf: (found: T) => Promise<ReadonlyMap<number, number>>;
    },
  ): Promise<BehindBarrier<T>> {
    const { clock } = this.#options;
    for (;;) {
      let { session } = demand;
      for (const partition of reading.partitions)
        session = await this.pass({ ...demand, session }, partition);
      const found = await reading.read();
      if (demand.consistency === "local") return { found, session };
      const positions = [...(await reading.positionsOf(found))];
      if (positions.every(([partition, position]) => position >= (session.positions[partition] ?? 0)))
        return { found, session };
      // The database has crashed in between and fallen back a little: what it lacks is being folded again.
      if (clock.monotonicMs() + FALLEN_BACK_PAUSE_MS > demand.deadlineAtMs) throw this.#behind();
      checkMayWait(demand.onWait);
      await clock.sleep(FALLEN_BACK_PAUSE_MS);
    }
  }

  /**
   * Waits for what the consistency asks for.
   * @returns the session, said shorter by what this region has folded.
   * @throws {GatewayError} overloaded, session-behind, too-stale, no-quorum, not-supported-yet
   */
  async pass(demand: ReadDemand, partition: number): Promise<Session> {
    switch (demand.consistency) {
      case "local":
        return demand.session;
      case "session":
        return this.#awaitSession(demand, partition);
      case "bounded": {
        const session = await this.#awaitSession(demand, partition);
        await this.#checkStaleness(demand.stalenessMsMax ?? 0, partition);
        return session;
      }
      case "linearizable":
        return this.#awaitBarrier(demand, partition);
    }
  }

  async #awaitSession({ session, deadlineAtMs, onWait }: ReadDemand, partition: number): Promise<Session> {
    const need = needOf(session, partition, this.#options.region);
    const folded = await this.#watches[partition]!.wait({ need, deadlineAtMs, onWait });
    if (folded !== undefined) return covered(session, partition, folded);
    await checkDeparted(this.#options.store, session, partition);
    throw this.#behind();
  }

  #behind(): GatewayError {
    const message = `region ${this.#options.region} has not folded yet what this session has seen; try again, or read with consistency=local`;
    return new GatewayError("session-behind", message, { retryAfterMs: 1_000 });
  }

  async #checkStaleness(allowedMs: number, partition: number): Promise<void> {
    const { store, clock, region, clockDoubt } = this.#options;
    const place = await store.readPositions(partition);
    // A clock that is behind makes a view look young.
    const behindMs = Math.max(0, -(clockDoubt?.()?.aheadMs ?? 0));
    const provenMs = stalenessMs(place, { region, nowMs: clock.nowMs() + behindMs });
    if (provenMs <= allowedMs) return;
    const message = `region ${region} can only prove that its view is at most ${Math.ceil(provenMs)} ms old`;
    throw new GatewayError("too-stale", message, { stalenessMs: Math.ceil(provenMs), retryAfterMs: 1_000 });
  }

  /**
   * Everything acknowledged as committed before the read began is in the log before a barrier that is published after
   * (I12). Readers that come while one is on its way share the next. What the session has buffered has to be ordered too.
   */
  async #awaitBarrier(demand: ReadDemand, partition: number): Promise<Session> {
    const { deadlineAtMs, onWait } = demand;
    await this.#members.checkReading(partition, PROPOSALS_VERSION);
    checkMayWait(onWait);
    const published = await this.#publish(partition, deadlineAtMs);
    if (published === "unknown") {
      const message = "the log has not acknowledged the read's barrier in time";
      throw new GatewayError("no-quorum", message, { retryAfterMs: 1_000 });
    }
    const session = mergeSessions(demand.session, seenPosition(partition, published.position));
    const need = needOf(session, partition, null);
    const folded = await this.#watches[partition]!.wait({ need, deadlineAtMs });
    if (folded !== undefined) return covered(session, partition, folded);
    await checkDeparted(this.#options.store, session, partition);
    const message = `region ${this.#options.region} has not folded the log up to the read's barrier before the deadline`;
    throw new GatewayError("session-behind", message, { retryAfterMs: 1_000 });
  }

  /** A publish that hangs must not keep anybody beyond the deadline. */
  #publish(partition: number, deadlineAtMs: number): Promise<Published> {
    const { clock } = this.#options;
    const timeoutMs = Math.max(0, deadlineAtMs - clock.monotonicMs());
    const publishing = this.#proposers[partition]!.publish(undefined, deadlineAtMs);
    return inTime(publishing, { clock, timeoutMs, late: () => "unknown" as const });
  }
}

/** @throws {GatewayError} session-lost. */
function covered(session: Session, partition: number, folded: FoldedTo): Session {
  checkRuns(session, partition, folded);
  return coverFolded(session, partition, folded);
}
