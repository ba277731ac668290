/** What a store knows of operations. */
import { describe, expect, it } from "vitest";
import { hlcFromMilliseconds, type Hlc } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Context } from "./context.ts";
import { set, append, appendTo, NOW_MS, TENANT } from "./operations.ts";
import { openLog } from "./test-log.ts";

export function knownOperations(context: Context): void {
  describe("operations", () => {
    it("are known from the WAL, from the fold, or from both", async () => {
      const log = await openLog(context.store);
      const own = append("a");
      const foreign = append("b");
      const [accepted] = await appendTo(context.store, [own]);
      const { sequence, hlc } = accepted as { sequence: number; hlc: Hlc };
      const place = { id: own.id, tenant: TENANT, partition: 0, lostFields: [] };
      expect(await context.store.readOperation(own.id)).toEqual({
        ...place,
        accepted: { sequence, hlc, requestHash: own.requestHash },
      });
      await log.foldWal();
      await log.fold(log.batch("us", [foreign]));
      expect(await context.store.readOperation(own.id)).toMatchObject({
        accepted: { sequence, hlc, requestHash: own.requestHash },
        outcome: { status: "committed", position: 2 },
      });
      const other = await context.store.readOperation(foreign.id);
      expect(other).toMatchObject({ outcome: { status: "committed", position: 3 }, lostFields: [] });
      expect(other).not.toHaveProperty("accepted");
    });

    it("that lost say in which fields", async () => {
      const log = await openLog(context.store);
      const winner = append("a", [set("name", "new"), set("note", "new")]);
      const loser = append("a", [set("name", "old"), set("note", "old"), set("fresh", 1)]);
      await log.fold(log.batch("us", [winner], hlcFromMilliseconds(NOW_MS + 9)));
      await log.fold(log.batch("ap", [loser], hlcFromMilliseconds(NOW_MS)));
      const lost = await context.store.readOperation(loser.id);
      expect(lost?.lostFields.toSorted()).toEqual(["name", "note"]);
      expect(lost?.outcome?.status).toBe("committed");
      expect((await context.store.readOperation(winner.id))?.lostFields).toEqual([]);
      const all = append("a", [set("name", "older")]);
      await log.fold(log.batch("ap", [all], hlcFromMilliseconds(NOW_MS + 1)));
      expect((await context.store.readOperation(all.id))?.outcome?.status).toBe("superseded");
    });

    it("that were rejected say why", async () => {
      const log = await openLog(context.store);
      const first = log.schema({ name: "users", fields: ["note"] });
      const second = log.schema({ name: "users", fields: ["other"] });
      await log.fold(first, second);
      expect((await context.store.readOperation(first.id))?.outcome).not.toHaveProperty("rejection");
      expect((await context.store.readOperation(second.id))?.outcome).toMatchObject({
        status: "rejected",
        rejection: { code: "schema", message: expect.stringContaining("note") as string },
      });
    });

    it("that nobody has heard of are undefined, as is what is no id", async () => {
      expect(await context.store.readOperation(uuidOf("nobody's"))).toBeUndefined();
      for (const text of ["", "no-id", "x".repeat(1_000)])
        expect(await context.store.readOperation(text)).toBeUndefined();
    });
  });
}
