/** The drain of a region: an order that all of its processes read, and that outlives them. */
import { describe, expect, it } from "vitest";
import type { Context } from "./context.ts";

export function drainOrders(context: Context): void {
  describe("a drain", () => {
    it("is not ordered at first", async () => {
      expect(await context.store.readDrain()).toBeUndefined();
      await context.store.endDrain();
      expect(await context.store.readDrain()).toBeUndefined();
    });

    it("is read by every process, and gets older", async () => {
      const started = await context.store.startDrain();
      expect(started.forMs).toBeGreaterThanOrEqual(0);
      await context.pause(30);
      const read = await (await context.reopen()).readDrain();
      expect(read!.sinceMs).toBe(started.sinceMs);
      expect(read!.forMs).toBeGreaterThanOrEqual(20);
    });

    it("goes on from when it began when it is ordered again", async () => {
      const { sinceMs } = await context.store.startDrain();
      await context.pause(10);
      expect((await context.store.startDrain()).sinceMs).toBe(sinceMs);
      const together = [context.store.startDrain(), context.store.startDrain()];
      for (const drain of await Promise.all(together)) expect(drain.sinceMs).toBe(sinceMs);
    });

    it("ends for all, and begins anew", async () => {
      const { sinceMs } = await context.store.startDrain();
      const other = await context.reopen();
      await other.endDrain();
      expect(await context.store.readDrain()).toBeUndefined();
      await context.pause(10);
      expect((await context.store.startDrain()).sinceMs).toBeGreaterThan(sinceMs);
    });
  });
}
