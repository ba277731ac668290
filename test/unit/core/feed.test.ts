/** What a subscription is of, as ranges of ids; and where a cursor stands. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changePositionOf } from "../../../services/core/feed/change-position.ts";
import { standingOf } from "../../../services/core/feed/cursor.ts";
import { coveringRanges, isOfFilter, rangeOf, type FeedFilter } from "../../../services/core/feed/filter.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import {
  decodeFeedCursor,
  encodeFeedCursor,
  filterMark,
  InvalidFeedCursorError,
} from "../../../services/protocol/feed-cursor.ts";
import { checkProperty } from "../property.ts";

const SECRET = "a secret of the tests, of 32 letters";
const bytes = (text: string) => Buffer.from(text);
const anyKey = fc
  .oneof(
    fc.constantFrom("a", "ab", "b", "é", "\u{10ffff}", "\ud7ff", "\ue000"),
    fc.string({ unit: "binary" }),
  )
  .filter((key) => key.isWellFormed() && !/\p{Cc}/u.test(key));
const anyFilter: fc.Arbitrary<FeedFilter> = fc
  .record({
    collection: fc.constantFrom("users", "userss"),
    key: fc.option(anyKey, { nil: undefined }),
    prefix: anyKey,
  })
  .map(({ collection, key, prefix }) => ({
    tenant: "t",
    collection,
    key,
    prefix: key === undefined ? prefix : undefined,
  }));
const anyRecord = fc.record({
  tenant: fc.constant("t"),
  collection: fc.constantFrom("users", "userss"),
  key: anyKey,
});

describe("the range of a filter", () => {
  it("has the ids of its records, by their bytes, and no others", () => {
    const property = fc.property(anyFilter, anyRecord, (filter, record) => {
      const { first, past } = rangeOf(filter);
      const id = bytes(recordIdText(record));
      const isWithin = Buffer.compare(id, bytes(first)) >= 0 && Buffer.compare(id, bytes(past)) < 0;
      expect(isWithin).toBe(isOfFilter(filter, record));
    });
    checkProperty(property, { runs: 2_000 });
  });

  it("is covered, however few ranges there may be", () => {
    const property = fc.property(
      fc.array(anyFilter, { maxLength: 6 }),
      anyRecord,
      fc.integer({ min: 1, max: 4 }),
      (filters, record, most) => {
        const ranges = coveringRanges(filters, most);
        expect(ranges.length).toBeLessThanOrEqual(most);
        const id = bytes(recordIdText(record));
        const isCovered = ranges.some(
          ({ first, past }) => Buffer.compare(id, bytes(first)) >= 0 && Buffer.compare(id, bytes(past)) < 0,
        );
        if (filters.some((filter) => isOfFilter(filter, record))) expect(isCovered).toBe(true);
      },
    );
    checkProperty(property);
  });
});

describe("a cursor", () => {
  const mark = filterMark({ tenant: "t", collection: "users" });
  const cursor = new Map([[0, { position: 17, logEpoch: 0 }], [63, { position: 2 ** 50, logEpoch: 3 }]]); // prettier-ignore
  const text = encodeFeedCursor(cursor, mark, SECRET);

  it("comes back as it was", () => {
    expect(decodeFeedCursor(text, mark, SECRET)).toEqual(cursor);
  });

  it("is refused where it was changed, is another cluster's or another subscription's, or none", () => {
    const other = filterMark({ tenant: "t", collection: "users", prefix: "a" });
    const [version, payload, , signature] = text.split(".");
    const bad: [string, string, string][] = [
      [text, mark, "another secret of the tests, too"],
      [text, other, SECRET],
      [`${version}.${payload!.replace("0-h", "0-i")}.${mark}.${signature}`, mark, SECRET],
      ["", mark, SECRET],
      ["f1...", mark, SECRET],
      [`${text}.`, mark, SECRET],
      [`f2${text.slice(2)}`, mark, SECRET],
    ];
    for (const [given, of, secret] of bad)
      expect(() => decodeFeedCursor(given, of, secret), given).toThrow(InvalidFeedCursorError);
  });

  it("fits, is early, or has expired", () => {
    const kept = { head: 100, logEpoch: 1, floor: 50 };
    const standing = (position: number, logEpoch = 1) => standingOf({ position, logEpoch }, kept);
    expect([standing(49), standing(50), standing(100), standing(101)]).toEqual([
      "expired",
      "fits",
      "fits",
      "early",
    ]);
    expect([standing(70, 0), standing(70, 2)]).toEqual(["expired", "early"]);
  });
});

describe("which change is told", () => {
  const told = (change: Partial<Parameters<typeof changePositionOf>[0]>) =>
    changePositionOf({
      after: 10,
      upTo: 20,
      version: undefined,
      isWritten: true,
      rewrittenAt: undefined,
      ...change,
    });

  it("is the newest within the window, and none that a later window tells", () => {
    expect([
      told({ version: 10 }),
      told({ version: 11 }),
      told({ version: 20 }),
      told({ version: 21 }),
    ]).toEqual([undefined, 11, 20, undefined]);
    expect([told({}), told({ rewrittenAt: 15 }), told({ rewrittenAt: 10 })]).toEqual([
      undefined,
      15,
      undefined,
    ]);
    expect([
      told({ version: 5, rewrittenAt: 15 }),
      told({ version: 17, rewrittenAt: 15 }),
      told({ version: 25, rewrittenAt: 15 }),
    ]).toEqual([15, 17, undefined]);
    expect(told({ version: 15, isWritten: false })).toBeUndefined();
  });
});
