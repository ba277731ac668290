/** A sequential specification: what one key would do if it took one operation after the other. */
import type { RecordedOperation, Unknown } from "./history.ts";

/** Inputs, outputs and states are JSON values, and never changed in place. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /**
   * The states that the operation may lead to when it takes effect in this state and gives this output; none refuses it.
   * With an unknown output: the states it may lead to by any output. That it never takes effect is tried by the checker.
   */
  readonly step: (state: State, input: Input, output: Output | Unknown) => readonly State[];
  /** Equal for states that no operations can tell apart, different for all others. */
  readonly stateKey: (state: State) => string;
  readonly hints?: Hints<State, Input, Output>;
}

/** What a search may skip. None of them changes a verdict; without them a search of many operations takes for ever. */
export interface Hints<State, Input, Output> {
  /** True only of operations that change no state, whatever it is: they are placed as soon as they fit. */
  readonly isObservation?: (input: Input, output: Output | Unknown) => boolean;
  /** False only where the operation fits neither in this state nor in any that can come after it. */
  readonly isPossibleLater?: (state: State, input: Input, output: Output) => boolean;
  /**
   * The same operations in the same order, with what nobody ever looked at made the same in all of them: the fewer
   * differences, the fewer states.
   */
  readonly simplify?: (
    operations: readonly RecordedOperation<Input, Output>[],
  ) => readonly RecordedOperation<Input, Output>[];
  readonly values?: ValueHints<State, Input, Output>;
}

/**
 * For models of a value that is overwritten: an operation that is no observation leads to the same states from wherever it
 * fits. A value that is still to be seen must not be overwritten by the last that could have written it, and nothing of an
 * unknown outcome need take effect but for one that waits for it.
 */
export interface ValueHints<State, Input, Output> {
  readonly of: (state: State) => string;
  /** The value without which the operation does not fit. */
  readonly needed: (input: Input, output: Output) => string | undefined;
  /** The value of the states that it leads to, where it may have an effect. */
  readonly given: (input: Input, output: Output | Unknown) => string | undefined;
}

/** It certainly took no effect, for a reason that says nothing about the state: refused, expired. */
export interface NoEffect {
  readonly type: "no-effect";
}
