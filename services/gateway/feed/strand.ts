/**
 * One partition of a subscription.
 *
 *   apart ──read until nothing is left──▶ joining ──read what was before──▶ live ──its client is slow──▶ apart …
 *
 * Apart it reads by itself, from its position on, as fast as its client takes it: of a record that has changed often it
 * finds the newest state alone, and nothing waits in memory. Live it is told by the hub.
 */
import { standingOf, type FeedPlace } from "../../core/feed/cursor.ts";
import type { FeedFilter } from "../../core/feed/filter.ts";
import type { ChangesWindow } from "../../ports/changes.ts";
import { GatewayError } from "../errors.ts";
import { expired, type HubMember, type PartitionHub } from "./hub.ts";
import type { Publication } from "./publication.ts";
import type { ToldKind, ToldRecord, WalMarks } from "./told-record.ts";

/** What a hub tells while the strand reads what was before; with more it begins again. */
const HELD_RECORDS_MAX = 4_096;
const IDS_MAX = 500;
/** A region that has not folded what the cursor stands for looks so often, and so long. */
const EARLY_LOOK_MS = 50;
export const EARLY_MS_MAX = 10_000;

export interface StrandOwner {
  readonly filter: FeedFilter;
  readonly kind: ToldKind;
  readonly closed: AbortSignal;
  /** The client has enough to do with what it was given. */
  readonly isFull: boolean;
  nowMs(): number;
  sleep(delayMs: number): Promise<void>;
  read(query: {
    partition: number;
    after: number;
    settledAfter?: number | undefined;
    pendingAfter?: number | undefined;
    idsMax: number;
  }): Promise<{ window: ChangesWindow; told: readonly ToldRecord[] }>;
  /** What the cursor stands for is there: the client can be told. */
  fits(): void;
  /** Gives the client what was read, as it takes it. */
  tell(strand: Strand, told: readonly ToldRecord[], position: number): Promise<void>;
  /** Gives the client what was published, at once. */
  pass(strand: Strand, publication: Publication): void;
  /** It is not live any more, and has to be followed again. */
  fellBehind(strand: Strand): void;
  fail(error: unknown): void;
}

export interface StrandStart extends FeedPlace {
  /**
   * Up to here rows of the own WAL were folded before the client is told any state: what comes to nothing after it, it may
   * have been told as pending.
   */
  readonly settledTo?: number;
}

type Mode = "apart" | "joining" | "live";

export class Strand implements HubMember {
  readonly partition: number;
  readonly filter: FeedFilter;
  readonly kind: ToldKind;
  readonly #owner: StrandOwner;
  readonly #hub: PartitionHub;
  #mode: Mode = "apart";
  #place: FeedPlace;
  /** Undefined until something was looked at, and of what is told only what is committed. */
  #marks: WalMarks | undefined;
  #held: Publication[] = [];
  #heldRecords = 0;
  #isOverfull = false;

  constructor(options: { owner: StrandOwner; hub: PartitionHub; partition: number; start: StrandStart }) {
    const { position, logEpoch, settledTo } = options.start;
    this.#owner = options.owner;
    this.#hub = options.hub;
    this.partition = options.partition;
    this.filter = options.owner.filter;
    this.kind = options.owner.kind;
    this.#place = { position, logEpoch };
    if (settledTo !== undefined) this.#marked({ settledTo, pendingTo: 0 });
  }

