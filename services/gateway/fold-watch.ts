/**
 * Waiting for a partition's fold: told by this process's applier, or asked of the store. However many requests wait, one
 * look serves them all.
 */
import { isMet, type FoldedTo, type SessionNeed } from "../core/session.ts";
import type { Clock } from "../ports/clock.ts";
import type { StateReader } from "../ports/region-store.ts";
import type { FoldFeed, FoldNews } from "../runtime/fold-feed.ts";
import { refusalToWait, type OnWait } from "./admission/may-wait.ts";

const POLL_MS = 25;
/** The applier may commit hundreds of times a second; nobody needs to look that often. */
const REST_MS = 2;

export interface FoldWatchOptions {
  readonly store: Pick<StateReader, "readPositions">;
  readonly clock: Clock;
  readonly folded: FoldFeed;
}

interface Waiting {
  readonly need: SessionNeed;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  /** Until it has been told that the need is not met at once. */
  onWait: OnWait | undefined;
  readonly resolve: (folded: FoldedTo | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class FoldWatch {
  readonly #options: FoldWatchOptions;
  readonly #partition: number;
  #waiting: Waiting[] = [];
  /** Ends the rest between two looks: what a new request needs may be there already. */
  #arrived = new AbortController();
  #isLooking = false;
  /** The furthest that the applier of this process has told. */
  #heard: FoldNews | undefined;

  constructor(options: FoldWatchOptions, partition: number) {
    this.#options = options;
    this.#partition = partition;
    options.folded.listen((news) => this.#hear(news));
  }

  /**
   * Resolves with how far the partition is folded once that meets the need, or with undefined at the deadline.
   * @param input.onWait called when that is not at once.
   * @throws {StoreUnavailableError} @throws {GatewayError} overloaded.
   */
  wait(input: {
    need: SessionNeed;
    deadlineAtMs: number;
    onWait?: OnWait | undefined;
  }): Promise<FoldedTo | undefined> {
    const { need, deadlineAtMs, onWait } = input;
    // What was committed once stays so, unless the database crashes, which readers find out: nobody has to be asked.
    if (this.#heard !== undefined && isMet(need, this.#heard)) return Promise.resolve(this.#heard);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { need, deadlineAtMs, onWait, resolve, reject };
      // Where nothing was heard yet, the first look at the store tells whether there is anything to wait for.
      if (this.#heard !== undefined && !mayWait(waiting)) return;
      this.#waiting.push(waiting);
      if (this.#heard === undefined) this.#arrived.abort();
      if (!this.#isLooking) void this.#look();
    });
  }

  #hear(news: FoldNews): void {
    if (news.partition !== this.#partition) return;
    // Also where it is less than before: the database has fallen back then.
    this.#heard = news;
    const nowMs = this.#options.clock.monotonicMs();
    this.#waiting = this.#waiting.filter((waiting) => !settle(waiting, news, nowMs));
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const { store, clock, folded } = this.#options;
    const met = folded.expect(this.#partition);
    // An applier that speaks is likely to say it sooner than the store.
    if (this.#heard !== undefined) await this.#rest();
    while (this.#waiting.length > 0) {
      // Who comes while the store is asked must not be answered by what it said before.
      const asking = this.#waiting;
      this.#waiting = [];
      try {
        const positions = await store.readPositions(this.#partition);
        const nowMs = clock.monotonicMs();
        const left = asking.filter((waiting) => !settle(waiting, positions, nowMs) && mayWait(waiting));
        this.#waiting.push(...left);
      } catch (error) {
        for (const waiting of asking) waiting.reject(error);
      }
      const asked = new Set(asking);
      if (this.#heard === undefined && this.#waiting.some((waiting) => !asked.has(waiting))) continue;
      await this.#rest();
    }
    met();
    this.#isLooking = false;
  }

  async #rest(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const { clock, folded } = this.#options;
    const leftMs = Math.min(...this.#waiting.map((waiting) => waiting.deadlineAtMs)) - clock.monotonicMs();
    const timeoutMs = Math.max(1, Math.min(POLL_MS, leftMs));
    // What this process folds, it hears; the store is only asked in case that another process has taken over.
    if (this.#heard !== undefined) return clock.sleep(timeoutMs);
    this.#arrived = new AbortController();
    const stop = this.#arrived.signal;
    await clock.sleep(REST_MS, stop);
    await folded.wait({ clock, timeoutMs, stop });
  }
}

/** False where as many wait as may: it is told so. */
function mayWait(waiting: Waiting): boolean {
  const refusal = refusalToWait(waiting.onWait);
  waiting.onWait = undefined;
  if (refusal !== undefined) waiting.reject(refusal);
  return refusal === undefined;
}

/** False while the need is not met and there is time. */
function settle(waiting: Waiting, folded: FoldedTo, nowMs: number): boolean {
  const isThere = isMet(waiting.need, folded);
  if (!isThere && waiting.deadlineAtMs > nowMs) return false;
  waiting.resolve(isThere ? folded : undefined);
  return true;
}
