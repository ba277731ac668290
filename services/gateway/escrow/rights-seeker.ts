/**
 * Asks other regions for rights to escrows, in the background: when a write had to be refused for want of them, and when
 * they run low. Nobody waits for it. What is granted comes through the log like everything else.
 */
import { donorsOf, isLow } from "../../core/escrow-move.ts";
import type { EscrowLeft } from "../../core/escrow.ts";
import { recordIdText, type RecordId } from "../../core/operation.ts";
import { decodeRightsAnswer, encodeRightsMessage, RIGHTS_SERVICE } from "../../protocol/rights-request.ts";
import { BusOutcomeUnknownError, BusUnavailableError } from "../../ports/bus.ts";
import type { EscrowShare } from "../../ports/region-store.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { FoldWatch } from "../fold-watch.ts";
import type { GatewayOptions } from "../gateway-options.ts";
import { forgetOldest } from "../../runtime/forget-oldest.ts";

/** Escrows that are asked for at once; more are asked for when their next write is refused. */
const WANTS_MAX = 64;
/** Requests for one want. */
const REQUESTS_MAX = 8;
const REQUEST_TIMEOUT_MS = 2_000;
const ARRIVAL_TIMEOUT_MS = 5_000;
const BASE_MS = 20;
const MAX_MS = 500;
/** Running low is no hurry. */
const LOW_DELAY_MS = 200;
/** What was asked for is kept from others for so long, so that the write it was for can come again. */
const HOLD_MS = 2_000;
/** A region that nobody took from for so long hands over more. */
const IDLE_AFTER_MS = 60_000;
/** Escrows that are remembered. */
const REMEMBERED_MAX = 4_096;

/** One escrow of one record. */
export interface EscrowName extends RecordId {
  readonly partition: number;
  readonly field: string;
}

interface Want {
  readonly escrow: EscrowName;
  /** The largest take that was refused; 0 where rights only run low. */
  needed: number;
}

type Answer = "granted" | "refused" | "unavailable" | "unknown";

export class RightsSeeker {
  readonly #options: GatewayOptions;
  readonly #watches: readonly FoldWatch[];
  readonly #wants = new Map<string, Want>();
  /** When rights that were needed have come, on the monotonic clock. */
  readonly #arrivals = new Map<string, number>();
  /** When the last take was accepted, on the monotonic clock. */
  readonly #takes = new Map<string, number>();

  readonly #startedAtMs: number;

  constructor(options: GatewayOptions, watches: readonly FoldWatch[]) {
    this.#options = options;
    this.#startedAtMs = options.clock.monotonicMs();
    this.#watches = watches;
  }

  /** A write that takes so much was refused. @returns whether others are asked. */
  refused(escrow: EscrowName, needed: number): boolean {
    return this.#want(escrow, needed);
  }

  /** A write was accepted, and has left so much. */
  taken(record: Omit<EscrowName, "field">, left: readonly EscrowLeft[]): void {
    for (const { field, here, total } of left) {
      this.#remember(this.#takes, nameOf({ ...record, field }));
      if (isLow({ here, total })) this.#want({ ...record, field }, 0);
    }
  }

  /** Whether nobody has taken from this region lately, as far as this process knows. */
  isIdle(escrow: EscrowName): boolean {
    // A process that has just started has not heard of what was taken before.
    const takenAtMs = this.#takes.get(nameOf(escrow)) ?? this.#startedAtMs;
    return this.#options.clock.monotonicMs() - takenAtMs > IDLE_AFTER_MS;
  }

