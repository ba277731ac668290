/** Time and randomness as ports: a role that asks for them here runs unchanged under a simulated clock. */

export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump; never measure durations with it. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Resolves once everything that is ready to run now has run: what was begun is on its way by then. */
  turn(): Promise<void>;
  /** Calls once after `delayMs`, unless it is called off with what this returns: for what most often ends before its time. */
  after(delayMs: number, call: () => void): () => void;
  /** Resolves after `delayMs`, or at once when the signal is aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  /** A UUID of version 7: sorts by creation time. */
  uuid(nowMs: number): string;
  /** Uniform in [0, 1). */
  fraction(): number;
}
