/** Waiting for the log's decisions on proposals: told by this process's applier, or asked of the store for all at once. */
import type { OperationOutcome } from "../../core/fold/state.ts";
import type { Clock } from "../../ports/clock.ts";
import { StoreUnavailableError, type StateReader } from "../../ports/region-store.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { FoldFeed, FoldNews } from "../../runtime/fold-feed.ts";
import type { Logger } from "../../runtime/logger.ts";

const POLL_MS = 25;
/** What the applier of this process has folded lately need not be asked of the store, but for what it does not tell. */
const POLL_HEARING_MS = 250;
/** Ids of one look; more wait for the next. */
const LOOK_IDS_MAX = 2_048;

export type Verdict =
  | { readonly status: "decided"; readonly outcome: OperationOutcome }
  /** Log time has passed the deadline, and the fold has not seen it: it never will. */
  | { readonly status: "expired" }
  /** Nothing is known at the client's deadline. */
  | { readonly status: "unknown" };

export interface PendingVerdict {
  readonly verdict: Promise<Verdict>;
  readonly forget: () => void;
}

interface Waiting {
  readonly id: string;
  /** Log time. */
  readonly expiresAtMs: number;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly settle: (verdict: Verdict) => void;
}

export interface OutcomeWatchOptions {
  readonly store: Pick<StateReader, "readOutcomes">;
  readonly clock: Clock;
  readonly folded: FoldFeed;
  readonly logger?: Logger;
}

export class OutcomeWatch {
  readonly #options: OutcomeWatchOptions;
  readonly #partition: number;
  readonly #waiting = new Set<Waiting>();
  readonly #byId = new Map<string, Set<Waiting>>();
  #isLooking = false;
  #isAsking = false;
  #logTimeMs = 0;
  /** On the monotonic clock. */
  #heardAtMs = -Infinity;
  #askedAtMs = -Infinity;

  constructor(options: OutcomeWatchOptions, partition: number) {
    this.#options = options;
    this.#partition = partition;
    options.folded.listen((news) => this.#hear(news));
  }

  /** Proposals that are waited for. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Log time as last heard; 0 before anything was. */
  get logTimeMs(): number {
    return this.#logTimeMs;
  }

  /** The verdict never rejects: while the store is away, nothing is known. `forget` ends the wait of who was refused. */
  wait(proposal: { id: string; expiresAtMs: number; deadlineAtMs: number }): PendingVerdict {
    const { promise, resolve } = withResolver<Verdict>();
    const waiting: Waiting = { ...proposal, settle: resolve };
    this.#waiting.add(waiting);
    const same = this.#byId.get(proposal.id) ?? new Set();
    this.#byId.set(proposal.id, same.add(waiting));
    if (!this.#isLooking) void this.#look();
    return { verdict: promise, forget: () => this.#settle(waiting, { status: "unknown" }) };
  }

  /** Told after the commit, so that whoever is answered reads what was decided. */
  #hear({ partition, logTimeMs, outcomes }: FoldNews): void {
    if (partition !== this.#partition) return;
    this.#logTimeMs = Math.max(this.#logTimeMs, logTimeMs);
    this.#heardAtMs = this.#options.clock.monotonicMs();
    if (this.#waiting.size === 0) return;
    for (const outcome of outcomes) this.#decide(outcome);
  }

  #decide(outcome: OperationOutcome): void {
    for (const waiting of this.#byId.get(outcome.id) ?? [])
      this.#settle(waiting, { status: "decided", outcome });
  }

  #settle(waiting: Waiting, verdict: Verdict): void {
    this.#waiting.delete(waiting);
    const same = this.#byId.get(waiting.id);
    same?.delete(waiting);
    if (same?.size === 0) this.#byId.delete(waiting.id);
    waiting.settle(verdict);
  }

  /** The applier may be in another process; and only the store can tell that something was never folded. */
  async #look(): Promise<void> {
    this.#isLooking = true;
    const { clock } = this.#options;
    while (this.#waiting.size > 0) {
      await clock.sleep(POLL_MS);
      const nowMs = clock.monotonicMs();
      // A store that hangs must not keep anybody beyond the deadline.
      if (!this.#isAsking && this.#isWorthAsking(nowMs)) void this.#ask();
      for (const waiting of this.#waiting) {
        if (waiting.deadlineAtMs <= nowMs) this.#settle(waiting, { status: "unknown" });
      }
    }
    this.#isLooking = false;
  }

  #isWorthAsking(nowMs: number): boolean {
    return (
      nowMs - Math.max(this.#heardAtMs, this.#askedAtMs) >= POLL_MS ||
      nowMs - this.#askedAtMs >= POLL_HEARING_MS
    );
  }

  async #ask(): Promise<void> {
    this.#askedAtMs = this.#options.clock.monotonicMs();
    // Who comes while the store is asked must not be judged by what it said before.
    const asked = [...this.#waiting].slice(0, LOOK_IDS_MAX);
    if (asked.length === 0) return;
    this.#isAsking = true;
    const ids = [...new Set(asked.map((waiting) => waiting.id))];
    try {
      const { logTimeMs, outcomes } = await this.#options.store.readOutcomes({
        partition: this.#partition,
        ids,
      });
      this.#logTimeMs = Math.max(this.#logTimeMs, logTimeMs);
      for (const outcome of outcomes) this.#decide(outcome);
      for (const waiting of asked) {
        if (!this.#waiting.delete(waiting)) continue;
        // To the end: with more of them than one look can take, all have their turn.
        this.#waiting.add(waiting);
        if (logTimeMs > waiting.expiresAtMs) this.#settle(waiting, { status: "expired" });
      }
    } catch (error) {
      // Whoever waits is told at the deadline that nothing is known.
      if (error instanceof StoreUnavailableError) return;
      this.#options.logger?.error({ error: describeError(error) }, "outcomes can't be read");
    } finally {
      this.#isAsking = false;
    }
  }
}

function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