  /** Whether what this region has of an escrow is for its own writes rather than for the region that asks. */
  isNeeded(escrow: EscrowName, asking: string): boolean {
    const name = nameOf(escrow);
    const arrivedAtMs = this.#arrivals.get(name);
    if (arrivedAtMs !== undefined && this.#options.clock.monotonicMs() - arrivedAtMs < HOLD_MS) return true;
    // Of two regions that need what the other has, one must give way.
    const isWanted = (this.#wants.get(name)?.needed ?? 0) > 0;
    return isWanted && this.#options.region < asking;
  }

  #want(escrow: EscrowName, needed: number): boolean {
    const name = nameOf(escrow);
    const active = this.#wants.get(name);
    if (active !== undefined) {
      active.needed = Math.max(active.needed, needed);
      return true;
    }
    if (this.#wants.size >= WANTS_MAX && !this.#giveUpOne(needed)) return false;
    const want = { escrow, needed };
    this.#wants.set(name, want);
    void this.#seek(want).finally(() => {
      if (this.#wants.get(name) === want) this.#wants.delete(name);
    });
    return true;
  }

  /** Rights that only run low give way to those that somebody was refused for. */
  #giveUpOne(needed: number): boolean {
    if (needed === 0) return false;
    for (const [name, want] of this.#wants) {
      if (want.needed === 0) return this.#wants.delete(name);
    }
    return false;
  }

  /** Never rejects. */
  async #seek(want: Want): Promise<void> {
    const { clock, random, logger } = this.#options;
    try {
      await clock.sleep(random.fraction() * (want.needed > 0 ? BASE_MS : LOW_DELAY_MS));
      for (let attempt = 0; attempt < REQUESTS_MAX; attempt += 1) {
        const share = await this.#readShare(want.escrow);
        const isGivenUp = this.#wants.get(nameOf(want.escrow)) !== want;
        if (isGivenUp || share === undefined || this.#isOver(want, share)) return;
        const donors = donorsOf(share.rights, this.#options.region);
        const donor = donors[attempt % donors.length];
        if (donor === undefined) return;
        const answer = await this.#ask({ want, share, donor });
        this.#options.metrics.rightsAsked({ answer });
        await clock.sleep(backoffMs({ attempt, baseMs: BASE_MS, maxMs: MAX_MS, random }));
      }
    } catch (error) {
      const { collection, key, field } = want.escrow;
      logger.debug({ collection, key, field, error: describeError(error) }, "rights not sought any longer");
    }
  }

  async #readShare({ field, ...record }: EscrowName): Promise<EscrowShare | undefined> {
    const { escrows } = await this.#options.store.readEscrows(record);
    return escrows.find((escrow) => escrow.field === field);
  }

  #isOver({ escrow, needed }: Want, share: EscrowShare): boolean {
    if (needed === 0) return !isLow(share);
    if (share.here < needed) return share.total < needed;
    this.#remember(this.#arrivals, nameOf(escrow));
    return true;
  }

  /** The longest unheard of is forgotten first. */
  #remember(times: Map<string, number>, name: string): void {
    times.delete(name);
    times.set(name, this.#options.clock.monotonicMs());
    forgetOldest(times, REMEMBERED_MAX);
  }

  async #ask(input: { want: Want; share: EscrowShare; donor: string }): Promise<Answer> {
    const { want, share, donor } = input;
    const { bus, region } = this.#options;
    const { partition, tenant, collection, key, field } = want.escrow;
    const message = { tenant, collection, key, field, region, held: share.here, needed: want.needed };
    try {
      const data = encodeRightsMessage(message);
      const timeoutMs = REQUEST_TIMEOUT_MS;
      const answer = decodeRightsAnswer(
        await bus.request({ region: donor, service: RIGHTS_SERVICE, data, timeoutMs }),
      );
      if (answer.granted === 0) return "refused";
      await this.#awaitArrival({ partition, donor, sequence: answer.sequence });
      return "granted";
    } catch (error) {
      if (error instanceof BusUnavailableError) return "unavailable";
      if (error instanceof BusOutcomeUnknownError) return "unknown";
      throw error;
    }
  }

  /** Until what was handed over is folded here, or a time is over: then the next look tells. */
  async #awaitArrival(input: { partition: number; donor: string; sequence: number }): Promise<void> {
    const { partition, donor, sequence } = input;
    const need = { position: 0, watermarks: { [donor]: sequence } };
    const deadlineAtMs = this.#options.clock.monotonicMs() + ARRIVAL_TIMEOUT_MS;
    await this.#watches[partition]!.wait({ need, deadlineAtMs });
  }
}

function nameOf({ field, ...record }: EscrowName): string {
  return `${recordIdText(record)}\n${field}`;
}
