/** Takes from escrows: accepted by the region's own rights, which each take leaves fewer of, whatever is folded meanwhile. */
import { describe, expect, it } from "vitest";
import { WalFullError } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { append, readAll, set } from "./operations.ts";
import { decided, give, hold, leftOf, move, openFlights, read, take, tell } from "./rights.ts";

export function takingFromEscrows(context: Context): void {
  describe("a take", () => {
    it("within the region's rights is accepted, and says what is left", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5, us: 4 });
      expect(await tell(context.store, [take("a", { seats: 2 })])).toEqual(["accepted seats 3/7"]);
      expect(await leftOf(context.store)).toBe("3/7");
      expect(await tell(context.store, [take("a", { seats: 3 })])).toEqual(["accepted seats 0/4"]);
      expect(await leftOf(context.store)).toBe("0/4");
    });

    it("beyond them appends nothing, although others hold more, and leaves no gap for the others of its call", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5, us: 40, ap: 1 });
      const operations = [append("b"), take("a", { seats: 6 }), append("c"), take("a", { seats: 5 })];
      expect(await tell(context.store, operations)).toEqual([
        "accepted",
        "insufficient seats 5/46",
        "accepted",
        "accepted seats 0/41",
      ]);
      const rows = await readAll(context.store);
      expect(rows.map(({ id, sequence }) => [id, sequence])).toEqual(
        [operations[0], operations[2], operations[3]].map((operation, index) => [operation!.id, index + 1]),
      );
      expect((await context.store.walHead(0)).sequence).toBe(3);
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["insufficient seats 0/41"]);
      expect(await tell(context.store, [append("d")])).toEqual(["accepted"]);
      expect((await readAll(context.store)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    });

    it("takes its turn among several of one call: what fits first is taken first", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5 });
      await hold(log, { eu: 2 }, { key: "b" });
      const amounts = [3, 3, 1, 2, 1];
      const operations = amounts.flatMap((seats) => [take("a", { seats }), take("b", { seats })]);
      const told = await tell(context.store, operations);
      expect(told.filter((_, index) => index % 2 === 0)).toEqual([
        "accepted seats 2/2",
        "insufficient seats 2/2",
        "accepted seats 1/1",
        "insufficient seats 1/1",
        "accepted seats 0/0",
      ]);
      expect(told.filter((_, index) => index % 2 === 1)).toEqual([
        "insufficient seats 2/2",
        "insufficient seats 2/2",
        "accepted seats 1/1",
        "insufficient seats 1/1",
        "accepted seats 0/0",
      ]);
    });

    it("of several fields takes all of them or none, and names the first that has too little", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5 });
      await hold(log, { eu: 2, us: 1 }, { field: "breakfasts" });
      expect(await tell(context.store, [take("a", { seats: 1, breakfasts: 3 })])).toEqual([
        "insufficient breakfasts 2/3",
      ]);
      expect(await tell(context.store, [take("a", { seats: 6, breakfasts: 3 })])).toEqual([
        "insufficient breakfasts 2/3",
      ]);
      expect(await tell(context.store, [take("a", { seats: 6, breakfasts: 1 })])).toEqual([
        "insufficient seats 5/5",
      ]);
      expect([await leftOf(context.store), await leftOf(context.store, "breakfasts")]).toEqual([
        "5/5",
        "2/3",
      ]);
      expect(await tell(context.store, [take("a", { seats: 4, breakfasts: 2 })])).toEqual([
        "accepted breakfasts 0/1 seats 1/1",
      ]);
      expect([await leftOf(context.store), await leftOf(context.store, "breakfasts")]).toEqual([
        "1/1",
        "0/1",
      ]);
    });

    it("counts what is pending, call after call and through any handle", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 4 });
      const other = await context.reopen();
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["accepted seats 3/3"]);
      expect(await tell(other, [take("a", { seats: 2 })])).toEqual(["accepted seats 1/1"]);
      expect(await tell(context.store, [take("a", { seats: 2 })])).toEqual(["insufficient seats 1/1"]);
      expect(await tell(other, [take("a", { seats: 1 })])).toEqual(["accepted seats 0/0"]);
    });

    it("is never granted twice to writers at once", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 20, us: 100 });
      const writers = await Promise.all([context.reopen(), context.reopen(), context.reopen()]);
      const told = await Promise.all(
        writers.flatMap((writer) =>
          Array.from({ length: 6 }, () => tell(writer, [take("a", { seats: 1 }), take("a", { seats: 2 })])),
        ),
      );
      const taken = told.flat().map((text, index) => (text.startsWith("accepted") ? 1 + (index % 2) : 0));
      expect(taken.reduce<number>((sum, one) => sum + one, 0)).toBe(20);
      expect(await leftOf(context.store)).toBe("0/100");
    });

    it("that comes again is not looked at again, even when nothing is left", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 3 });
      const first = take("a", { seats: 3 });
      expect(await tell(context.store, [first])).toEqual(["accepted seats 0/0"]);
      expect(await tell(context.store, [first, take("a", { seats: 1 })])).toEqual([
        "replayed",
        "insufficient seats 0/0",
      ]);
      await log.foldWal();
      expect(await tell(context.store, [first])).toEqual(["folded"]);
      expect(await tell(context.store, [{ ...first, key: "b", requestHash: "0".repeat(64) }])).toEqual([
        "mismatched",
      ]);
      expect(await readAll(context.store)).toHaveLength(1);
    });

    it("that comes again takes nothing from the others of its call", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 3 });
      const first = take("a", { seats: 1 });
      await tell(context.store, [first]);
      expect(await tell(context.store, [first, take("a", { seats: 2 })])).toEqual([
        "replayed",
        "accepted seats 0/0",
      ]);
    });

    it("that was refused may come again under its id, and is accepted once there are rights", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 1 });
      const refused = take("a", { seats: 2 });
      expect(await tell(context.store, [refused])).toEqual(["insufficient seats 1/1"]);
      await log.fold(decided(log, "eu", { type: "change", changes: [gift(1)] }));
      expect(await tell(context.store, [refused])).toEqual(["accepted seats 0/0"]);
    });

    it("of a record, an escrow or a field that does not exist is insufficient", async () => {
      const log = await openFlights(context.store);
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["insufficient seats 0/0"]);
      expect(await read(context.store)).toEqual([]);
      await log.fold(log.batch("us", [append("a", [set("note", "there")])]));
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["insufficient seats 0/0"]);
      const noEscrow = { ...append("a", [set("note", "more")]), takes: { note: 1 } };
      expect(await tell(context.store, [noEscrow])).toEqual(["insufficient note 0/0"]);
      expect(await read(context.store)).toEqual([]);
      expect(await readAll(context.store)).toEqual([]);
    });

    it("does not count on what was given and is pending", async () => {
      const log = await openFlights(context.store);
      expect(await tell(context.store, [give("a", { seats: 9 }), take("a", { seats: 1 })])).toEqual([
        "accepted",
        "insufficient seats 0/0",
      ]);
      expect(await read(context.store)).toEqual([]);
      await log.foldWal();
      expect(await tell(context.store, [take("a", { seats: 3 })])).toEqual(["accepted seats 0/6"]);
    });

    it("appends nothing of a call that has no room, and takes nothing", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5 });
      await tell(context.store, [take("a", { seats: 1 })]);
      const operations = [take("a", { seats: 1 }), take("a", { seats: 9 }), take("a", { seats: 2 })];
      await expect(tell(context.store, operations, { pendingRowsMax: 2 })).rejects.toThrow(WalFullError);
      expect(await leftOf(context.store)).toBe("4/4");
      // What is refused for want of rights needs no room.
      expect(await tell(context.store, operations, { pendingRowsMax: 3 })).toEqual([
        "accepted seats 3/3",
        "insufficient seats 3/3",
        "accepted seats 1/1",
      ]);
      const refused = [take("a", { seats: 9 })];
      expect(await tell(context.store, refused, { pendingRowsMax: 0 })).toEqual(["insufficient seats 1/1"]);
    });

    it("keeps partitions apart", async () => {
      const log = await openFlights(context.store);
      const other = await openFlights(context.store, 1);
      await hold(log, { eu: 5 });
      await hold(other, { eu: 3 }, { key: "z" });
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["accepted seats 4/4"]);
      const there = { partition: 1 };
      const twice = [take("z", { seats: 2 }), take("z", { seats: 2 })];
      expect(await tell(context.store, twice, there)).toEqual([
        "accepted seats 1/1",
        "insufficient seats 1/1",
      ]);
      await log.foldWal();
      expect(await leftOf(context.store)).toBe("4/4");
      expect(await read(context.store, "z", 1)).toMatchObject([{ here: 1, total: 1, rights: { eu: 3 } }]);
      await other.foldWal(1);
      expect(await read(context.store, "z", 1)).toMatchObject([{ here: 1, total: 1, rights: { eu: 1 } }]);
      expect(await tell(context.store, [take("z", { seats: 1 })], there)).toEqual(["accepted seats 0/0"]);
    });

    it("as a move counts here, and leaves the sum of all regions as it is", async () => {
      const log = await openFlights(context.store);
      await hold(log, { eu: 5, us: 1 });
      const operations = [move("a", "seats", { to: "us", amount: 4 }), take("a", { seats: 2 })];
      expect(await tell(context.store, operations)).toEqual(["accepted seats 1/6", "insufficient seats 1/6"]);
      expect(await tell(context.store, [move("a", "seats", { to: "ap", amount: 2 })])).toEqual([
        "insufficient seats 1/6",
      ]);
      expect(await tell(context.store, [take("a", { seats: 1 })])).toEqual(["accepted seats 0/5"]);
      expect(await leftOf(context.store)).toBe("0/5");
      await log.foldWal();
      expect(await leftOf(context.store)).toBe("0/5");
    });
  });
}

function gift(argument: number) {
  return { field: "seats", kind: "escrow", operator: "give", argument } as const;
}
