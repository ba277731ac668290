import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AssertionError } from "../../../services/core/assert.ts";
import {
  applyChange,
  forgetMarkers,
  showField,
  type FieldState,
} from "../../../services/core/fields/index.ts";
import {
  FIELD_ENTRIES_MAX,
  type Applied,
  type Change,
  type WriteContext,
} from "../../../services/core/fields/kind.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { canonicalJson, type JsonValue } from "../../../services/core/json.ts";
import { applyOperation, showFields } from "../../../services/core/record.ts";
import { checkProperty } from "../property.ts";
import { anyChange } from "./histories.ts";

/** A write at log position `at`, stamped `ms`, by a region that had folded `seen`. */
function by(origin: string, options: { at: number; ms?: number; seen?: number }): WriteContext {
  const { at, ms = at, seen = 0 } = options;
  return { operation: `${origin}-${at}`, origin, hlc: hlcFromMilliseconds(ms), position: at, seen };
}

function change(kind: Change["kind"], operator: Change["operator"], argument: JsonValue): Change {
  return { field: "it", kind, operator, argument };
}

type Write = readonly [Change, WriteContext];

/** Applies writes one after the other; returns what the last one did. */
function after(...writes: readonly Write[]): Applied<FieldState> {
  let last: Applied<FieldState> | undefined;
  for (const [one, context] of writes) last = applyChange(last?.state, one, context);
  return last!;
}

const set = (value: JsonValue): Change => change("lww", "set", value);
const UNSET = change("lww", "unset", null);

describe("lww", () => {
  it("lets the later stamp win, and reports the concurrent value that it displaced", () => {
    const result = after(
      [set("old"), by("eu", { at: 2, ms: 10 })],
      [set("new"), by("us", { at: 3, ms: 20 })],
    );
    expect(showField(result.state)).toBe("new");
    expect(result.losses).toEqual([
      {
        reason: "concurrent",
        loser: { origin: "eu", hlc: hlcFromMilliseconds(10), value: "old", operator: "set" },
        winner: { origin: "us", hlc: hlcFromMilliseconds(20), value: "new", operation: "us-3" },
      },
    ]);
  });

  it("reports a write that lost to a later stamp, with its own operation on the loser's side", () => {
    const result = after(
      [set("new"), by("us", { at: 2, ms: 20 })],
      [set("old"), by("eu", { at: 3, ms: 10 })],
    );
    expect(showField(result.state)).toBe("new");
    expect(result.effective).toBe(false);
    expect(result.losses).toEqual([
      {
        reason: "concurrent",
        loser: {
          origin: "eu",
          hlc: hlcFromMilliseconds(10),
          value: "old",
          operator: "set",
          operation: "eu-3",
        },
        winner: { origin: "us", hlc: hlcFromMilliseconds(20), value: "new" },
      },
    ]);
  });

  it("calls a loss older where the writer had seen the winner, whose clock was ahead", () => {
    const first: Write = [set("new"), by("us", { at: 2, ms: 20 })];
    const result = after(first, [set("old"), by("eu", { at: 3, ms: 10, seen: 2 })]);
    expect(result.losses).toMatchObject([{ reason: "older", loser: { operation: "eu-3" } }]);
    const own = after(first, [set("older"), by("us", { at: 3, ms: 10 })]);
    expect(own.losses).toMatchObject([{ reason: "older" }]);
  });

  it("reports nothing where the writer had seen what it replaced, or said the same", () => {
    const first: Write = [set({ a: 1, b: 2 }), by("eu", { at: 2 })];
    expect(after(first, [set("new"), by("us", { at: 3, seen: 2 })]).losses).toEqual([]);
    expect(after(first, [set({ b: 2, a: 1 }), by("us", { at: 3 })]).losses).toEqual([]);
    expect(after(first, [set("new"), by("eu", { at: 3 })]).losses).toEqual([]);
  });

  it("breaks a tie of stamps by the region", () => {
    const [eu, us]: Write[] = [
      [set("eu"), by("eu", { at: 2, ms: 5 })],
      [set("us"), by("us", { at: 3, ms: 5 })],
    ];
    expect(showField(after(eu!, us!).state)).toBe("us");
    expect(showField(after(us!, eu!).state)).toBe("us");
  });

  it("shows an unset as a conflict with null, and keeps a marker that older writes lose to", () => {
    const result = after([UNSET, by("us", { at: 2, ms: 20 })], [set("old"), by("eu", { at: 3, ms: 10 })]);
    expect(showField(result.state)).toBeUndefined();
    expect(result.losses[0]).toMatchObject({
      loser: { value: "old" },
      winner: { value: null, origin: "us" },
    });
  });

  it("takes null for a value, not for an unset", () => {
    const { state } = after([set(null), by("eu", { at: 2 })]);
    expect(showField(state)).toBeNull();
    expect(forgetMarkers(state, hlcFromMilliseconds(99))).toBe(state);
    const displaced = after([set(null), by("eu", { at: 2 })], [UNSET, by("us", { at: 3 })]);
    expect(displaced.losses).toMatchObject([{ loser: { value: null, operator: "set" } }]);
    expect(after([UNSET, by("eu", { at: 2 })], [UNSET, by("us", { at: 3 })]).losses).toEqual([]);
  });

  it("says of an unset that lost that it was one, whether it came first or last", () => {
    const later: Write = [set("new"), by("us", { at: 3, ms: 20 })];
    const loser = { value: null, operator: "unset", origin: "eu" };
    expect(after([UNSET, by("eu", { at: 2, ms: 10 })], later).losses).toMatchObject([{ loser }]);
    expect(after(later, [UNSET, by("eu", { at: 4, ms: 10 })]).losses).toMatchObject([
      { loser: { ...loser, operation: "eu-4" } },
    ]);
  });

  it("forgets a marker only when nothing older can come", () => {
    const { state } = after([UNSET, by("eu", { at: 2, ms: 20 })]);
    expect(forgetMarkers(state, hlcFromMilliseconds(20))).toBe(state);
    expect(forgetMarkers(state, hlcFromMilliseconds(21))).toBeUndefined();
  });
});

