/** Stamps: the core's rules, kept by the store. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advanceHlc,
  hlcFromMilliseconds,
  MAX_OFFSET_MS,
  nextHlc,
  ZERO_HLC,
  type Hlc,
} from "../../../services/core/hlc.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { append, appendTo, readAll, NOW_MS, UNBOUNDED } from "./operations.ts";
import { openLog } from "./test-log.ts";

export function stamps(context: Context): void {
  describe("stamps", () => {
    it("are the core's, for any clock, any observed stamps, with ticks in between", async () => {
      const step = fc.record({
        kind: fc.constantFrom("append", "tick", "observe"),
        count: fc.integer({ min: 1, max: 3 }),
        offsetMs: fc.integer({ min: -2_000, max: 2_000 }),
      });
      let partition = 10;
      const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        partition += 1;
        await checkStamps(context.store, partition, steps);
      });
      await fc.assert(property, { numRuns: 15 });
    });

    it("absorb a stamp that is ahead by just the allowed offset, and none that is further ahead", async () => {
      const log = await openLog(context.store);
      const allowed = hlcFromMilliseconds(NOW_MS + MAX_OFFSET_MS);
      await log.fold(log.batch("us", [append("a")], allowed));
      expect(await context.store.stampTick({ partition: 0, nowMs: NOW_MS })).toEqual({
        hlc: advanceHlc(allowed, 1),
        walHead: 0,
      });
      await log.fold(log.batch("ap", [append("b")], hlcFromMilliseconds(NOW_MS + 60_000)));
      expect((await context.store.stampTick({ partition: 0, nowMs: NOW_MS })).hlc).toBe(
        advanceHlc(allowed, 2),
      );
    });

    it("of ticks are earlier than those of every row appended later, with several writers", async () => {
      const other = await context.reopen();
      const ticks: { hlc: Hlc; walHead: number }[] = [];
      const ticking = (async () => {
        for (let round = 0; round < 20; round += 1)
          ticks.push(await other.stampTick({ partition: 0, nowMs: NOW_MS }));
      })();
      for (let round = 0; round < 20; round += 1) await appendTo(context.store, [append("a"), append("b")]);
      await ticking;
      const rows = await readAll(context.store);
      for (const { hlc, walHead } of ticks) {
        expect(rows.filter((row) => row.sequence <= walHead && row.hlc >= hlc)).toEqual([]);
        expect(rows.filter((row) => row.sequence > walHead && row.hlc <= hlc)).toEqual([]);
      }
    });
  });
}

/** Runs appends, ticks and observed stamps, and compares every stamp with what the core's function gives. */
async function checkStamps(
  store: RegionStore,
  partition: number,
  steps: readonly { kind: string; count: number; offsetMs: number }[],
): Promise<void> {
  const log = await openLog(store, partition);
  let lastIssued = ZERO_HLC;
  for (const { kind, count, offsetMs } of steps) {
    const nowMs = NOW_MS + offsetMs;
    const observed = Object.values(log.state.origins).map((origin) => origin.hlc);
    const expected = nextHlc({ nowMs, lastIssued, observed });
    if (kind === "observe") {
      await log.fold(log.batch(count === 1 ? "us" : "ap", [append("a")], hlcFromMilliseconds(nowMs)));
    } else if (kind === "tick") {
      expect((await store.stampTick({ partition, nowMs })).hlc).toBe(expected);
      lastIssued = expected;
    } else {
      const operations = Array.from({ length: count }, () => append("a"));
      const outcomes = await store.append({ partition, operations, nowMs, ...UNBOUNDED });
      const stamps = outcomes.map((outcome) => (outcome as { hlc: Hlc }).hlc);
      expect(stamps).toEqual(stamps.map((_, index) => advanceHlc(expected, index)));
      lastIssued = stamps.at(-1)!;
    }
  }
}
