/** Stamps: the core's rules, kept by the store. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ZERO_HASH } from "../../../services/core/hash.ts";
import {
  advanceHlc,
  hlcFromMilliseconds,
  hlcMilliseconds,
  MAX_OFFSET_MS,
  nextHlc,
  ZERO_HLC,
  type Hlc,
} from "../../../services/core/hlc.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { erase, openUsers, proposal } from "./decisions.ts";
import { append, appendTo, during, readAll, NOW_MS, UNBOUNDED } from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

export function stamps(context: Context): void {
  describe("stamps", () => {
    it("are the core's, for any clock, any observed stamps, with ticks in between", async () => {
      const step = fc.record({
        kind: fc.constantFrom("append", "tick", "observe", "decide"),
        count: fc.integer({ min: 1, max: 3 }),
        offsetMs: fc.integer({ min: -2_000, max: 2_000 }),
      });
      let partition = 10;
      const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        partition += 1;
        await checkStamps(context.store, partition, steps);
      });
      await fc.assert(property, { numRuns: 30 });
    });

    it("absorb a stamp that is ahead by just the allowed offset, and none that is further ahead", async () => {
      const log = await openLog(context.store);
      const allowed = hlcFromMilliseconds(NOW_MS + MAX_OFFSET_MS);
      await log.fold(log.batch("us", [append("a")], allowed));
      const { position, chain } = await context.store.readPositions(0);
      expect(position).toBeGreaterThan(0);
      expect(await context.store.stampTick({ partition: 0, nowMs: NOW_MS })).toEqual({
        hlc: advanceHlc(allowed, 1),
        walHead: 0,
        position,
        chain,
      });
      // Of a partition that nothing was folded of.
      expect(await context.store.stampTick({ partition: 9, nowMs: NOW_MS })).toMatchObject({
        position: 0,
        chain: ZERO_HASH,
      });
      await log.fold(log.batch("ap", [append("b")], hlcFromMilliseconds(NOW_MS + 60_000)));
      expect((await context.store.stampTick({ partition: 0, nowMs: NOW_MS })).hlc).toBe(
        advanceHlc(allowed, 2),
      );
    });

    it("are not taken ahead by a process whose clock is far ahead of the database's", async () => {
      const nowMs = NOW_MS * 2;
      const limitMs = async () => (await context.store.walHead(0)).nowMs + MAX_OFFSET_MS;
      const [appended] = await appendTo(context.store, [append("a")], nowMs);
      const { hlc } = appended as { hlc: Hlc };
      expect(hlcMilliseconds(hlc)).toBeLessThanOrEqual(await limitMs());
      const tick = await context.store.stampTick({ partition: 0, nowMs });
      expect(hlcMilliseconds(tick.hlc)).toBeLessThanOrEqual(await limitMs());
      expect((await context.store.stampTick({ partition: 0, nowMs: NOW_MS })).hlc).toBe(
        advanceHlc(tick.hlc, 1),
      );
    });

    it("of decisions are kept, and are what later stamps come after", async () => {
      const log = await openUsers(context.store);
      const decided = advanceHlc(hlcFromMilliseconds(NOW_MS + 400), 7);
      await decideAt(log, decided);
      const other = await context.reopen();
      expect((await other.loadPartition(0)).hlc).toBe(decided);
      expect((await other.readPositions(0)).hlc).toBe(decided);
      const [accepted] = await appendTo(other, [append("a")]);
      expect(accepted).toMatchObject({ hlc: advanceHlc(decided, 1) });
      expect((await other.stampTick({ partition: 0, nowMs: NOW_MS })).hlc).toBe(advanceHlc(decided, 2));
      // A fold without decisions leaves the stamp where it is.
      await log.fold(log.tick("us"));
      expect((await context.store.loadPartition(0)).hlc).toBe(decided);
      // That of another partition is none of its business.
      expect((await other.stampTick({ partition: 1, nowMs: NOW_MS })).hlc).toBe(hlcFromMilliseconds(NOW_MS));
    });

    it("of decisions are absorbed up to the allowed offset, and not beyond", async () => {
      const log = await openUsers(context.store);
      const decided = advanceHlc(hlcFromMilliseconds(NOW_MS + 300), 65_535);
      await decideAt(log, decided);
      const allowedMs = NOW_MS + 300 - MAX_OFFSET_MS;
      const tick = async (nowMs: number) => (await context.store.stampTick({ partition: 0, nowMs })).hlc;
      expect(await tick(allowedMs - 1)).toBe(hlcFromMilliseconds(allowedMs - 1));
      const refused = await appendTo(context.store, [append("a")], allowedMs - 1);
      expect(refused[0]).toMatchObject({ hlc: advanceHlc(hlcFromMilliseconds(allowedMs - 1), 1) });
      const absorbed = await appendTo(context.store, [append("a")], allowedMs);
      expect(absorbed[0]).toMatchObject({ hlc: advanceHlc(decided, 1) });
      expect(await tick(allowedMs - 5)).toBe(advanceHlc(decided, 2));
    });

    it("of rows are later than those of all decisions that the rows have seen", async () => {
      const log = await openUsers(context.store);
      const other = await context.reopen();
      const decisions: { position: number; hlc: Hlc }[] = [];
      const deciding = (async () => {
        for (let round = 0; round < 25; round += 1) {
          const hlc = await decideAt(log, hlcFromMilliseconds(NOW_MS + 10 * round));
          decisions.push({ position: log.state.position, hlc });
        }
      })();
      await during(deciding, async () => {
        await appendTo(other, [append("a"), append("b")]);
      });
      const rows = await readAll(context.store);
      const earlier = rows.filter((row) =>
        decisions.some(({ position, hlc }) => position <= row.seen && hlc >= row.hlc),
      );
      expect(earlier).toEqual([]);
      expect(rows.at(-1)!.seen).toBeGreaterThan(2);
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

/** Folds a decision of a gateway with this clock. @returns the decision's stamp. */
async function decideAt(log: TestLog, hlc: Hlc): Promise<Hlc> {
  const { outcomes } = await log.fold(log.propose(proposal([erase("never")], { hlc })));
  return outcomes[0]!.hlc;
}

/** Runs appends, ticks, decisions and observed stamps, and compares every stamp with what the core's function gives. */
async function checkStamps(
  store: RegionStore,
  partition: number,
  steps: readonly { kind: string; count: number; offsetMs: number }[],
): Promise<void> {
  const log = await openLog(store, partition);
  let lastIssued = ZERO_HLC;
  for (const { kind, count, offsetMs } of steps) {
    const nowMs = NOW_MS + offsetMs;
    const observed = [...Object.values(log.state.origins).map((origin) => origin.hlc), log.state.hlc];
    const expected = nextHlc({ nowMs, lastIssued, observed });
    if (kind === "observe") {
      await log.fold(log.batch(count === 1 ? "us" : "ap", [append("a")], hlcFromMilliseconds(nowMs)));
    } else if (kind === "decide") {
      await decideAt(log, hlcFromMilliseconds(nowMs));
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
