/** Who decides on a write to an escrow: takes are for the region alone, gives for either. */
import { describe, expect, it } from "vitest";
import { RefusedWriteError } from "../../../services/core/accept/refused-write.ts";
import { planOrderedPart, planWrite } from "../../../services/core/accept/write.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    seats: { class: "merge", kind: "escrow" },
    name: { class: "lww" },
    status: { class: "authoritative" },
  },
};

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof RefusedWriteError) return `${error.code} ${error.field}`;
    throw error;
  }
  return "it was planned";
}

describe("a write to an escrow", () => {
  it("is the region's where nothing else needs the log", () => {
    const body = { take: { seats: 1 }, set: { name: "Ada" } };
    expect(planWrite(SCHEMA, body)).toMatchObject({ isAuthoritative: false });
    expect(planWrite(SCHEMA, { give: { seats: 1 } })).toMatchObject({ isAuthoritative: false });
  });

  it("that takes is refused where the log decides", () => {
    const take = { take: { seats: 1 } };
    expect(refusal(() => planWrite(SCHEMA, { ...take, set: { status: 1 } }))).toBe("take-is-local seats");
    expect(refusal(() => planOrderedPart(SCHEMA, take))).toBe("take-is-local seats");
    expect(refusal(() => planOrderedPart(SCHEMA, { ...take, give: { seats: 2 } }))).toBe(
      "take-is-local seats",
    );
  });

  it("that gives is the log's along with others, and in transactions", () => {
    const give = { give: { seats: 1 } };
    expect(planWrite(SCHEMA, { ...give, set: { status: 1 } })).toMatchObject({ isAuthoritative: true });
    expect(planOrderedPart(SCHEMA, give).changes).toEqual([
      { field: "seats", kind: "escrow", operator: "give", argument: 1 },
    ]);
  });
});
