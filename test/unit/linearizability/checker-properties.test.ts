import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkLinearizability, describeResult } from "../../linearizability/checker.ts";
import { isCompleted, outputOf, type RecordedOperation } from "../../linearizability/history.ts";
import type { Model } from "../../linearizability/model.ts";
import { registerModel } from "../../linearizability/register.ts";
import { versionedRegisterModel } from "../../linearizability/versioned-register.ts";
import { checkProperty } from "../property.ts";
import { isRegisterHistory, isVersionedHistory } from "./brute-force.ts";
import {
  corrupted,
  registerHistories,
  registerOutput,
  versionedHistories,
  versionedOutput,
} from "./histories.ts";

interface Kind<State, Input, Output> {
  readonly name: string;
  readonly model: Model<State, Input, Output>;
  readonly histories: (countMax: number) => fc.Arbitrary<readonly RecordedOperation<Input, Output>[]>;
  readonly output: fc.Arbitrary<Output>;
  readonly bruteForce: (history: readonly RecordedOperation<Input, Output>[]) => boolean;
}

/** As many as brute force can take. */
const FEW = 6;

/** The order is one that time allows and the model takes, and nothing is missing. */
function expectOrder<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly RecordedOperation<Input, Output>[],
  order: readonly RecordedOperation<Input, Output>[],
): void {
  expect(new Set(order).size).toBe(order.length);
  for (const operation of order) expect(history).toContain(operation);
  for (const operation of history) if (isCompleted(operation)) expect(order).toContain(operation);
  let latest = -Infinity;
  let states: readonly State[] = [model.initial];
  for (const operation of order) {
    latest = Math.max(latest, operation.invokedAt);
    if (isCompleted(operation)) expect(operation.completedAt).toBeGreaterThanOrEqual(latest);
    states = states.flatMap((state) => model.step(state, operation.input, outputOf(operation)));
    expect(states.length).toBeGreaterThan(0);
  }
}

/** What was known when the first `count` operations had completed. */
function prefix<Input, Output>(
  history: readonly RecordedOperation<Input, Output>[],
  completed: readonly RecordedOperation<Input, Output>[],
): RecordedOperation<Input, Output>[] {
  const at = completed.at(-1)?.completedAt ?? -Infinity;
  return history
    .filter(({ invokedAt }) => invokedAt <= at)
    .map((operation) => {
      const { client, key, invokedAt, input } = operation;
      return completed.includes(operation) ? operation : { client, key, invokedAt, input };
    });
}

function describeKind<State, Input, Output>(kind: Kind<State, Input, Output>): void {
  const { name, model, histories, output, bruteForce } = kind;
  const verdictOf = (history: readonly RecordedOperation<Input, Output>[]): string =>
    checkLinearizability(model, history).verdict;

  describe(`${name}: the checker`, () => {
    for (const [count, runs] of [
      [FEW, 400],
      [40, 100],
    ] as const) {
      it(`accepts what a store did that took ${count} operations one by one, in an order that holds`, () => {
        checkProperty(
          fc.property(histories(count), (history) => {
            const result = checkLinearizability(model, history);
            if (result.verdict !== "linearizable") throw new Error(describeResult(result));
            expectOrder(model, history, result.orders.get("key")!);
          }),
          { runs },
        );
      });
    }

    it("says of any answers what brute force says", () => {
      const verdicts = new Map([
        ["linearizable", 0],
        ["violation", 0],
      ]);
      checkProperty(
        fc.property(corrupted(histories(FEW), output, FEW), (history) => {
          const verdict = verdictOf(history);
          expect(verdict).toBe(bruteForce(history) ? "linearizable" : "violation");
          verdicts.set(verdict, verdicts.get(verdict)! + 1);
        }),
        { runs: 1_000 },
      );
      expect(Math.min(...verdicts.values())).toBeGreaterThan(50);
    });

    it("finds one wrong answer among right ones, and says up to where they were right", () => {
      checkProperty(
        fc.property(corrupted(histories(FEW), output, 1), (history) => {
          fc.pre(!bruteForce(history));
          const result = checkLinearizability(model, history);
          if (result.verdict !== "violation") throw new Error(describeResult(result));
          const completed = history
            .filter(isCompleted)
            .sort((one, other) => one.completedAt - other.completedAt);
          const [culprit] = result.unplaced;
          expect(result.unplaced).toEqual([culprit]);
          const before = completed.slice(0, completed.indexOf(culprit!));
          const right = prefix(history, before);
          expect(bruteForce(right)).toBe(true);
          expect(bruteForce(prefix(history, [...before, culprit!]))).toBe(false);
          for (const operation of before) expect(result.order).toContain(operation);
          for (const operation of result.underWay) {
            expect(operation.completedAt ?? Infinity).toBeGreaterThanOrEqual(culprit!.completedAt);
            expect(operation.invokedAt).toBeLessThanOrEqual(culprit!.completedAt);
          }
        }),
        { runs: 300 },
      );
    });

    it("says the same without the model's hints", () => {
      const { initial, step, stateKey } = model;
      const bare: typeof model = { initial, step, stateKey };
      checkProperty(
        fc.property(corrupted(histories(12), output, 2), (history) => {
          expect(checkLinearizability(bare, history).verdict).toBe(verdictOf(history));
        }),
        { runs: 400 },
      );
    });
  });
}

describeKind({
  name: "a register",
  model: registerModel(),
  histories: registerHistories,
  output: registerOutput,
  bruteForce: isRegisterHistory,
});

describeKind({
  name: "a versioned register",
  model: versionedRegisterModel(),
  histories: versionedHistories,
  output: versionedOutput,
  bruteForce: isVersionedHistory,
});
