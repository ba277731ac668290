/** The WAL's bounds, and reading it. */
import { describe, expect, it } from "vitest";
import { ZERO_HLC, type Hlc } from "../../../services/core/hlc.ts";
import { WalFullError, walRowBytes } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { set, append, appendTo, readAll, NOW_MS, UNBOUNDED } from "./operations.ts";
import { openLog } from "./test-log.ts";

export function boundsAndReading(context: Context): void {
  describe("bounds", () => {
    it("refuses more pending rows than allowed, appends nothing then, and still answers replays", async () => {
      const limits = { ...UNBOUNDED, pendingRowsMax: 3 };
      const operations = [append("a"), append("b")];
      await context.store.append({ partition: 0, operations, nowMs: NOW_MS, ...limits });
      const more = { partition: 0, operations: [append("c"), append("d")], nowMs: NOW_MS, ...limits };
      await expect(context.store.append(more)).rejects.toThrow(WalFullError);
      expect(await readAll(context.store)).toHaveLength(2);
      await context.store.append({ ...more, operations: [append("e")] });
      await expect(context.store.append({ ...more, operations: [append("f")] })).rejects.toThrow(
        WalFullError,
      );
      const replayed = await context.store.append({ ...more, operations });
      expect(replayed.map((outcome) => outcome.status)).toEqual(["replayed", "replayed"]);
    });

    it("has room again when its own fold has passed rows", async () => {
      const log = await openLog(context.store);
      const limits = { ...UNBOUNDED, pendingRowsMax: 2 };
      const fill = () =>
        context.store.append({
          partition: 0,
          operations: [append("a"), append("b")],
          nowMs: NOW_MS,
          ...limits,
        });
      await fill();
      await expect(fill()).rejects.toThrow(WalFullError);
      await log.foldWal();
      await fill();
      expect(await context.store.walHead(0)).toMatchObject({ sequence: 4, pendingRows: 2 });
    });

    it("refuses more pending bytes than allowed", async () => {
      const limits = { ...UNBOUNDED, pendingBytesMax: 50_000 };
      const large = () => append("a", [set("note", "x".repeat(30_000))]);
      await context.store.append({ partition: 0, operations: [large()], nowMs: NOW_MS, ...limits });
      const more = { partition: 0, operations: [large()], nowMs: NOW_MS, ...limits };
      await expect(context.store.append(more)).rejects.toThrow(WalFullError);
      expect(await readAll(context.store)).toHaveLength(1);
    });
  });
  describe("reading the WAL", () => {
    it("gives rows after a sequence, at most so many, about so many bytes, and at least one", async () => {
      const body = [set("note", "x".repeat(1_000))];
      await appendTo(
        context.store,
        Array.from({ length: 20 }, (_, index) => append(`key-${index}`, body)),
      );
      const read = async (options: { after: number; rowsMax: number; bytesMax: number }) =>
        (await context.store.readWal({ partition: 0, ...options })).map((row) => row.sequence);
      expect(await read({ after: 0, rowsMax: 3, bytesMax: 1_000_000 })).toEqual([1, 2, 3]);
      expect(await read({ after: 18, rowsMax: 3, bytesMax: 1_000_000 })).toEqual([19, 20]);
      expect(await read({ after: 20, rowsMax: 3, bytesMax: 1_000_000 })).toEqual([]);
      expect(await read({ after: 7, rowsMax: 10, bytesMax: 1 })).toEqual([8]);
      const some = await read({ after: 5, rowsMax: 10, bytesMax: 5_000 });
      expect(some.length).toBeGreaterThan(1);
      expect(some.length).toBeLessThan(6);
      expect(some[0]).toBe(6);
    });

    it("counts bytes as whoever asks does, whatever the text", async () => {
      await appendTo(context.store, [
        append("ключ", [set("note", "漢字".repeat(50))]),
        append("plain", [set("note", "x".repeat(100))]),
        append("é", [set("note", "é")]),
      ]);
      const rows = await readAll(context.store);
      const bytes = walRowBytes(rows[0]!) + walRowBytes(rows[1]!) + walRowBytes(rows[2]!);
      expect((await context.store.walHead(0)).pendingBytes).toBe(bytes);
      const read = (bytesMax: number) =>
        context.store.readWal({ partition: 0, after: 0, rowsMax: 10, bytesMax });
      expect(await read(bytes)).toHaveLength(3);
      expect(await read(bytes - 1)).toHaveLength(2);
    });

    it("tells where the WAL ends and what of it is pending", async () => {
      const empty = await context.store.walHead(0);
      expect(empty).toMatchObject({ sequence: 0, hlc: ZERO_HLC, pendingRows: 0, pendingBytes: 0 });
      expect(empty.oldestPendingAtMs).toBeUndefined();
      const log = await openLog(context.store);
      const operations = [append("a"), append("b"), append("c")];
      const outcomes = await appendTo(context.store, operations);
      const full = await context.store.walHead(0);
      expect(full).toMatchObject({
        sequence: 3,
        pendingRows: 3,
        hlc: (outcomes[2] as { hlc: Hlc }).hlc,
      });
      expect(full.oldestPendingAtMs).toBeLessThanOrEqual(full.nowMs);
      expect(full.oldestPendingId).toBe(operations[0]!.id);
      await log.foldWal(2);
      const partly = await context.store.walHead(0);
      expect(partly).toMatchObject({ sequence: 3, pendingRows: 1 });
      expect(partly.pendingBytes).toBeGreaterThan(0);
      expect(partly.pendingBytes).toBeLessThan(full.pendingBytes);
      expect(partly.oldestPendingAtMs).toBeGreaterThanOrEqual(full.oldestPendingAtMs!);
      await log.foldWal();
      expect(await context.store.walHead(0)).toMatchObject({ sequence: 3, pendingRows: 0, pendingBytes: 0 });
      expect((await context.store.walHead(0)).oldestPendingAtMs).toBeUndefined();
      expect((await context.store.walHead(0)).oldestPendingId).toBeUndefined();
    });
  });
}
