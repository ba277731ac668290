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
}

type Listener = (news: FoldNews) => void;

export class FoldFeed extends Signal {
  readonly #listeners = new Set<Listener>();

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
