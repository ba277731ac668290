/** Rights while the log goes on: what is folded is no longer pending, and nothing is counted twice or forgotten. */
import { describe, expect, it } from "vitest";
import type { Context } from "./context.ts";
import { append } from "./operations.ts";
import { decided, hold, leftOf, move, openFlights, read, take, tell } from "./rights.ts";

export function escrowsWhileFolding(context: Context): void {
  describe("rights to an escrow", () => {
    it("are the same before and after the fold passes what was taken", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5, us: 2 });
      await tell(context.store, [take("a", { seats: 2 })]);
      expect(await leftOf(context.store)).toBe("3/5");
      await log.foldWal();
      expect(await leftOf(context.store)).toBe("3/5");
      expect(await read(context.store)).toMatchObject([{ field: "seats", rights: { eu: 3, us: 2 } }]);
      expect(await tell(context.store, [take("a", { seats: 4 }), take("a", { seats: 3 })])).toEqual([
        "insufficient seats 3/5",
        "accepted seats 0/2",
      ]);
    });

    it("are the same when only a part of what is pending was folded", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 20 });
      const taken = [1, 2, 3, 4].flatMap((seats) => [
        take("a", { seats }),
        append("b"),
        take("c", { seats: 1 }),
      ]);
      await hold(log, { eu: 9 }, { key: "c" });
      await tell(context.store, taken);
      for (let rows = 0; rows < taken.length; rows += 1) {
        expect([await leftOf(context.store), await leftOf(context.store, "seats", "c")]).toEqual([
          "10/10",
          "5/5",
        ]);
        await log.foldWal(1);
      }
      expect(await leftOf(context.store)).toBe("10/10");
      expect(await tell(context.store, [take("a", { seats: 11 }), take("a", { seats: 10 })])).toEqual([
        "insufficient seats 10/10",
        "accepted seats 0/0",
      ]);
    });

    it("of two fields stay apart, however their takes are interleaved and folded", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 20 });
      await hold(log, { eu: 30 }, { field: "breakfasts" });
      const both = async () => [await leftOf(context.store), await leftOf(context.store, "breakfasts")];
      await tell(context.store, [take("a", { seats: 1 }), take("a", { breakfasts: 2 })]);
      await tell(context.store, [take("a", { seats: 3 }), take("a", { seats: 1, breakfasts: 4 })]);
      await tell(context.store, [take("a", { breakfasts: 5 })]);
      for (let rows = 0; rows < 5; rows += 1) {
        expect(await both()).toEqual(["15/15", "19/19"]);
        await log.foldWal(1);
      }
      // One that is taken from for the first time in a while goes on from its sum.
      await tell(context.store, [take("a", { seats: 2 })]);
      await log.foldWal();
      await tell(context.store, [take("a", { breakfasts: 1 })]);
      await tell(context.store, [take("a", { seats: 1 })]);
      expect(await both()).toEqual(["12/12", "18/18"]);
      await log.foldWal(1);
      expect(await both()).toEqual(["12/12", "18/18"]);
    });

    it("come by gifts and moves of others, and go by moves", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 2, us: 7 });
      await tell(context.store, [take("a", { seats: 1 })]);
      await log.fold(log.batch("us", [move("a", "seats", { to: "eu", amount: 4 })]));
      expect(await leftOf(context.store)).toBe("5/8");
      await log.fold(decided(log, "eu", { type: "change", changes: [gift(3)] }));
      expect(await leftOf(context.store)).toBe("8/11");
      await tell(context.store, [move("a", "seats", { to: "ap", amount: 6 })]);
      expect(await leftOf(context.store)).toBe("2/11");
      await log.foldWal();
      expect(await leftOf(context.store)).toBe("2/11");
      expect(await tell(context.store, [take("a", { seats: 3 })])).toEqual(["insufficient seats 2/11"]);
    });

    it("of a deleted record are none, and come back with it, without what is taken", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5 });
      await tell(context.store, [take("a", { seats: 1 })]);
      await log.foldWal();
      await log.fold(decided(log, "us", { type: "delete" }));
      expect(await read(context.store)).toEqual([]);
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["insufficient seats 0/0"]);
      await log.fold(decided(log, "us", { type: "restore", claims: [] }));
      expect(await leftOf(context.store)).toBe("4/4");
      expect(await tell(context.store, [take("a", { seats: 4 })])).toEqual(["accepted seats 0/0"]);
    });

    it("count takes that were pending when the record was deleted for as long as they are pending", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5 });
      await tell(context.store, [take("a", { seats: 2 })]);
      await log.fold(decided(log, "us", { type: "delete" }));
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["insufficient seats -2/-2"]);
      expect(await read(context.store)).toEqual([]);
      await log.foldWal();
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["insufficient seats 0/0"]);
      await log.fold(decided(log, "us", { type: "restore", claims: [] }));
      // The take lost to the tombstone.
      expect(await leftOf(context.store)).toBe("5/5");
    });

    it("that were reclaimed are gone, and owed as long as they are taken", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5, us: 1 });
      await tell(context.store, [take("a", { seats: 2 })]);
      await log.fold(decided(log, "us", { type: "reclaim", from: "eu" }));
      expect(await leftOf(context.store)).toBe("-2/4");
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["insufficient seats -2/4"]);
      await log.foldWal();
      expect(await leftOf(context.store)).toBe("0/6");
      expect(await read(context.store)).toMatchObject([{ rights: { ap: 0, eu: 0, us: 6 } }]);
    });

    it("are read by field name, with the position that they are at", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5, us: 1 });
      await hold(log, { us: 3 }, { field: "breakfasts" });
      await tell(context.store, [take("a", { seats: 2 }), move("a", "seats", { to: "us", amount: 1 })]);
      const { position, pendingTo, escrows } = await context.store.readEscrows({
        partition: 0,
        tenant: "acme",
        collection: "users",
        key: "a",
      });
      expect(position).toBe(log.state.position);
      expect(escrows).toEqual([
        { field: "breakfasts", rights: { ap: 0, eu: 0, us: 3 }, here: 0, total: 3, leaving: 0 },
        { field: "seats", rights: { ap: 0, eu: 5, us: 1 }, here: 2, total: 4, leaving: 1 },
      ]);
      expect(pendingTo).toBe((await context.store.walHead(0)).sequence);
      await log.foldWal();
      const folded = await context.store.readEscrows({
        partition: 0,
        tenant: "acme",
        collection: "users",
        key: "a",
      });
      expect(folded).toMatchObject({ pendingTo: 0, escrows: [{ leaving: 0 }, { here: 2, leaving: 0 }] });
    });
  });
}

function gift(argument: number) {
  return { field: "seats", kind: "escrow", operator: "give", argument } as const;
}