describe("counter", () => {
  const inc = (by: number): Change => change("counter", "inc", by);

  it("refuses what would make the sum inexact, keeps the sum, and reports the increment", () => {
    const result = after(
      [inc(Number.MAX_SAFE_INTEGER), by("eu", { at: 2 })],
      [inc(1), by("us", { at: 3, ms: 9 })],
    );
    expect(result).toEqual({
      state: { kind: "counter", sum: Number.MAX_SAFE_INTEGER },
      effective: false,
      losses: [
        {
          reason: "overflow",
          loser: {
            origin: "us",
            hlc: hlcFromMilliseconds(9),
            operation: "us-3",
            operator: "inc",
            value: 1,
          },
          winner: { origin: "us", hlc: hlcFromMilliseconds(9), value: Number.MAX_SAFE_INTEGER },
        },
      ],
    });
  });

  it("goes on counting after a refusal, in both directions", () => {
    const full: Write = [inc(Number.MIN_SAFE_INTEGER), by("eu", { at: 2 })];
    const refused: Write = [inc(-1), by("us", { at: 3 })];
    const { state, effective } = after(full, refused, [inc(5), by("us", { at: 4 })]);
    expect(showField(state)).toBe(Number.MIN_SAFE_INTEGER + 5);
    expect(effective).toBe(true);
  });

  it("is never inexact, whatever is added", () => {
    checkProperty(
      fc.property(fc.array(fc.maxSafeInteger(), { minLength: 1 }), (increments) => {
        const writes = increments.map((one, index): Write => [inc(one), by("eu", { at: index + 1 })]);
        expect(Number.isSafeInteger(showField(after(...writes).state))).toBe(true);
      }),
    );
  });
});

describe("set", () => {
  const names = (count: number, prefix = "e"): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const add = (...elements: readonly JsonValue[]): Change => change("set", "add", elements);
  const remove = (...elements: readonly JsonValue[]): Change => change("set", "remove", elements);

  it("holds so many elements, refuses the rest one by one and says which", () => {
    const result = after(
      [add(...names(FIELD_ENTRIES_MAX - 1)), by("eu", { at: 2 })],
      [add("e0", "x", "y", "z"), by("us", { at: 3 })],
    );
    expect(result.effective).toBe(true);
    expect(showField(result.state)).toHaveLength(FIELD_ENTRIES_MAX);
    expect(
      result.losses.map(({ reason, loser }) => [reason, loser.operator, loser.value, loser.operation]),
    ).toEqual([
      ["full", "add", "y", "us-3"],
      ["full", "add", "z", "us-3"],
    ]);
    expect(result.losses[0]!.winner.value).toBe(FIELD_ENTRIES_MAX);
  });

  it("is unchanged by an addition that is refused as a whole, and has room again after a removal", () => {
    const full: Write = [add(...names(FIELD_ENTRIES_MAX)), by("eu", { at: 2 })];
    const refused = after(full, [add("x"), by("us", { at: 3 })]);
    expect(refused).toMatchObject({ effective: false, losses: [{ reason: "full" }] });
    const again = after(full, [remove("e7"), by("eu", { at: 3 })], [add("x"), by("us", { at: 4 })]);
    expect(again).toMatchObject({ effective: true, losses: [] });
    expect(showField(again.state)).toContain("x");
  });

  it("tells elements apart by type, and takes names of the prototype", () => {
    const { state } = after([add(1, "1", true, "true", "__proto__", "constructor"), by("eu", { at: 2 })]);
    expect(showField(state)).toEqual(["1", "__proto__", "constructor", "true", 1, true]);
  });

  it("keeps an addition that the removal had not seen, and says nothing of an element it has not", () => {
    const added: Write = [add("red"), by("eu", { at: 2 })];
    expect(showField(after(added, [remove("red"), by("us", { at: 3, seen: 1 })]).state)).toEqual(["red"]);
    expect(showField(after(added, [remove("red"), by("us", { at: 3, seen: 2 })]).state)).toEqual([]);
    expect(after(added, [remove("blue"), by("us", { at: 3 })])).toMatchObject({
      effective: true,
      losses: [],
    });
  });
});

