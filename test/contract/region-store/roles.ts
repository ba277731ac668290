/** Roles: one holder each. */
import { describe, expect, it } from "vitest";
import type { Context } from "./context.ts";

export function roles(context: Context): void {
  describe("roles", () => {
    const take = (holder: string, options: { ttlMs?: number; partition?: number } = {}) =>
      context.store.acquireRole({
        role: "relay",
        partition: options.partition ?? 0,
        holder,
        ttlMs: options.ttlMs ?? 60_000,
      });

    it("have one holder, who renews without a new epoch", async () => {
      const grant = await take("one");
      expect(grant).toEqual({ epoch: expect.any(Number) as number });
      expect(await take("two")).toBeUndefined();
      expect(await take("one")).toEqual(grant);
      expect(await take("two")).toBeUndefined();
    });

    it("go to one of many that ask at once", async () => {
      const handles = await Promise.all([context.reopen(), context.reopen(), Promise.resolve(context.store)]);
      const asked = handles.flatMap((handle, index) =>
        Array.from({ length: 4 }, (_, rank) =>
          handle.acquireRole({
            role: "applier",
            partition: 0,
            holder: `holder-${index}-${rank}`,
            ttlMs: 60_000,
          }),
        ),
      );
      expect((await Promise.all(asked)).filter((grant) => grant !== undefined)).toHaveLength(1);
    });

    it("are free once released, with a higher epoch for the next holder", async () => {
      const first = await take("one");
      await context.store.releaseRole({ role: "relay", partition: 0, holder: "two" });
      expect(await take("two")).toBeUndefined();
      await context.store.releaseRole({ role: "relay", partition: 0, holder: "one" });
      const second = await take("two");
      expect(second!.epoch).toBeGreaterThan(first!.epoch);
      await context.store.releaseRole({ role: "relay", partition: 0, holder: "one" });
      expect(await take("one")).toBeUndefined();
    });

    it("can be taken over when they have expired, and are then lost for the holder before", async () => {
      const first = await take("one", { ttlMs: 40 });
      const second = await until(() => take("two"));
      expect(second.epoch).toBeGreaterThan(first!.epoch);
      expect(await take("one")).toBeUndefined();
    });

    it("can be taken over when they were granted by a clock that was far ahead", async () => {
      const first = await take("one", { ttlMs: 3_600_000 });
      expect(await take("two", { ttlMs: 600_000 })).toBeUndefined();
      const second = await take("two", { ttlMs: 1_000 });
      expect(second!.epoch).toBeGreaterThan(first!.epoch);
      expect(await take("one", { ttlMs: 1_000 })).toBeUndefined();
    });

    it("get a new epoch when their holder comes back late", async () => {
      const first = await take("one", { ttlMs: 30 });
      await context.pause(60);
      expect((await take("one"))!.epoch).toBeGreaterThan(first!.epoch);
    });

    it("are one for each role and partition", async () => {
      await take("one");
      expect(await take("two", { partition: 1 })).toBeDefined();
      const other = { role: "applier", partition: 0, holder: "three", ttlMs: 60_000 } as const;
      expect(await context.store.acquireRole(other)).toBeDefined();
    });

    const until = async <Value>(probe: () => Promise<Value | undefined>): Promise<Value> => {
      for (let tries = 0; tries < 500; tries += 1) {
        const value = await probe();
        if (value !== undefined) return value;
        await context.pause(10);
      }
      throw new Error("it never happened");
    };
  });
}
