import { describe, expect, it } from "vitest";
import { ReplicaDoubt } from "../../../services/applier/replica-doubt.ts";

describe("a replica that holds an entry back", () => {
  it("is read again once, and then another region's is, for a while", () => {
    const doubt = new ReplicaDoubt();
    expect(doubt.failed(7, 0)).toBe(true);
    expect(doubt.isElsewhere(0)).toBe(false);
    expect(doubt.failed(7, 1_000)).toBe(true);
    expect(doubt.isElsewhere(1_000)).toBe(true);
    expect(doubt.isElsewhere(600_999)).toBe(true);
    expect(doubt.isElsewhere(601_000)).toBe(false);
  });

  it("is given up at its first failure once it is tried again, and at its second after it has held for as long", () => {
    const doubt = new ReplicaDoubt();
    doubt.failed(7, 0);
    doubt.failed(7, 0);
    expect(doubt.isElsewhere(600_000)).toBe(false);
    doubt.failed(90, 600_000);
    expect(doubt.isElsewhere(600_000)).toBe(true);
    expect(doubt.isElsewhere(1_200_000)).toBe(false);
    doubt.failed(95, 1_800_000);
    expect(doubt.isElsewhere(1_800_000)).toBe(false);
    doubt.failed(95, 1_800_000);
    expect(doubt.isElsewhere(1_800_000)).toBe(true);
  });

  it("is not doubted for different entries", () => {
    const doubt = new ReplicaDoubt();
    for (let position = 1; position < 20; position += 1) expect(doubt.failed(position, 0)).toBe(true);
    expect(doubt.isElsewhere(0)).toBe(false);
  });

  it("is as good as the others, where none of them has the entry", () => {
    const doubt = new ReplicaDoubt();
    const outcomes = Array.from({ length: 8 }, () => doubt.failed(7, 0));
    expect(outcomes).toEqual([true, true, true, true, true, true, true, false]);
    expect(doubt.failed(8, 0)).toBe(true);
  });
});
