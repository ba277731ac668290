/** Escrows of a record: what operators begin with, what a write takes, and what a region may still take. */
import { describe, expect, it } from "vitest";
import { escrowLeft, isTaking, prepareEscrows, takesOf } from "../../../services/core/escrow.ts";
import type { Change, Operator } from "../../../services/core/fields/kind.ts";
import type { EscrowState, Rights } from "../../../services/core/fields/merge/escrow.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import type { Fields } from "../../../services/core/record.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    seats: { class: "merge", kind: "escrow", min: -3 },
    meals: { class: "merge", kind: "escrow" },
    likes: { class: "merge", kind: "counter" },
  },
};
const MEMBERS = ["ap", "eu"];

const held = (rights: Rights, min = 0): EscrowState => ({ kind: "escrow", min, rights });
const on = (field: string, operator: Operator, argument: JsonValue): Change => ({
  field,
  kind: "escrow",
  operator,
  argument,
});
const LIKE: Change = { field: "likes", kind: "counter", operator: "inc", argument: 5 };

function prepare(fields: Fields | undefined, changes: readonly Change[], schema?: CollectionSchema) {
  return prepareEscrows({ fields, changes, schema, members: MEMBERS });
}

describe("prepareEscrows", () => {
  it("makes those that are touched, at their bounds, with a place for each member", () => {
    expect(prepare(undefined, [on("seats", "give", 1), on("meals", "take", 1), LIKE], SCHEMA)).toEqual({
      seats: held({ ap: 0, eu: 0 }, -3),
      meals: held({ ap: 0, eu: 0 }),
    });
  });

  it("adds places for new members to those that are there, and keeps their bound", () => {
    const fields: Fields = { seats: held({ eu: 4 }, -3), meals: held({ eu: 1 }) };
    expect(prepare(fields, [on("seats", "take", 1)], SCHEMA)).toEqual({
      seats: held({ ap: 0, eu: 4 }, -3),
      meals: held({ eu: 1 }),
    });
  });

  it("leaves everything as it is where nothing is missing, and nothing of an escrow is touched", () => {
    const fields: Fields = { seats: held({ ap: 0, eu: 4 }, -3) };
    expect(prepare(fields, [on("seats", "take", 1), LIKE], SCHEMA)).toBe(fields);
    expect(prepare(fields, [LIKE], SCHEMA)).toBe(fields);
    expect(prepare(undefined, [LIKE], SCHEMA)).toBeUndefined();
  });

  it("leaves alone what the schema does not have, or has as another kind, or what holds another kind", () => {
    expect(prepare(undefined, [on("toString", "give", 1), on("other", "give", 1)], SCHEMA)).toBeUndefined();
    expect(prepare(undefined, [on("likes", "give", 1)], SCHEMA)).toBeUndefined();
    expect(prepare(undefined, [on("seats", "give", 1)])).toBeUndefined();
    const fields: Fields = { seats: { kind: "value", value: 1 } };
    expect(prepare(fields, [on("seats", "give", 1)], SCHEMA)).toBe(fields);
  });
});

describe("takesOf", () => {
  it("adds up what several changes take of one field, and keeps fields apart", () => {
    const more = on("seats", "take", 4);
    const changes = [on("seats", "take", 2), LIKE, on("meals", "take", 3), more, on("meals", "give", 9)];
    expect(takesOf(changes)).toEqual({ seats: 6, meals: 3 });
  });

  it("is nothing of a write that only gives", () => {
    expect(takesOf([on("seats", "give", 2), LIKE])).toBeUndefined();
    expect(takesOf([])).toBeUndefined();
  });

  it("takes a field that is named like a property of every object for itself", () => {
    expect(takesOf([on("constructor", "take", 2)])).toEqual({ constructor: 2 });
  });
});

describe("isTaking", () => {
  it("is true of takes and moves of escrows", () => {
    expect(
      [on("seats", "take", 1), on("seats", "move", 1), on("seats", "give", 1), LIKE].map(isTaking),
    ).toEqual([true, true, false, false]);
  });
});

describe("escrowLeft", () => {
  const fields: Fields = { seats: held({ ap: 4, eu: 5 }, -3), likes: { kind: "value", value: 7 } };
  const left = (field: string, taken: number, region = "eu") =>
    escrowLeft({ fields, field, region, pending: { taken, handedOver: 0 } });

  it("is the region's rights, and those of all, without what is pending, whatever the bound", () => {
    expect(left("seats", 0)).toEqual({ field: "seats", here: 5, total: 9 });
    expect(left("seats", 2)).toEqual({ field: "seats", here: 3, total: 7 });
  });

  it("is as much in total where rights are on their way to another region", () => {
    const pending = { taken: 1, handedOver: 3 };
    expect(escrowLeft({ fields, field: "seats", region: "eu", pending })).toEqual({
      field: "seats",
      here: 1,
      total: 8,
    });
  });

  it("is below zero where rights were reclaimed that are taken already", () => {
    expect(left("seats", 7)).toEqual({ field: "seats", here: -2, total: 2 });
  });

  it("is nothing where there is no such record, escrow, or region", () => {
    expect(left("likes", 0)).toEqual({ field: "likes", here: 0, total: 0 });
    expect(left("toString", 0)).toEqual({ field: "toString", here: 0, total: 0 });
    expect(left("seats", 0, "constructor")).toEqual({ field: "seats", here: 0, total: 9 });
    const none = escrowLeft({
      fields: undefined,
      field: "seats",
      region: "eu",
      pending: { taken: 1, handedOver: 0 },
    });
    expect(none).toEqual({ field: "seats", here: -1, total: -1 });
  });
});
