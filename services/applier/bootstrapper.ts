/** Who loads a partition's state where it can't be folded, as its applier sees it: nothing is folded meanwhile. */

export interface Bootstrapper {
  /** Before folding begins: loads what has to be loaded first. Resolves when folding may begin, or `stop` is aborted. */
  prepare(stop: AbortSignal): Promise<void>;
  /** The log no longer holds what comes next. Resolves when folding may be tried again. */
  catchUp(reason: string, stop: AbortSignal): Promise<void>;
  /** While the partition is folded. Resolves when folding has to begin anew. Never rejects. */
  attend(stop: AbortSignal): Promise<void>;
  /** Another process folds from here on, and tells of what is loaded. */
  left?(): void;
}