  /** All up to here was told. */
  get place(): FeedPlace {
    const { position, logEpoch } = this.#place;
    return this.#mode === "live"
      ? { position: Math.max(position, this.#hub.position), logEpoch }
      : this.#place;
  }

  /** Everything up to the position has been given to the client. */
  reached(position: number): void {
    this.#place = { ...this.#place, position: Math.max(this.#place.position, position) };
  }

  /**
   * Waits, until the region has folded what the cursor stands for.
   * @throws {GatewayError} cursor-expired, session-behind. @throws {StoreUnavailableError}
   */
  async arrive(giveUpAtMs: number): Promise<void> {
    const query = { partition: this.partition, after: Number.MAX_SAFE_INTEGER, idsMax: 1 };
    while (!this.#owner.closed.aborted) {
      const { window } = await this.#owner.read(query);
      if (!(await this.#fits(window, giveUpAtMs))) continue;
      // What is told as pending from now on may come to nothing before the strand reads.
      return this.#marked({ settledTo: window.settledTo, pendingTo: 0 });
    }
  }

  /**
   * Tells what has changed until now, or about so many records of it.
   * @returns whether nothing is left.
   * @throws as `arrive`.
   */
  async catchUp(recordsMax = Infinity): Promise<boolean> {
    const giveUpAtMs = this.#owner.nowMs() + EARLY_MS_MAX;
    let left = recordsMax;
    while (!this.#owner.closed.aborted) {
      const { window, told } = await this.#read();
      if (!(await this.#fits(window, giveUpAtMs))) continue;
      this.#owner.fits();
      const upTo = cutAt(told, left) ?? window.position;
      const isCut = upTo < window.position;
      await this.#owner.tell(this, isCut ? told.filter(({ position }) => position! <= upTo) : told, upTo);
      this.reached(upTo);
      if (isCut) return false;
      this.#marked(window);
      if (window.isCaughtUp) return true;
      left = Math.max(0, left - told.length);
      // What is pending no cursor goes on with: once begun it is told to its end.
      if (left === 0 && window.position < window.head) return false;
    }
    return true;
  }

  /** Whether changes after the place are all there; waits a moment where they are not yet. */
  async #fits(window: ChangesWindow, giveUpAtMs: number): Promise<boolean> {
    const standing = standingOf(this.#place, window);
    if (standing === "fits") return true;
    if (standing === "expired") throw expired();
    if (this.#owner.nowMs() >= giveUpAtMs) throw early();
    await this.#owner.sleep(EARLY_LOOK_MS);
    return false;
  }

  /** Catches up, and is told by the hub from then on. @throws as `catchUp`. */
  async goLive(): Promise<void> {
    while (!this.#owner.closed.aborted) {
      await this.catchUp();
      await this.#hub.join(this);
      this.#mode = "joining";
      try {
        await this.catchUp();
      } catch (error) {
        this.leave();
        throw error;
      }
      if (this.#owner.closed.aborted) return this.leave();
      if (!this.#isOverfull) return this.#becomeLive();
      this.leave();
    }
  }

  leave(): void {
    this.#place = this.place;
    if (this.#mode === "live") this.#marked(this.#hub.marks);
    if (this.#mode !== "apart") this.#hub.leave(this);
    this.#mode = "apart";
    this.#held = [];
    this.#heldRecords = 0;
    this.#isOverfull = false;
  }

  publish(publication: Publication): void {
    if (this.#mode === "live") return void this.#passOn(publication);
    this.#heldRecords += publication.told.length;
    this.#isOverfull ||= this.#heldRecords > HELD_RECORDS_MAX;
    if (!this.#isOverfull) this.#held.push(publication);
  }

  fail(error: unknown): void {
    this.#owner.fail(error);
  }

  #becomeLive(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldRecords = 0;
    // What the hub has told is not what this client was told, until it is.
    for (const publication of held) if (!this.#passOn(publication)) return;
    this.#mode = "live";
  }

  /** @returns false where the client is slow, and the strand apart again. */
  #passOn(publication: Publication): boolean {
    if (this.#owner.isFull) {
      // Before the hub's position moves on: what is published now is read again.
      this.leave();
      this.#owner.fellBehind(this);
      return false;
    }
    const { position } = this.#place;
    const own = publication.after(position, this.#marks);
    if (own.told.length > 0) this.#owner.pass(this, own);
    this.reached(publication.position);
    this.#marked(publication.marks);
    return true;
  }

  #marked({ settledTo, pendingTo }: WalMarks): void {
    if (this.kind !== "view") return;
    const { settledTo: settled = 0, pendingTo: pending = 0 } = this.#marks ?? {};
    this.#marks = { settledTo: Math.max(settled, settledTo), pendingTo: Math.max(pending, pendingTo) };
  }

  #read() {
    const { settledTo, pendingTo } = this.#marks ?? {};
    const marks = this.kind === "view" ? { settledAfter: settledTo, pendingAfter: pendingTo ?? 0 } : {};
    const { position: after } = this.#place;
    return this.#owner.read({ partition: this.partition, after, ...marks, idsMax: IDS_MAX });
  }
}

/** The end of the entry of the log with which so many records are told; undefined where all are. */
function cutAt(told: readonly ToldRecord[], recordsMax: number): number | undefined {
  return told.length <= recordsMax ? undefined : told[Math.max(1, recordsMax) - 1]?.position;
}

function early(): GatewayError {
  const message = "the region has not folded yet what the cursor stands for";
  return new GatewayError("session-behind", message, { retryAfterMs: 1_000 });
}
