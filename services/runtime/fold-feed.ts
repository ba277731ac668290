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
  readonly #expecting = new Map<number, number>();

  /** Whether somebody of this process waits for the partition's next commit, whatever is in it. */
  isAwaited(partition: number): boolean {
    return this.#expectingOf(partition) > 0;
  }

  /** The partition's commits are not to be put off until the returned function is called, once. */
  expect(partition: number): () => void {
    this.#expecting.set(partition, this.#expectingOf(partition) + 1);
    return () => {
      this.#expecting.set(partition, this.#expectingOf(partition) - 1);
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

  #expectingOf(partition: number): number {
    return this.#expecting.get(partition) ?? 0;
  }
}