describe("map", () => {
  const put = (entries: { [name: string]: JsonValue }): Change => change("map", "put", entries);
  const drop = (...names: readonly string[]): Change => change("map", "drop", names);
  const many = (count: number): { [name: string]: JsonValue } =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`e${index}`, index]));

  it("holds so many entries, refuses new ones beyond and still takes the ones it has", () => {
    const full: Write = [put(many(FIELD_ENTRIES_MAX)), by("eu", { at: 2 })];
    const result = after(full, [put({ e0: "new", more: 1 }), by("us", { at: 3, ms: 9, seen: 2 })]);
    expect(result.effective).toBe(true);
    expect(showField(result.state)).toMatchObject({ e0: "new" });
    expect(Object.keys(showField(result.state) as object)).toHaveLength(FIELD_ENTRIES_MAX);
    expect(result.losses).toEqual([
      {
        reason: "full",
        entry: "more",
        loser: {
          origin: "us",
          hlc: hlcFromMilliseconds(9),
          operation: "us-3",
          operator: "put",
          value: 1,
        },
        winner: { origin: "us", hlc: hlcFromMilliseconds(9), value: FIELD_ENTRIES_MAX },
      },
    ]);
    expect(after(full, [drop("unknown"), by("us", { at: 3 })])).toMatchObject({ effective: false });
  });

  it("reports a loss by entry", () => {
    const result = after(
      [put({ email: true, sms: true }), by("eu", { at: 2, ms: 20 })],
      [put({ email: false, post: 1 }), by("us", { at: 3, ms: 10 })],
    );
    expect(showField(result.state)).toEqual({ email: true, sms: true, post: 1 });
    expect(result.effective).toBe(true);
    expect(result.losses).toMatchObject([
      {
        reason: "concurrent",
        entry: "email",
        loser: { value: false, operator: "put", operation: "us-3" },
        winner: { value: true },
      },
    ]);
    const dropped = after(
      [put({ email: true }), by("eu", { at: 2, ms: 20 })],
      [drop("email"), by("us", { at: 3, ms: 10 })],
    );
    expect(dropped.losses).toMatchObject([
      { entry: "email", loser: { value: null, operator: "drop", operation: "us-3" } },
    ]);
  });

  it("takes entries named like properties of every object", () => {
    const entries = JSON.parse('{"__proto__": 1, "constructor": 2}') as { [name: string]: JsonValue };
    // What an object inherits is no entry that could have lost.
    expect(after([put(entries), by("eu", { at: 2 })])).toMatchObject({ effective: true, losses: [] });
    const { state } = after([put(entries), by("eu", { at: 2 })], [drop("toString"), by("eu", { at: 3 })]);
    expect(JSON.stringify(showField(state))).toBe('{"__proto__":1,"constructor":2}');
    const dropped = after(
      [put(entries), by("eu", { at: 2 })],
      [drop("__proto__", "constructor"), by("eu", { at: 3 })],
    );
    expect(showField(dropped.state)).toEqual({});
  });

  it("forgets markers of dropped entries, and has room again then", () => {
    const { state } = after(
      [put({ a: 1, b: 2 }), by("eu", { at: 2, ms: 2 })],
      [drop("a"), by("eu", { at: 3, ms: 3 })],
    );
    expect(forgetMarkers(state, hlcFromMilliseconds(3))).toBe(state);
    const left = forgetMarkers(state, hlcFromMilliseconds(4)) as { entries: object };
    expect(Object.keys(left.entries)).toEqual(["b"]);
  });
});

