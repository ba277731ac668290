/** Rows that a fold takes away for good: claims of unique values that are free again. */
import { describe, expect, it } from "vitest";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { recordIdText, type RecordId } from "../../../services/core/operation.ts";
import { CLAIMS_COLLECTION } from "../../../services/core/reserved.ts";
import { StaleApplierError, type RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { assign, claimOf, erase, loadRows, openUsers, proposal, restore, user } from "./decisions.ts";
import { byId, keysOf, scan, TENANT } from "./operations.ts";
import { ordered } from "./test-log.ts";

export function removedRows(context: Context): void {
  describe("removed rows", () => {
    const x = claimOf("email", "x");
    const y = claimOf("email", "y");

    it("are gone for every reader", async () => {
      const log = await openUsers(context.store);
      await log.fold(log.propose(proposal([assign("a", { email: "x" })])));
      expect(await ownerOf(context.store, x)).toEqual(["a", "a", "a", "a"]);
      const { records } = await log.fold(log.propose(proposal([assign("a", { email: "y" })])));
      expect(records.get(recordIdText(x))).toBeNull();
      const other = await context.reopen();
      expect(await ownerOf(other, x)).toEqual([]);
      expect(await ownerOf(other, y)).toEqual(["a", "a", "a", "a"]);
      expect(await other.readRecord(x)).toEqual({ committed: undefined, pending: [], position: 4 });
      expect((await loadRows(other, [x, y])).size).toBe(1);
    });

    it("can be made again by another fold, and by a restore", async () => {
      const log = await openUsers(context.store);
      await log.fold(log.propose(proposal([assign("a", { email: "x" })])));
      await log.fold(log.propose(proposal([erase("a")])));
      expect(await ownerOf(context.store, x)).toEqual([]);
      await log.fold(log.propose(proposal([assign("b", { email: "x" })])));
      expect(await ownerOf(context.store, x)).toEqual(["b", "b", "b", "b"]);
      await log.fold(log.propose(proposal([assign("b", { email: "y" })])));
      await log.restart();
      await log.fold(log.propose(proposal([restore("a", [{ field: "email", value: "x" }])])));
      expect(await ownerOf(context.store, x)).toEqual(["a", "a", "a", "a"]);
      expect((await context.store.readRecord(x)).committed?.version).toBe(7);
    });

    it("are as the last decision left them when one commit has several", async () => {
      const log = await openUsers(context.store);
      await log.fold(log.propose(proposal([assign("a", { email: "x" })])));
      // Freed and taken again; and taken and freed, which leaves nothing to remove.
      await log.fold(
        log.propose(proposal([assign("a", { email: "y" })]), proposal([assign("b", { email: "x" })])),
        log.propose(proposal([assign("a", { email: "z" })])),
      );
      expect(await ownerOf(context.store, x)).toEqual(["b", "b", "b", "b"]);
      expect(await ownerOf(context.store, y)).toEqual([]);
      expect(await ownerOf(context.store, claimOf("email", "z"))).toEqual(["a", "a", "a", "a"]);
    });

    it("are removed by hundreds, and only they", async () => {
      const log = await openUsers(context.store);
      const COUNT = 300;
      const claim = (from: number) =>
        Array.from({ length: COUNT }, (_, index) =>
          proposal([assign(`key-${index}`, { email: `${index}`, id: from + index })]),
        );
      await log.fold(log.propose(...claim(0)));
      await log.fold(log.propose(...claim(COUNT)));
      const { records } = await scan(context.store, 0);
      const claims = records.filter(({ collection }) => collection === CLAIMS_COLLECTION);
      const expected = Array.from({ length: COUNT }, (_, index) => [
        claimOf("email", `${index}`).key,
        claimOf("id", COUNT + index).key,
      ]);
      expect(keysOf(claims).toSorted()).toEqual(expected.flat().toSorted());
      expect(records).toHaveLength(3 * COUNT);
    });

    it("stay when the applier that would remove them is late", async () => {
      const log = await openUsers(context.store);
      await log.fold(log.propose(proposal([assign("a", { email: "x" })])));
      const before = log.state;
      const slice = await context.store.loadSlice({ partition: 0, records: [user("a"), x], operations: [] });
      await log.fold(log.tick("us"));
      const entries = [ordered(before.position + 1, log.propose(proposal([erase("a")])))];
      const late = foldEntries({ state: before, slice, entries });
      expect(late.records.get(recordIdText(x))).toBeNull();
      const commit = context.store.commitFold({ expectedPosition: before.position, result: late });
      await expect(commit).rejects.toThrow(StaleApplierError);
      expect(await ownerOf(context.store, x)).toEqual(["a", "a", "a", "a"]);
      expect((await context.store.readRecord(user("a"))).committed).not.toHaveProperty("tombstone");
    });
  });
}

/** The key that a claim names, by each way to it that finds the claim. */
async function ownerOf(store: RegionStore, claim: RecordId & { partition: number }): Promise<unknown[]> {
  const id = recordIdText(claim);
  const options = { tenant: TENANT, collection: CLAIMS_COLLECTION, prefix: claim.key, limit: 10 };
  const listed = await store.listRecords({ ...options, after: undefined });
  const found = [
    (await store.readRecord(claim)).committed,
    (await loadRows(store, [claim])).get(id),
    byId((await scan(store, 0)).records).get(id),
    listed.find(({ key }) => key === claim.key)?.committed,
  ];
  return found
    .filter((record) => record !== undefined)
    .map((record) => (record.fields["claim"] as { readonly key?: string }).key);
}
