/** Conflicts are forgotten once they are older than their retention by log time, in small batches. */
import { describe, expect, it } from "vitest";
import { forgetOldConflicts } from "../../../services/region/conflict-janitor.ts";
import type { Maintenance, RegionStore } from "../../../services/ports/region-store.ts";
import { overriding, TENANT, write } from "../gateway/bed.ts";
import { twoOrderedRegions } from "../gateway/ordered.ts";

const GOING = new AbortController().signal;

async function bedWithConflict() {
  const { bed, eu, us } = await twoOrderedRegions({ partitions: 2 });
  const collide = async () => {
    bed.servers.cutOff.add("eu");
    for (const key of ["a", "b", "c", "d"]) {
      await bed.run(eu.gateway.write(write({ key, body: { set: { name: "eu" } } })));
      await bed.pass(5);
      await bed.run(us.gateway.write(write({ key, body: { set: { name: "us" } } })));
    }
    bed.servers.cutOff.delete("eu");
    await bed.converge();
  };
  const listed = () => eu.database.listConflicts({ tenant: TENANT, limit: 100 });
  const forget = (retentionMs: number, changes: Partial<Maintenance> = {}) =>
    bed.run(
      forgetOldConflicts(
        {
          ...eu.options,
          partitions: 2,
          retentionMs,
          store: overriding<RegionStore>(eu.options.store, changes),
        },
        GOING,
      ),
    );
  return { bed, collide, listed, forget };
}

describe("the conflict janitor", () => {
  it("forgets what is older than the retention, by log time, in every partition", async () => {
    const { bed, collide, listed, forget } = await bedWithConflict();
    await collide();
    const old = listed();
    expect(new Set(old.map(({ partition }) => partition))).toEqual(new Set([0, 1]));
    expect(await forget(10_000)).toBe(0);
    // Ticks carry log time on.
    await bed.pass(10_000);
    await collide();
    const young = listed().slice(0, -old.length);
    expect(young).toHaveLength(4);
    expect(await forget(9_000)).toBe(4);
    expect(listed()).toEqual(young);
    expect(await forget(9_000)).toBe(0);
  });

  it("goes on in batches until one is not full, and rests between them", async () => {
    const { bed, forget } = await bedWithConflict();
    const left = [2_500, 0];
    const calls: { partition: number; rowsMax: number; atMs: number }[] = [];
    const trimConflicts: Maintenance["trimConflicts"] = async ({ partition, rowsMax }) => {
      calls.push({ partition, rowsMax, atMs: bed.world.nowMs });
      const count = Math.min(left[partition]!, rowsMax);
      left[partition]! -= count;
      return count;
    };
    expect(await forget(1, { trimConflicts })).toBe(2_500);
    expect(calls.map(({ partition, rowsMax }) => [partition, rowsMax])).toEqual([
      [0, 1_000],
      [0, 1_000],
      [0, 1_000],
      [1, 1_000],
    ]);
    const [first, second, third] = calls as [(typeof calls)[0], (typeof calls)[0], (typeof calls)[0]];
    for (const pauseMs of [second.atMs - first.atMs, third.atMs - second.atMs]) {
      expect(pauseMs).toBeGreaterThanOrEqual(50);
      expect(pauseMs).toBeLessThanOrEqual(150);
    }
  });

  it("stops when it is told to", async () => {
    const { bed, forget } = await bedWithConflict();
    expect(await forget(1, { trimConflicts: async () => 0 })).toBe(0);
    const stop = new AbortController();
    const { options } = bed.first;
    let batches = 0;
    const trimConflicts = async () => {
      batches += 1;
      if (batches === 3) stop.abort();
      return 1_000;
    };
    const store = overriding<RegionStore>(options.store, { trimConflicts });
    const work = forgetOldConflicts({ ...options, partitions: 2, retentionMs: 1, store }, stop.signal);
    expect(await bed.run(work)).toBe(3_000);
    expect(batches).toBe(3);
  });
});
