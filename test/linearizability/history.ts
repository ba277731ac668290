/**
 * A history: what clients asked of a store, when, and what they were answered (Herlihy & Wing, "Linearizability", 1990).
 *
 * For who records one:
 *  - Times are any numbers that never go back. One counter, taken just before a request is sent and just after its answer
 *    has come, is best: operations that meet at the same time count as concurrent, so a coarse clock hides violations.
 *  - An operation whose outcome stayed unknown (timeout, lost connection, "unknown" receipt) stays in, without a completion.
 *  - An operation that certainly had no effect may be left out, or kept with the output that the model has for it:
 *    "rejected" says that a condition did not hold at some moment in between, "no-effect" says nothing about the state.
 *  - Tries of one request under one idempotency key are one operation: invoked with the first, completed with the answer.
 */

interface Invocation<Input> {
  /** For explanations only: a client may have several operations on their way at once. */
  readonly client: string;
  readonly key: string;
  readonly invokedAt: number;
  readonly input: Input;
}

export interface CompletedOperation<Input, Output> extends Invocation<Input> {
  /** Not before `invokedAt`. */
  readonly completedAt: number;
  readonly output: Output;
}

/** It may have taken effect at any time after its invocation, or never. */
export interface UnknownOperation<Input> extends Invocation<Input> {
  readonly completedAt?: undefined;
  readonly output?: undefined;
}

export type RecordedOperation<Input, Output> = CompletedOperation<Input, Output> | UnknownOperation<Input>;

/** Stands for the output that nobody saw. */
export const UNKNOWN: unique symbol = Symbol("unknown");
export type Unknown = typeof UNKNOWN;

export function isCompleted<Input, Output>(
  operation: RecordedOperation<Input, Output>,
): operation is CompletedOperation<Input, Output> {
  return operation.completedAt !== undefined;
}

export function outputOf<Input, Output>(operation: RecordedOperation<Input, Output>): Output | Unknown {
  return isCompleted(operation) ? operation.output : UNKNOWN;
}

/** In the order of the keys' first operations. @throws {RangeError} where an operation ends before it begins. */
export function partitionByKey<Input, Output>(
  history: readonly RecordedOperation<Input, Output>[],
): ReadonlyMap<string, readonly RecordedOperation<Input, Output>[]> {
  const byKey = new Map<string, RecordedOperation<Input, Output>[]>();
  for (const operation of history) {
    checkTimes(operation);
    const operations = byKey.get(operation.key) ?? [];
    operations.push(operation);
    byKey.set(operation.key, operations);
  }
  return byKey;
}

function checkTimes({ client, key, invokedAt, completedAt }: RecordedOperation<unknown, unknown>): void {
  if (!Number.isNaN(invokedAt) && (completedAt === undefined || completedAt >= invokedAt)) return;
  throw new RangeError(`an operation of ${client} on "${key}" is from ${invokedAt} to ${completedAt}`);
}
