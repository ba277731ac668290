import { describe, expect, it } from "vitest";
import { checkLinearizability, describeOperation, describeResult } from "../../linearizability/checker.ts";
import { partitionByKey, UNKNOWN } from "../../linearizability/history.ts";
import type { Model } from "../../linearizability/model.ts";
import { registerModel, type RegisterOperation } from "../../linearizability/register.ts";
import { done, lost, READ, saw, write, WRITTEN } from "./operations.ts";

const at = (key: string, operation: RegisterOperation): RegisterOperation => ({ ...operation, key });

describe("a history", () => {
  it("is partitioned by key, in order", () => {
    const one = at("one", done([3, 4], write(1), WRITTEN));
    const other = at("__proto__", done([1, 2], READ, saw(null)));
    const later = at("one", lost(2, write(3)));
    expect([...partitionByKey([one, other, later])]).toEqual([
      ["one", [one, later]],
      ["__proto__", [other]],
    ]);
  });

  it("has no operation that ends before it begins, or whose times are no numbers", () => {
    const check = (times: readonly [number, number]) => () =>
      checkLinearizability(registerModel(), [done(times, write(1), WRITTEN)]);
    expect(check([2, 1])).toThrow('an operation of client-2 on "key" is from 2 to 1');
    expect(check([Number.NaN, 1])).toThrow(RangeError);
    expect(check([1, Number.NaN])).toThrow(RangeError);
    expect(check([1, 1])).not.toThrow();
  });
});

describe("the checker", () => {
  const fine = at("fine", done([1, 2], write(1), WRITTEN));
  const wrong = at("wrong", done([1, 2], READ, saw(9)));

  it("checks each key alone", () => {
    const other = at("other", done([3, 4], READ, saw(null)));
    const result = checkLinearizability(registerModel(), [fine, other]);
    expect(result).toMatchObject({ verdict: "linearizable", steps: 2 });
    expect(result.verdict === "linearizable" && [...result.orders]).toEqual([
      ["fine", [fine]],
      ["other", [other]],
    ]);
    expect(describeResult(result)).toBe("linearizable: 2 keys, 2 steps");
    expect(checkLinearizability(registerModel(), [fine, wrong])).toMatchObject({
      verdict: "violation",
      key: "wrong",
    });
  });

  it("gives the order that it found, with the unknown operations that it needs", () => {
    const first = done([1, 9], write(1), WRITTEN);
    const second = done([2, 3], READ, saw(2));
    const third = done([4, 9], READ, saw(1));
    const seen = lost(1, write(2));
    const result = checkLinearizability(registerModel(), [first, second, third, seen]);
    expect(result.verdict === "linearizable" && result.orders.get("key")).toEqual([
      seen,
      second,
      first,
      third,
    ]);
  });

  it("takes a history that has one operation twice as two operations", () => {
    const once = done([1, 2], write(1), WRITTEN);
    const result = checkLinearizability(registerModel(), [once, once]);
    expect(result.verdict === "linearizable" && result.orders.get("key")).toEqual([once, once]);
  });

  it("says that it gave up, and takes that for neither verdict", () => {
    const many = Array.from({ length: 9 }, (_, index) => at("many", done([1, 99], write(index), WRITTEN)));
    const history = [...many, at("many", done([100, 101], READ, saw(99))), at("many", lost(100, write(99)))];
    const result = checkLinearizability(registerModel(), history, { stepsMax: 5 });
    expect(result).toEqual({ verdict: "undecided", key: "many", operations: 11, steps: 5 });
    expect(describeResult(result)).toBe('undecided: key "many" with 11 operations, given up after 5 steps');
    expect(checkLinearizability(registerModel(), history).verdict).toBe("linearizable");
  });

  it("tells a violation of one key before that it gave up on another", () => {
    const result = checkLinearizability(registerModel(), [fine, wrong], { stepsMax: 0 });
    expect(result).toMatchObject({ verdict: "violation", key: "wrong" });
    expect(checkLinearizability(registerModel(), [fine], { stepsMax: 0 }).verdict).toBe("undecided");
  });

  it("follows each state that an operation may lead to", () => {
    // A coin that is thrown unseen, and looked at later.
    const coin: Model<string, "throw" | "look", string> = {
      initial: "none",
      step: (state, input, output) => {
        if (input === "throw") return ["heads", "tails"];
        return output === UNKNOWN || output === state ? [state] : [];
      },
      stateKey: (state) => state,
    };
    const look = (time: number, side: string) => done([time, time], "look" as const, side);
    const thrown = done([1, 2], "throw" as const, "");
    const again = done([5, 6], "throw" as const, "");
    const verdict = (...looks: readonly string[]): string =>
      checkLinearizability(coin, [thrown, again, ...looks.map((side, index) => look(index + 3, side))])
        .verdict;
    expect(verdict("heads", "heads")).toBe("linearizable");
    expect(verdict("tails", "tails")).toBe("linearizable");
    expect(verdict("heads", "tails")).toBe("violation");
    expect(verdict("tails", "tails", "heads")).toBe("linearizable");
  });
});

describe("the explanation of a violation", () => {
  const before = Array.from({ length: 20 }, (_, index) =>
    done([10 * index, 10 * index + 5], write(index), WRITTEN),
  );
  const stale = done([200, 205], READ, saw(18));
  const longer = done([201, 290], write(77), WRITTEN);
  const after = done([210, 220], READ, saw(19));
  const pending = lost(15, write(-1));
  const later = lost(206, write(-2));
  const history = [after, longer, ...before, stale, pending, later];

  it("is the longest prefix that has an order, what fits no more, and what was under way", () => {
    const result = checkLinearizability(registerModel(), history);
    expect(result).toMatchObject({ verdict: "violation", key: "key", stateKeys: ["19"] });
    if (result.verdict !== "violation") return;
    expect(result.order).toEqual(before);
    expect(result.unplaced).toEqual([stale]);
    expect(result.underWay).toEqual([longer, pending]);
  });

  it("is told in full, but for the beginning of a long order", () => {
    const shown = before.slice(8).map((operation) => `  ${describeOperation(operation)}`);
    expect(describeResult(checkLinearizability(registerModel(), history)).split("\n")).toEqual([
      'violation: on key "key" there is no place for',
      '  client-200 [200, 205] {"type":"read"} -> {"type":"read","value":18}',
      "under way when it completed:",
      '  client-201 [201, 290] {"type":"write","value":77} -> {"type":"written"}',
      '  client-15 [15, ?] {"type":"write","value":-1} -> unknown',
      "what had completed before has an order of 20 that leads to 19, and ends with:",
      ...shown,
    ]);
  });

  it("names what it could not look into when it gave up", () => {
    const [first, ...others] = before;
    const wrong = done([200, 205], READ, saw(99));
    const result = checkLinearizability(registerModel(), [first!, ...others, wrong], { stepsMax: 0 });
    expect(result).toMatchObject({ verdict: "violation", order: [], stateKeys: ["null"], underWay: [] });
    expect(result.verdict === "violation" && result.unplaced).toEqual([...before, wrong]);
  });
});
