/**
 * Is a history linearizable? Is there, for each key, an order of its operations that the model takes and in which each
 * stands somewhere between its invocation and its completion? A history is linearizable if and only if each key's part of
 * it is (Herlihy & Wing 1990; Horn & Kroening, "Faster linearizability checking via P-compositionality", 2015).
 */
import { isCompleted, partitionByKey, type RecordedOperation } from "./history.ts";
import type { Model } from "./model.ts";
import { Search } from "./search.ts";
import { explainViolation, type Explanation } from "./explanation.ts";

/** Per key: some seconds. */
export const STEPS_MAX = 5_000_000;

export interface CheckOptions {
  /** How often the search for an order of one key's operations may ask the model for a step. */
  readonly stepsMax?: number;
}

export interface Linearizable<Input, Output> {
  readonly verdict: "linearizable";
  readonly steps: number;
  /** By key: the order found, with those operations of an unknown outcome that it makes use of. */
  readonly orders: ReadonlyMap<string, readonly RecordedOperation<Input, Output>[]>;
}

export interface Violation<Input, Output> extends Explanation<Input, Output> {
  readonly verdict: "violation";
  readonly steps: number;
  readonly key: string;
}

/** The search was given up: neither a pass nor a violation. A test must fail on it. */
export interface Undecided {
  readonly verdict: "undecided";
  readonly steps: number;
  readonly key: string;
  /** Of that key. */
  readonly operations: number;
}

export type CheckResult<Input, Output> = Linearizable<Input, Output> | Violation<Input, Output> | Undecided;

/** Checks each key alone, from the model's initial state on. A violation of any key comes before an undecided one. */
export function checkLinearizability<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly RecordedOperation<Input, Output>[],
  options: CheckOptions = {},
): CheckResult<Input, Output> {
  const stepsMax = options.stepsMax ?? STEPS_MAX;
  const orders = new Map<string, readonly RecordedOperation<Input, Output>[]>();
  let steps = 0;
  let undecided: { key: string; operations: number } | undefined;
  for (const [key, operations] of partitionByKey(history)) {
    const outcome = new Search(model, operations).run(stepsMax);
    steps += outcome.steps;
    if (outcome.type === "none") {
      return { verdict: "violation", steps, key, ...explainViolation(model, operations, stepsMax) };
    }
    if (outcome.type === "found") orders.set(key, outcome.order);
    else undecided ??= { key, operations: operations.length };
  }
  return undecided === undefined
    ? { verdict: "linearizable", steps, orders }
    : { verdict: "undecided", steps, ...undecided };
}

const ORDER_SHOWN_MAX = 12;

/** For the message of a failed test. */
export function describeResult(result: CheckResult<unknown, unknown>): string {
  switch (result.verdict) {
    case "linearizable":
      return `linearizable: ${result.orders.size} keys, ${result.steps} steps`;
    case "undecided":
      return `undecided: key "${result.key}" with ${result.operations} operations, given up after ${result.steps} steps`;
    case "violation":
      return describeViolation(result);
  }
}

function describeViolation(violation: Violation<unknown, unknown>): string {
  const { key, order, stateKeys, unplaced, underWay } = violation;
  const hidden = Math.max(0, order.length - ORDER_SHOWN_MAX);
  const lines = (operations: readonly RecordedOperation<unknown, unknown>[]): string =>
    operations.map((operation) => `\n  ${describeOperation(operation)}`).join("");
  return [
    `violation: on key "${key}" there is no place for${lines(unplaced.slice(-ORDER_SHOWN_MAX))}`,
    `under way when it completed:${lines(underWay)}`,
    `what had completed before has an order of ${order.length} that leads to ${stateKeys.join(" or ")}, and ${hidden > 0 ? "ends with" : "is"}:${lines(order.slice(hidden))}`,
  ].join("\n");
}

export function describeOperation(operation: RecordedOperation<unknown, unknown>): string {
  const { client, invokedAt, input } = operation;
  const until = isCompleted(operation) ? `${operation.completedAt}` : "?";
  const output = isCompleted(operation) ? JSON.stringify(operation.output) : "unknown";
  return `${client} [${invokedAt}, ${until}] ${JSON.stringify(input)} -> ${output}`;
}