describe("register, max and min", () => {
  it("keep concurrent values until one has seen them all", () => {
    const write = (value: string): Change => change("register", "set", value);
    const both: Write[] = [
      [write("eu"), by("eu", { at: 2, ms: 9 })],
      [write("us"), by("us", { at: 3, ms: 4 })],
    ];
    expect(showField(after(...both).state)).toEqual(["us", "eu"]);
    expect(showField(after(...both, [write("ap"), by("ap", { at: 5, seen: 2 })]).state)).toEqual([
      "us",
      "ap",
    ]);
    expect(showField(after(...both, [write("ap"), by("ap", { at: 4, seen: 3 })]).state)).toEqual(["ap"]);
  });

  it("only rise and only fall, as numbers and as texts", () => {
    const raise = (value: JsonValue): Change => change("max", "raise", value);
    const lower = (value: JsonValue): Change => change("min", "lower", value);
    const at = (position: number) => by("eu", { at: position });
    expect(showField(after([raise(10), at(2)], [raise(9), at(3)]).state)).toBe(10);
    expect(showField(after([raise(9), at(2)], [raise(10), at(3)]).state)).toBe(10);
    expect(showField(after([raise("10"), at(2)], [raise("9"), at(3)]).state)).toBe("9");
    expect(showField(after([lower(10), at(2)], [lower(9), at(3)]).state)).toBe(9);
    expect(showField(after([lower("10"), at(2)], [lower("9"), at(3)]).state)).toBe("10");
  });
});

describe("a field of another kind than the change", () => {
  it("is left as it is, and the loss says which kind it has", () => {
    const first: Write = [set("Ada"), by("eu", { at: 2 })];
    const result = after(first, [change("counter", "inc", 3), by("us", { at: 3, ms: 9 })]);
    expect(result).toEqual({
      state: after(first).state,
      effective: false,
      losses: [
        {
          reason: "kind",
          loser: {
            origin: "us",
            hlc: hlcFromMilliseconds(9),
            operation: "us-3",
            operator: "inc",
            value: 3,
          },
          winner: { origin: "us", hlc: hlcFromMilliseconds(9), value: "lww" },
        },
      ],
    });
  });

  it("never stops the fold, whatever is done to it", () => {
    checkProperty(
      fc.property(fc.array(anyChange, { minLength: 1 }), (changes) => {
        const writes = changes.map((one, index): Write => [
          { ...one, field: "it" },
          by(index % 2 === 0 ? "eu" : "us", { at: index + 1 }),
        ]);
        const { state } = after(...writes);
        expect(state.kind).toBe(changes[0]!.kind);
        expect(JSON.parse(canonicalJson(state))).toEqual(state);
      }),
    );
  });

  it("and an operator that the kind does not have are a bug, and stop it", () => {
    expect(() => applyChange(undefined, change("counter", "set", 1), by("eu", { at: 2 }))).toThrow(
      AssertionError,
    );
  });
});

describe("an operation", () => {
  const operation = (changes: readonly Change[]) => ({
    id: "id",
    tenant: "t",
    collection: "c",
    key: "k",
    hlc: hlcFromMilliseconds(5),
    seen: 0,
    requestHash: "",
    changes,
  });

  it("that lost in all its fields is superseded; in some of them, it still counts", () => {
    const first = applyOperation({
      fields: undefined,
      operation: { ...operation([set("new")]), hlc: hlcFromMilliseconds(9) },
      origin: "us",
      position: 2,
    });
    const late = { fields: first.fields, origin: "eu", position: 3 };
    const lost = applyOperation({ ...late, operation: operation([set("old")]) });
    expect(lost).toMatchObject({ effective: false, fields: first.fields, losses: [{ field: "it" }] });
    const partly = applyOperation({
      ...late,
      operation: operation([set("old"), { ...set(1), field: "other" }]),
    });
    expect(partly).toMatchObject({ effective: true, losses: [{ field: "it" }] });
    expect(showFields(partly.fields)).toEqual({ it: "new", other: 1 });
  });

  it("changes fields named like properties of every object", () => {
    const { fields } = applyOperation({
      fields: undefined,
      operation: operation([
        { ...set(1), field: "constructor" },
        { ...change("counter", "inc", 2), field: "toString" },
      ]),
      origin: "eu",
      position: 2,
    });
    expect(JSON.stringify(showFields(fields))).toBe('{"constructor":1,"toString":2}');
  });

  it("does not change the fields that it was given", () => {
    const before = { it: after([set("old"), by("eu", { at: 2 })]).state };
    const copy = structuredClone(before);
    applyOperation({ fields: before, operation: operation([UNSET]), origin: "us", position: 3 });
    expect(before).toEqual(copy);
  });
});
