import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addToDigest,
  combineDigests,
  digestText,
  EMPTY_DIGEST,
  rowHash,
  type Digest,
} from "../../../services/core/digest.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { checkProperty } from "../property.ts";

const RECORD: StoredRecord = {
  tenant: "acme",
  collection: "users",
  key: "ada",
  version: 7,
  fields: {
    name: { kind: "lww", value: "Ada", hlc: hlcFromMilliseconds(1), origin: "eu", position: 7 },
    likes: { kind: "counter", sum: 3 },
  },
};

const record: fc.Arbitrary<StoredRecord> = fc.record({
  tenant: fc.constantFrom("acme", "other"),
  collection: fc.constantFrom("users", "orders"),
  key: fc.string({ maxLength: 4 }),
  version: fc.nat({ max: 9 }),
  fields: fc.dictionary(
    fc.constantFrom("a", "b"),
    fc.record({ kind: fc.constant("counter" as const), sum: fc.nat({ max: 9 }) }),
  ),
});
const digestOf = (records: readonly StoredRecord[]): Digest => records.reduce(addToDigest, EMPTY_DIGEST);

describe("digest", () => {
  it("does not depend on the order of rows", () => {
    checkProperty(
      fc.property(fc.array(record), fc.infiniteStream(fc.nat()), (records, order) => {
        const shuffled = records
          .map((one) => ({ one, rank: order.next().value }))
          .toSorted((one, other) => one.rank - other.rank)
          .map(({ one }) => one);
        expect(digestText(digestOf(shuffled))).toBe(digestText(digestOf(records)));
      }),
    );
  });

  it("of parts combine to the digest of the whole, in any grouping", () => {
    checkProperty(
      fc.property(fc.array(record), fc.array(record), fc.array(record), (one, other, third) => {
        const whole = digestText(digestOf([...one, ...other, ...third]));
        const [a, b, c] = [digestOf(one), digestOf(other), digestOf(third)];
        expect(digestText(combineDigests(combineDigests(a, b), c))).toBe(whole);
        expect(digestText(combineDigests(c, combineDigests(b, a)))).toBe(whole);
        expect(digestText(combineDigests(a, EMPTY_DIGEST))).toBe(digestText(a));
      }),
    );
  });

  it("tells a row that is there twice from one that is there once, or not at all", () => {
    const texts = [0, 1, 2, 3].map((count) =>
      digestText(digestOf(Array.from({ length: count }, () => RECORD))),
    );
    expect(new Set(texts).size).toBe(4);
  });

  it("stays below its modulus, with a text of fixed length", () => {
    const many = digestOf(Array.from({ length: 500 }, (_, version) => ({ ...RECORD, version })));
    expect(many.sum).toBeLessThan(1n << 256n);
    expect(digestText(many)).toMatch(/^500:[0-9a-f]{64}$/);
    expect(digestText(EMPTY_DIGEST)).toBe(`0:${"0".repeat(64)}`);
  });
});

describe("rowHash", () => {
  it("changes with every part of a row", () => {
    const lww = {
      kind: "lww",
      value: "Ada",
      hlc: hlcFromMilliseconds(1),
      origin: "eu",
      position: 7,
    } as const;
    const { likes } = RECORD.fields as { likes: { kind: "counter"; sum: number } };
    const others: readonly StoredRecord[] = [
      { ...RECORD, tenant: "acmee" },
      { ...RECORD, collection: "user" },
      { ...RECORD, key: "Ada" },
      { ...RECORD, version: 8 },
      { ...RECORD, fields: {} },
      { ...RECORD, fields: { likes } },
      { ...RECORD, fields: { name: lww, likes: { ...likes, sum: 4 } } },
      { ...RECORD, fields: { name: { ...lww, value: "ada" }, likes } },
      { ...RECORD, fields: { name: { ...lww, hlc: hlcFromMilliseconds(2) }, likes } },
      { ...RECORD, fields: { name: { ...lww, origin: "us" }, likes } },
      { ...RECORD, fields: { name: { ...lww, position: 6 }, likes } },
      { ...RECORD, fields: { naem: lww, likes } },
      // What moves from one part to the next must not cancel out.
      { ...RECORD, tenant: "acmeusers", collection: "" },
      { ...RECORD, collection: "usersada", key: "" },
    ];
    const hashes = [RECORD, ...others].map(rowHash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it("does not depend on the order of members, nor on what is no part of the row", () => {
    const { likes, name } = RECORD.fields;
    const turned = { fields: { likes, name }, version: 7, key: "ada", collection: "users", tenant: "acme" };
    expect(rowHash(turned as StoredRecord)).toBe(rowHash(RECORD));
    expect(rowHash({ ...RECORD, bucket: 3 } as StoredRecord)).toBe(rowHash(RECORD));
  });
});
