/** What appliers keep in memory is bounded, whatever records are made of. */
import { describe, expect, it } from "vitest";
import { RecordCache } from "../../../services/applier/record-cache.ts";
import { recordIdText, type RecordId } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";

const ELEMENTS = 8;
const ELEMENT_CHARACTERS = 500;

/** A set of long elements: its state has them as names of members. */
function recordOf(number: number): { id: RecordId; text: string; record: StoredRecord } {
  const id = { tenant: "default", collection: "things", key: `key-${number}` };
  const names = Array.from({ length: ELEMENTS }, (_, element) =>
    `${element}`.padEnd(ELEMENT_CHARACTERS, "x"),
  );
  const elements = Object.fromEntries(names.map((name) => [name, { eu: number }]));
  const record = {
    ...id,
    version: 1,
    fields: { tags: { kind: "set", elements } },
  } as unknown as StoredRecord;
  return { id, text: recordIdText(id), record };
}

function remember(cache: RecordCache, count: number): void {
  for (let number = 0; number < count; number += 1) {
    const { id, text, record } = recordOf(number);
    const records = new Map([[text, record]]);
    cache.remember({
      touched: new Map([[text, id]]),
      rows: { records, operations: new Map<string, number>() },
      changed: new Map(),
    });
  }
}

function kept(cache: RecordCache, count: number): number {
  const touched = new Map(
    Array.from({ length: count }, (_, number) => recordOf(number)).map(({ text, id }) => [text, id]),
  );
  return cache.find(touched).records.size;
}

describe("the applier's memory of records", () => {
  it("counts the elements of sets, and forgets those that were folded longest ago", () => {
    const cache = new RecordCache(64);
    remember(cache, 500);
    const count = kept(cache, 500);
    expect(count).toBeGreaterThan(50);
    // A megabyte for each of 64 partitions, and each record takes two bytes a character.
    expect(count * ELEMENTS * ELEMENT_CHARACTERS * 2).toBeLessThanOrEqual(1024 * 1024);
    const { text, id } = recordOf(499);
    expect(cache.find(new Map([[text, id]])).missing).toEqual([]);
  });

  it("shares its bound among the partitions", () => {
    const [one, many] = [new RecordCache(1), new RecordCache(64)];
    for (const cache of [one, many]) remember(cache, 500);
    expect(kept(one, 500)).toBe(500);
    expect(kept(many, 500)).toBeLessThan(500);
  });
});
