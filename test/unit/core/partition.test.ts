import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashTag, partitionOf } from "../../../services/core/partition.ts";
import { checkProperty } from "../property.ts";

describe("hashTag", () => {
  it("is what stands between the first brace and the next closing one, if anything does", () => {
    const tags = {
      "user:1": "user:1",
      "{a}": "a",
      "{a}:1": "a",
      "x{a}y{b}": "a",
      "{{a}}": "{a",
      "}{a}": "a",
      "{}a": "{}a",
      "{}{a}": "{}{a}",
      "{a": "{a",
      "a}": "a}",
      "{ }": " ",
      "{é😀}x": "é😀",
    };
    for (const [key, tag] of Object.entries(tags)) expect(`${key} → ${hashTag(key)}`).toBe(`${key} → ${tag}`);
  });
});

describe("partitionOf", () => {
  it("never changes: records would be looked for where they are not", () => {
    const keys = ["a", "b", "{tag}:1", "users/1", "ключ", "😀", ""];
    const placed = keys.map((key) =>
      [1, 4, 64].map((count) => partitionOf({ tenant: "default", key }, count)),
    );
    expect(placed).toMatchInlineSnapshot(`
      [
        [
          0,
          0,
          40,
        ],
        [
          0,
          1,
          53,
        ],
        [
          0,
          1,
          29,
        ],
        [
          0,
          0,
          56,
        ],
        [
          0,
          2,
          42,
        ],
        [
          0,
          1,
          33,
        ],
        [
          0,
          0,
          0,
        ],
      ]
    `);
    expect(partitionOf({ tenant: "other", key: "a" }, 64)).not.toBe(
      partitionOf({ tenant: "default", key: "a" }, 64),
    );
  });

  it("is always one of the partitions, and the same for keys with one tag", () => {
    const text = fc.string({ unit: "binary" });
    checkProperty(
      fc.property(fc.tuple(text, text, text), fc.integer({ min: 1, max: 64 }), (texts, partitions) => {
        const [tenant, one, other] = texts;
        const partition = partitionOf({ tenant, key: one }, partitions);
        expect(partition).toBeGreaterThanOrEqual(0);
        expect(partition).toBeLessThan(partitions);
        expect(Number.isInteger(partition)).toBe(true);
        const tagged = (rest: string) => partitionOf({ tenant, key: `{tag}${rest}` }, partitions);
        expect(tagged(one)).toBe(tagged(other));
      }),
    );
  });

  it("spreads keys that look alike evenly", () => {
    const PARTITIONS = 16;
    const KEYS = 16_000;
    const counts = Array.from({ length: PARTITIONS }, () => 0);
    for (let number = 0; number < KEYS; number += 1) {
      counts[partitionOf({ tenant: "default", key: `user:${number}` }, PARTITIONS)]! += 1;
    }
    for (const count of counts) {
      expect(count).toBeGreaterThan((KEYS / PARTITIONS) * 0.85);
      expect(count).toBeLessThan((KEYS / PARTITIONS) * 1.15);
    }
  });
});
