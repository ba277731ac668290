/** The drain of a region: an order that all of its processes read, and that outlives them. */
import { describe, expect, it } from "vitest";
import type { Context } from "./context.ts";

const ORDER = { isForced: false };

export function drainOrders(context: Context): void {
  describe("a drain", () => {
    it("is not ordered at first", async () => {
      expect(await context.store.readDrain()).toBeUndefined();
      await context.store.endDrain();
      expect(await context.store.readDrain()).toBeUndefined();
    });

    it("is read by every process, and gets older", async () => {
      const started = await context.store.startDrain(ORDER);
      expect(started.forMs).toBeGreaterThanOrEqual(0);
      await context.pause(30);
      const read = await (await context.reopen()).readDrain();
      expect(read!.sinceMs).toBe(started.sinceMs);
      expect(read!.forMs).toBeGreaterThanOrEqual(20);
    });

    it("goes on from when it began when it is ordered again", async () => {
      const { sinceMs } = await context.store.startDrain(ORDER);
      await context.pause(10);
      expect((await context.store.startDrain(ORDER)).sinceMs).toBe(sinceMs);
      const together = [context.store.startDrain(ORDER), context.store.startDrain(ORDER)];
      for (const drain of await Promise.all(together)) expect(drain.sinceMs).toBe(sinceMs);
    });

    it("tells who began it, who can end nobody else's", async () => {
      const { store } = context;
      const first = await store.startDrain(ORDER);
      expect(first.isNew).toBe(true);
      expect((await store.startDrain(ORDER)).isNew).toBe(false);
      const forced = await store.startDrain({ isForced: true });
      expect(forced.isNew).toBe(false);
      expect(forced.sinceMs).toBeLessThan(first.sinceMs);
      expect(await store.endDrain(first)).toBe(false);
      expect((await store.readDrain())!.sinceMs).toBe(forced.sinceMs);
      expect(await store.endDrain(forced)).toBe(true);
      expect(await store.readDrain()).toBeUndefined();
      expect(await store.endDrain()).toBe(false);
      expect((await store.startDrain({ isForced: true })).isNew).toBe(true);
    });

    it("ends for all, and begins anew", async () => {
      const { sinceMs } = await context.store.startDrain(ORDER);
      const other = await context.reopen();
      await other.endDrain();
      expect(await context.store.readDrain()).toBeUndefined();
      await context.pause(10);
      expect((await context.store.startDrain(ORDER)).sinceMs).toBeGreaterThan(sinceMs);
    });
  });
}
