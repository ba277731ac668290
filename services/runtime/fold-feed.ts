/**
 * What appliers of this process have committed, for gateways of this process that wait for it. A gateway whose applier is
 * in another process hears nothing here and asks the store instead.
 */
import type { OperationOutcome, PartitionState } from "../core/fold/state.ts";
import { Signal } from "./signal.ts";

export interface FoldNews {
  readonly partition: number;
  /** How far the partition is folded. Committed; a database that crashes may fall back a little. */
  readonly position: number;
  readonly logTimeMs: number;
  readonly origins: PartitionState["origins"];
  readonly outcomes: readonly OperationOutcome[];
  /** What the fold and its commit took. */
  readonly durationMs: number;
}

type Listener = (news: FoldNews) => void;

export class FoldFeed extends Signal {
  readonly #listeners = new Set<Listener>();
  #expecting = 0;

  /** Whether somebody of this process waits for the next commit, whatever is in it. */
  get isAwaited(): boolean {
    return this.#expecting > 0;
  }

  /** Commits are not to be put off until the returned function is called, once. */
  expect(): () => void {
    this.#expecting += 1;
    return () => {
      this.#expecting -= 1;
    };
  }

  /** Wakes who waits for the signal, too. */
  tell(news: FoldNews): void {
    for (const listener of this.#listeners) listener(news);
    this.notify();
  }

  /** For as long as the process lives. */
  listen(listener: Listener): void {
    this.#listeners.add(listener);
  }
}
