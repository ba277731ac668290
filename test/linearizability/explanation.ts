/**
 * Why a history is not linearizable: the first moment at which it was not any more. Every prefix of a linearizable history
 * is linearizable, so the longest such prefix is found by halving.
 */
import { isCompleted, outputOf, type CompletedOperation, type RecordedOperation } from "./history.ts";
import type { Model } from "./model.ts";
import { Search } from "./search.ts";

/** Of all searches together. An explanation may be less than the best; the violation is certain before. */
const STEPS_MAX = 1_000_000;

export interface Explanation<Input, Output> {
  /**
   * An order of everything that had completed by a moment: the longest that was found. It may make use of what was under
   * way then, whatever that was answered later.
   */
  readonly order: readonly RecordedOperation<Input, Output>[];
  /** The model's states that the order may lead to. */
  readonly stateKeys: readonly string[];
  /**
   * What completed next, and with which there is no order any more: one operation; several, the last of which is too much,
   * where the searches in between were given up.
   */
  readonly unplaced: readonly CompletedOperation<Input, Output>[];
  /** What had been called, and had not completed, when the last of those completed. */
  readonly underWay: readonly RecordedOperation<Input, Output>[];
}

/** As it was recorded, by what was known of it at some moment. */
type Prefix<Input, Output> = ReadonlyMap<RecordedOperation<Input, Output>, RecordedOperation<Input, Output>>;

/** @param operations of one key, and not linearizable. */
export function explainViolation<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly RecordedOperation<Input, Output>[],
  stepsMax: number,
): Explanation<Input, Output> {
  const completed = operations.filter(isCompleted).sort((one, other) => one.completedAt - other.completedAt);
  let good = {
    count: 0,
    order: [] as readonly RecordedOperation<Input, Output>[],
    stateKeys: [model.stateKey(model.initial)],
  };
  let least = 0;
  let bad = completed.length;
  let stepsLeft = Math.min(stepsMax, STEPS_MAX);
  while (bad - least > 1) {
    const count = (least + bad) >> 1;
    const prefix = prefixOf(operations, completed.slice(0, count));
    const outcome = new Search(model, [...prefix.keys()]).run(stepsLeft);
    stepsLeft -= outcome.steps;
    if (outcome.type === "none") {
      bad = count;
      continue;
    }
    least = count;
    if (outcome.type === "gave-up") continue;
    const order = outcome.order.map((operation) => prefix.get(operation)!);
    good = { count, order, stateKeys: statesAfter(model, outcome.order) };
  }
  const before = new Set<RecordedOperation<Input, Output>>(completed.slice(0, bad));
  const underWay = operations.filter(
    (operation) => operation.invokedAt <= completed[bad - 1]!.completedAt && !before.has(operation),
  );
  return {
    order: good.order,
    stateKeys: good.stateKeys,
    unplaced: completed.slice(good.count, bad),
    underWay,
  };
}

/** What was known when the given ones had completed: by operation, cut off there, the one that was recorded. */
function prefixOf<Input, Output>(
  operations: readonly RecordedOperation<Input, Output>[],
  completed: readonly CompletedOperation<Input, Output>[],
): Prefix<Input, Output> {
  const known = new Set<RecordedOperation<Input, Output>>(completed);
  const at = completed.at(-1)!.completedAt;
  const prefix = new Map<RecordedOperation<Input, Output>, RecordedOperation<Input, Output>>();
  for (const operation of operations) {
    if (operation.invokedAt > at) continue;
    const { client, key, invokedAt, input } = operation;
    prefix.set(known.has(operation) ? operation : { client, key, invokedAt, input }, operation);
  }
  return prefix;
}

function statesAfter<State, Input, Output>(
  model: Model<State, Input, Output>,
  order: readonly RecordedOperation<Input, Output>[],
): string[] {
  let states = new Map([[model.stateKey(model.initial), model.initial]]);
  for (const operation of order) {
    const next = new Map<string, State>();
    for (const state of states.values()) {
      for (const after of model.step(state, operation.input, outputOf(operation)))
        next.set(model.stateKey(after), after);
    }
    states = next;
  }
  return [...states.keys()];
}
