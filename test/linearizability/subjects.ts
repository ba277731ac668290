/** The operations of one key, made ready for a search: everything that does not depend on the state is worked out once. */
import { canonicalJson } from "../../services/core/json.ts";
import { isCompleted, outputOf, UNKNOWN, type RecordedOperation, type Unknown } from "./history.ts";
import type { Model } from "./model.ts";

/** How many operations that are not placed yet need a value, and how many could give it. */
export interface Demand {
  needed: number;
  given: number;
}

export interface Subject<Input, Output> {
  /** As recorded. */
  readonly operation: RecordedOperation<Input, Output>;
  readonly isKnown: boolean;
  /** As simplified, like the output. */
  readonly input: Input;
  readonly output: Output | Unknown;
  readonly isObservation: boolean;
  /** The same for operations that differ in nothing but their times. */
  readonly twins: number;
  readonly needs: Demand | undefined;
  readonly gives: Demand | undefined;
}

export interface Subjects<Input, Output> {
  readonly all: readonly Subject<Input, Output>[];
  readonly demands: ReadonlyMap<string, Demand>;
}

/** Observations of an unknown outcome are left out: with them or without them, everything else is as it was. */
export function subjectsOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly RecordedOperation<Input, Output>[],
): Subjects<Input, Output> {
  const { isObservation, simplify, values } = model.hints ?? {};
  const demands = new Map<string, Demand>();
  const twins = new Map<string, number>();
  const demandOf = (value: string | undefined): Demand | undefined => {
    if (value === undefined) return undefined;
    const demand = demands.get(value) ?? { needed: 0, given: 0 };
    demands.set(value, demand);
    return demand;
  };
  const all = (simplify?.(operations) ?? operations).map((simple, number): Subject<Input, Output> => {
    const { input } = simple;
    const output = outputOf(simple);
    const text = canonicalJson([input, output === UNKNOWN ? [] : [output]]);
    if (!twins.has(text)) twins.set(text, twins.size);
    return {
      operation: operations[number]!,
      isKnown: isCompleted(simple),
      input,
      output,
      isObservation: isObservation?.(input, output) ?? false,
      twins: twins.get(text)!,
      needs: output === UNKNOWN ? undefined : demandOf(values?.needed(input, output)),
      gives: demandOf(values?.given(input, output)),
    };
  });
  for (const { needs, gives } of all) {
    if (needs !== undefined) needs.needed += 1;
    if (gives !== undefined) gives.given += 1;
  }
  return { all: all.filter((subject) => subject.isKnown || !subject.isObservation), demands };
}
