/** Appending: dense, in order, once each. */
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../services/core/hash.ts";
import { advanceHlc, hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import type { Context } from "./context.ts";
import {
  set,
  increment,
  append,
  appendTo,
  readAll,
  NOW_MS,
  TENANT,
  UNBOUNDED,
  during,
} from "./operations.ts";
import { openLog } from "./test-log.ts";

export function appending(context: Context): void {
  describe("append", () => {
    it("numbers densely from 1 and keeps every row as it came", async () => {
      const operations = [
        append("a", [set("note", "line\nbreak, \"quotes\", back\\slash, tab\t, {braces}, NULL, ''")]),
        append("ключ-😀", [set("note", "юникод 😀 \u0001\u001e\u007f")]),
        append("{tag}:a,b", [set("note", ""), increment("likes", 1)]),
      ];
      const outcomes = await appendTo(context.store, operations);
      expect(outcomes.map((outcome) => outcome.status)).toEqual(["accepted", "accepted", "accepted"]);
      expect(await readAll(context.store)).toEqual(
        operations.map((operation, index) => ({
          ...operation,
          sequence: index + 1,
          hlc: advanceHlc(hlcFromMilliseconds(NOW_MS), index),
          seen: 0,
        })),
      );
    });

    it("keeps the trace of a request, where it had one", async () => {
      const trace = `00-${"4b".repeat(16)}-${"0f".repeat(8)}-01`;
      const operations = [append("a"), { ...append("b"), trace }, append("c")];
      await appendTo(context.store, operations);
      const rows = await readAll(context.store);
      expect(rows.map((row) => row.trace)).toEqual([undefined, trace, undefined]);
      expect(rows.map((row) => "trace" in row)).toEqual([false, true, false]);
    });

    it("answers an empty append with nothing", async () => {
      expect(await appendTo(context.store, [])).toEqual([]);
      expect((await context.store.walHead(0)).sequence).toBe(0);
    });

    it("stays dense and in order of stamps with several writers at once", async () => {
      const writers = await Promise.all([
        context.reopen(),
        context.reopen(),
        context.reopen(),
        Promise.resolve(context.store),
      ]);
      const batches = writers.flatMap((writer) =>
        Array.from({ length: 8 }, () => ({
          writer,
          operations: Array.from({ length: 5 }, (_, index) => append(`key-${index}`)),
        })),
      );
      const answers = await Promise.all(
        batches.map(({ writer, operations }) => appendTo(writer, operations)),
      );
      const rows = await readAll(context.store);
      expect(rows.map((row) => row.sequence)).toEqual(rows.map((_, index) => index + 1));
      expect(rows.map((row) => row.hlc)).toEqual(rows.map((row) => row.hlc).toSorted());
      expect(new Set(rows.map((row) => row.hlc)).size).toBe(rows.length);
      for (const [index, { operations }] of batches.entries()) {
        const sequences = answers[index]!.map((answer) => (answer as { sequence: number }).sequence);
        expect(sequences.map((sequence) => rows[sequence - 1]!.id)).toEqual(operations.map((one) => one.id));
        expect(sequences).toEqual(sequences.map((_, offset) => sequences[0]! + offset));
      }
    });

    it("shows no reader a gap while writers append", async () => {
      const reader = await context.reopen();
      const writing = Promise.all(
        Array.from({ length: 4 }, async () => {
          for (let round = 0; round < 10; round += 1)
            await appendTo(context.store, [append("k"), append("l")]);
        }),
      );
      const gaps: number[][] = [];
      await during(writing, async () => {
        const sequences = (await readAll(reader)).map((row) => row.sequence);
        if (sequences.some((sequence, index) => sequence !== index + 1)) gaps.push(sequences);
      });
      expect(gaps).toEqual([]);
    });

    it("gives a repeated operation its first answer, and numbers the new ones around it densely", async () => {
      const [first, second] = [append("a"), append("b")];
      const [accepted] = await appendTo(context.store, [first]);
      const outcomes = await appendTo(context.store, [second, first, append("c")], NOW_MS + 5);
      expect(outcomes[1]).toEqual({ ...accepted, status: "replayed" });
      expect(outcomes.map((outcome) => outcome.status)).toEqual(["accepted", "replayed", "accepted"]);
      expect((await readAll(context.store)).map((row) => row.sequence)).toEqual([1, 2, 3]);
    });

    it("takes an operation once when it is sent by several writers at once", async () => {
      const operations = Array.from({ length: 10 }, (_, index) => append(`key-${index}`));
      const writers = await Promise.all([context.reopen(), context.reopen(), Promise.resolve(context.store)]);
      const answers = await Promise.all(writers.map((writer) => appendTo(writer, operations)));
      const statuses = answers.flat().map((answer) => answer.status);
      expect(statuses.filter((status) => status === "accepted")).toHaveLength(10);
      expect(statuses.filter((status) => status === "replayed")).toHaveLength(20);
      expect(await readAll(context.store)).toHaveLength(10);
    });

    it("refuses an id that belongs to another request or another tenant", async () => {
      const operation = append("a");
      await appendTo(context.store, [operation]);
      const others = [
        { ...operation, requestHash: sha256("another") },
        { ...operation, tenant: "other" },
      ];
      for (const other of others) {
        expect(await appendTo(context.store, [other])).toEqual([{ status: "mismatched" }]);
      }
      expect(await readAll(context.store)).toHaveLength(1);
    });

    it("refuses an id of another request that another partition has", async () => {
      const operation = append("a");
      await appendTo(context.store, [operation]);
      const other = { ...operation, key: "b", requestHash: sha256("another") };
      const options = { partition: 1, operations: [other], nowMs: NOW_MS, ...UNBOUNDED };
      expect(await context.store.append(options)).toEqual([{ status: "mismatched" }]);
    });

    it("answers with the outcome once the operation has taken effect, through whatever region", async () => {
      const log = await openLog(context.store);
      const own = append("a", [set("name", "own")]);
      const foreign = append("b", [set("name", "foreign")]);
      await appendTo(context.store, [own]);
      await log.foldWal();
      await log.fold(log.batch("us", [foreign]));
      const outcomes = await appendTo(context.store, [own, foreign, append("c")]);
      expect(outcomes.map((outcome) => outcome.status)).toEqual(["folded", "folded", "accepted"]);
      expect(outcomes[0]).toMatchObject({
        outcome: { id: own.id, tenant: TENANT, position: 2, origin: "eu", status: "committed" },
      });
      expect(outcomes[1]).toMatchObject({
        outcome: { id: foreign.id, requestHash: foreign.requestHash, position: 3, origin: "us" },
      });
      const other = { ...foreign, requestHash: sha256("another") };
      expect(await appendTo(context.store, [other])).toEqual([{ status: "mismatched" }]);
    });

    it("lets what took effect decide when the same id came by two requests", async () => {
      const log = await openLog(context.store);
      const here = append("a");
      const there = { ...here, requestHash: sha256("another") };
      await appendTo(context.store, [here]);
      await log.fold(log.batch("us", [there]));
      expect(await appendTo(context.store, [here])).toEqual([{ status: "mismatched" }]);
      expect((await appendTo(context.store, [there]))[0]).toMatchObject({ status: "folded" });
    });

    it("keeps partitions apart", async () => {
      await appendTo(context.store, [append("a"), append("b")]);
      await context.store.append({
        partition: 3,
        operations: [append("c")],
        nowMs: NOW_MS,
        ...UNBOUNDED,
      });
      expect((await context.store.walHead(0)).sequence).toBe(2);
      expect((await context.store.walHead(3)).sequence).toBe(1);
      const options = { partition: 3, after: 0, rowsMax: 10, bytesMax: 1_000_000 };
      expect((await context.store.readWal(options)).map((row) => row.key)).toEqual(["c"]);
    });

    it("keeps the seen position: what was folded when the operation was accepted", async () => {
      await appendTo(context.store, [append("a")]);
      const log = await openLog(context.store);
      await appendTo(context.store, [append("b")]);
      await log.fold(log.batch("us", [append("z")]), log.batch("us", [append("y")]));
      await appendTo(context.store, [append("c")]);
      expect((await readAll(context.store)).map((row) => row.seen)).toEqual([0, 1, 3]);
    });
  });
}
