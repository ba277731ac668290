/** What a region shows of an escrow while its own gives and takes are pending. */
import { describe, expect, it } from "vitest";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Operation } from "../../../services/core/operation.ts";
import { showFields, type Fields } from "../../../services/core/record.ts";
import { defaultsOf, type CollectionSchema } from "../../../services/core/schema.ts";
import { viewFields } from "../../../services/core/view.ts";

const SCHEMA: CollectionSchema = { fields: { seats: { class: "merge", kind: "escrow", min: -3 } } };

/** "give" and "take", in the order of the WAL. */
function shown(committed: Fields | undefined, ...pending: readonly ["give" | "take", number][]) {
  const operations = pending.map(([operator, argument], index): Operation => ({
    id: uuidOf(String(index)),
    tenant: "acme",
    collection: "people",
    key: "one",
    hlc: hlcFromMilliseconds(index + 1),
    seen: 0,
    requestHash: "",
    changes: [{ field: "seats", kind: "escrow", operator, argument }],
  }));
  const view = viewFields({ committed, pending: operations, origin: "eu", schema: SCHEMA });
  return showFields(view ?? {}, defaultsOf(SCHEMA))["seats"];
}

describe("the view of an escrow", () => {
  const committed: Fields = { seats: { kind: "escrow", min: -3, rights: { ap: 4, eu: 5, us: 0 } } };

  it("is its bound where nothing was ever given", () => {
    expect(shown(undefined)).toBe(-3);
    expect(shown({})).toBe(-3);
  });

  it("has pending gives and takes in it", () => {
    expect(shown(committed)).toBe(6);
    expect(shown(committed, ["take", 2])).toBe(4);
    expect(shown(committed, ["take", 2], ["give", 7], ["take", 3])).toBe(8);
  });

  it("begins at the bound when the first gift is pending", () => {
    expect(shown(undefined, ["give", 4])).toBe(1);
    expect(shown({ seats: { kind: "escrow", min: -3, rights: { ap: 0, eu: 0, us: 0 } } }, ["give", 4])).toBe(
      1,
    );
  });

  it("leaves out takes whose rights were reclaimed, as the log will", () => {
    const reclaimed: Fields = { seats: { kind: "escrow", min: -3, rights: { ap: 0, eu: 0, us: 9 } } };
    expect(shown(reclaimed, ["take", 2])).toBe(6);
  });
});
