/** What lost can be written again: the body that comes back asks for the change that was lost, no more and no less. */
import { describe, expect, it } from "vitest";
import { planWrite } from "../../../services/core/accept/write.ts";
import { writeBackBody } from "../../../services/core/accept/write-back.ts";
import { applyChange, type FieldState } from "../../../services/core/fields/index.ts";
import { FIELD_ENTRIES_MAX, type Change, type LosingSide } from "../../../services/core/fields/kind.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import { kindOfField, type CollectionSchema } from "../../../services/core/schema.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    name: { class: "lww" },
    likes: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    settings: { class: "merge", kind: "map" },
    best: { class: "merge", kind: "max" },
    worst: { class: "merge", kind: "min" },
    choice: { class: "merge", kind: "register" },
    credit: { class: "authoritative", type: "integer" },
    seats: { class: "merge", kind: "escrow" },
  },
};

const names = (count: number) => Array.from({ length: count }, (_, index) => `e${index}`);
const FULL_MAP = Object.fromEntries(names(FIELD_ENTRIES_MAX).map((name) => [name, 0]));

function change(field: string, operator: Change["operator"], argument: JsonValue): Change {
  return { field, kind: kindOfField(SCHEMA.fields[field]!), operator, argument };
}

/** The loss of the last of two changes, the first of which has the later stamp. */
function lossesOf(first: Change, last: Change) {
  const write = (origin: string, ms: number) => ({
    operation: origin,
    origin,
    hlc: hlcFromMilliseconds(ms),
    position: 9 - ms,
    seen: 0,
  });
  const state: FieldState = applyChange(undefined, first, write("us", 8)).state;
  return applyChange(state, last, write("eu", 2)).losses;
}

describe("a loss of the fold", () => {
  it.each<[Change, Change, readonly Change[]]>([
    [
      change("name", "set", 1),
      change("name", "set", { b: [null], a: "é" }),
      [change("name", "set", { b: [null], a: "é" })],
    ],
    [change("name", "set", 1), change("name", "set", null), [change("name", "set", null)]],
    [change("name", "set", 1), change("name", "unset", null), [change("name", "unset", null)]],
    [
      change("settings", "put", { sms: 1, post: 1, email: 1 }),
      change("settings", "put", { sms: 2, post: null, more: 3 }),
      [change("settings", "put", { sms: 2 }), change("settings", "put", { post: null })],
    ],
    [
      change("settings", "put", { sms: 1, post: 1 }),
      change("settings", "drop", ["sms", "post"]),
      [change("settings", "drop", ["sms"]), change("settings", "drop", ["post"])],
    ],
    [
      change("settings", "put", FULL_MAP),
      change("settings", "put", { more: [1] }),
      [change("settings", "put", { more: [1] })],
    ],
    [
      change("settings", "put", FULL_MAP),
      change("settings", "drop", ["more"]),
      [change("settings", "drop", ["more"])],
    ],
    [
      change("tags", "add", names(FIELD_ENTRIES_MAX)),
      change("tags", "add", ["e0", "x", 7]),
      [change("tags", "add", ["x"]), change("tags", "add", [7])],
    ],
    [change("seats", "give", 2), change("seats", "take", 3), [change("seats", "take", 3)]],
    [
      change("seats", "give", Number.MAX_SAFE_INTEGER),
      change("seats", "give", 1),
      [change("seats", "give", 1)],
    ],
    [change("likes", "inc", Number.MAX_SAFE_INTEGER), change("likes", "inc", 2), [change("likes", "inc", 2)]],
  ])("%j, which %j has come to, is written again as %j", (first, last, again) => {
    const written = lossesOf(first, last).map((loss) =>
      planWrite(SCHEMA, writeBackBody({ ...loss, field: last.field })),
    );
    expect(written.map(({ changes }) => changes)).toEqual(again.map((one) => [one]));
  });

  it.each([
    change("name", "set", "Ada"),
    change("name", "unset", null),
    change("likes", "inc", -3),
    change("tags", "add", ["x", 1, true]),
    change("tags", "remove", ["x"]),
    change("settings", "put", { sms: 1, "": null }),
    change("settings", "drop", ["sms", "post"]),
    change("choice", "set", ["a"]),
    change("best", "raise", 7),
    change("worst", "lower", 7),
    change("seats", "give", 7),
    change("seats", "take", 7),
    change("credit", "inc", 7),
    change("credit", "unset", null),
  ])("of a whole change, as to a tombstone, is written again as it was: %j", (lost) => {
    const { field, operator, argument: value } = lost;
    const loser = { origin: "eu", hlc: hlcFromMilliseconds(2), operator, value };
    expect(planWrite(SCHEMA, writeBackBody({ field, loser })).changes).toEqual([lost]);
  });

  it("says nothing of a move of rights: no client writes one", () => {
    const value = { to: "us", amount: 2 };
    const loser = { origin: "eu", hlc: hlcFromMilliseconds(2), operator: "move", value } as const;
    expect(writeBackBody({ field: "seats", loser })).toBeUndefined();
  });

  it("says nothing where it was recorded without its operator", () => {
    const loser = { origin: "eu", hlc: hlcFromMilliseconds(2), value: 1 } as unknown as LosingSide;
    expect(writeBackBody({ field: "name", loser })).toBeUndefined();
  });
});
