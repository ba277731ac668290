/** Committed state: what the fold made, committed once, given back as it was. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../services/core/entry.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { initialPartitionState } from "../../../services/core/fold/state.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { StaleApplierError } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import {
  set,
  append,
  foreignOperation,
  appendTo,
  scan,
  byId,
  REGION,
  MEMBERS,
  NOW_MS,
  TENANT,
  COLLECTION,
} from "./operations.ts";
import { NOTHING, genesis, ordered, openLog, TestLog } from "./test-log.ts";

export function committedState(context: Context): void {
  describe("committed state", () => {
    it("is the initial one before the first fold", async () => {
      expect(await context.store.loadPartition(7)).toEqual(initialPartitionState(7));
      const { collections: _, ...positions } = initialPartitionState(7);
      expect(await context.store.readPositions(7)).toEqual(positions);
      expect(await context.store.readCollections(7)).toEqual([]);
      expect(
        await context.store.readRecord({ partition: 7, tenant: TENANT, collection: COLLECTION, key: "a" }),
      ).toEqual({ committed: undefined, pending: [], position: 0 });
    });

    it("is what the fold made of the log, whatever the batches, and other handles see it", async () => {
      const operations = fc.sample(foreignOperation, { numRuns: 120, seed: 7 });
      const log = await openLog(context.store);
      const entries: Entry[] = [];
      for (let first = 0; first < operations.length; first += 7) {
        const origin = MEMBERS[(first / 7) % 3]!;
        if (origin === REGION) await appendTo(context.store, operations.slice(first, first + 7));
        entries.push(log.batch(origin, operations.slice(first, first + 7)));
      }
      entries.push(log.tick("us"), log.schema({ name: COLLECTION }), log.tick("ap"));
      const groups = [entries.slice(0, 5), entries.slice(5, 6), entries.slice(6)];
      for (const group of groups) await log.fold(...group);

      const expected = log.foldInMemory();
      const other = await context.reopen();
      expect(await other.loadPartition(0)).toEqual(expected.state);
      const { collections: _, ...positions } = expected.state;
      expect(await other.readPositions(0)).toEqual(positions);
      const { position, records } = await scan(other, 0);
      expect(position).toBe(expected.state.position);
      const present = [...expected.records.values()].filter((record) => record !== null);
      expect(byId(records)).toEqual(byId(present));
      const ids = [...operations.map((operation) => operation.id), uuidOf("nobody's")];
      const slice = await other.loadSlice({
        partition: 0,
        records: [...present, { ...operations[0]!, key: "absent" }],
        operations: ids,
      });
      expect(slice.records).toEqual(expected.records);
      expect([...slice.operations.keys()].toSorted()).toEqual(
        operations.map((operation) => operation.id).toSorted(),
      );
      for (const outcome of expected.outcomes) {
        expect((await other.readOperation(outcome.id))?.outcome).toEqual(outcome);
      }
    });

    it("refuses a fold from a position that was passed, and writes nothing of it", async () => {
      const log = await openLog(context.store);
      const before = log.state;
      await log.fold(log.batch("us", [append("a")]));
      const late = foldEntries({
        state: before,
        slice: NOTHING,
        entries: [ordered(2, log.batchAfter(before, "ap", [append("late")]))],
      });
      await expect(
        context.store.commitFold({ expectedPosition: before.position, result: late }),
      ).rejects.toThrow(StaleApplierError);
      await expect(context.store.commitFold({ expectedPosition: 0, result: late })).rejects.toThrow(
        StaleApplierError,
      );
      expect(await context.store.loadPartition(0)).toEqual(log.state);
      expect((await scan(context.store, 0)).records.map((record) => record.key)).toEqual(["a"]);
      expect(await context.store.readOperation(late.outcomes[0]!.id)).toBeUndefined();
    });

    it("lets one of two appliers fold an entry, also the first of all", async () => {
      const other = await context.reopen();
      for (const entry of [undefined, "second"]) {
        const state = await context.store.loadPartition(0);
        const entries = [
          ordered(
            state.position + 1,
            entry === undefined
              ? genesis(0)
              : new TestLog(context.store, state).batchAfter(state, "us", [append("a")]),
          ),
        ];
        const result = foldEntries({ state, slice: NOTHING, entries });
        const commits = [context.store, other, context.store, other].map((handle) =>
          handle.commitFold({ expectedPosition: state.position, result }),
        );
        const settled = await Promise.allSettled(commits);
        const failures = settled.filter((one) => one.status === "rejected");
        expect(failures.map((one) => one.reason)).toEqual([1, 2, 3].map(() => expect.any(StaleApplierError)));
        expect(await context.store.loadPartition(0)).toEqual(result.state);
      }
    });

    it("keeps partitions apart", async () => {
      const logs = [await openLog(context.store, 0), await openLog(context.store, 1)];
      await logs[0]!.fold(logs[0]!.batch("us", [append("a")]));
      await logs[1]!.fold(logs[1]!.batch("us", [append("b"), append("c")]));
      expect((await scan(context.store, 0)).records.map((record) => record.key)).toEqual(["a"]);
      expect((await scan(context.store, 1)).records.map((record) => record.key).toSorted()).toEqual([
        "b",
        "c",
      ]);
      const [id] = logs[0]!.operationIds;
      const slice = await context.store.loadSlice({ partition: 1, records: [], operations: [id!] });
      expect(slice.operations.size).toBe(0);
    });

    it("gives every JSON value back as it was", async () => {
      const log = await openLog(context.store);
      const values = [...ODD_VALUES, ...fc.sample(fc.jsonValue({ maxDepth: 6 }), { numRuns: 60, seed: 11 })];
      const operations = values
        .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
        .filter((value) => !JSON.stringify(value).includes("\\u0000"))
        .filter((value) => JSON.stringify(value).isWellFormed())
        .map((value, index) => ({ value, operation: append(`key-${index}`, [set("note", value)]) }));
      await log.fold(
        log.batch(
          "us",
          operations.map(({ operation }) => operation),
        ),
      );
      for (const { value, operation } of operations) {
        const { committed } = await context.store.readRecord({ partition: 0, ...operation });
        const field = committed!.fields["note"] as { value?: JsonValue };
        expect(field.value).toStrictEqual(value);
        expect(Object.keys(Object(field.value)).toSorted()).toEqual(Object.keys(Object(value)).toSorted());
      }
    });

    it("remembers which log it was folded from, once", async () => {
      expect(await context.store.logCreatedAtMs(0)).toBeUndefined();
      await context.store.bindLog({ partition: 0, createdAtMs: NOW_MS });
      await context.store.bindLog({ partition: 0, createdAtMs: NOW_MS });
      expect(await context.store.logCreatedAtMs(0)).toBe(NOW_MS);
      expect(await context.store.loadPartition(0)).toEqual(initialPartitionState(0));
      await openLog(context.store);
      // Whether another binding is refused or ignored, it must not take.
      await context.store.bindLog({ partition: 0, createdAtMs: NOW_MS + 1 }).catch(() => undefined);
      expect(await context.store.logCreatedAtMs(0)).toBe(NOW_MS);
      expect(await context.store.logCreatedAtMs(1)).toBeUndefined();
    });

    it("goes over to a log that goes on where it is, and to no other", async () => {
      await context.store.bindLog({ partition: 0, createdAtMs: NOW_MS });
      const { state } = await openLog(context.store);
      const rebind = (change: object = {}) =>
        context.store.rebindLog({ partition: 0, position: 1, from: NOW_MS, to: NOW_MS + 7, ...change });
      for (const wrong of [{ position: 2 }, { position: 0 }, { from: NOW_MS - 1 }, { partition: 1 }]) {
        await expect(rebind(wrong)).rejects.toThrow(StaleApplierError);
        expect(await context.store.logCreatedAtMs(0)).toBe(NOW_MS);
      }
      await rebind();
      await rebind();
      const other = await context.reopen();
      expect(await other.logCreatedAtMs(0)).toBe(NOW_MS + 7);
      expect(await other.loadPartition(0)).toEqual(state);
      await expect(rebind({ to: NOW_MS + 9 })).rejects.toThrow(StaleApplierError);
      expect(await context.store.logCreatedAtMs(1)).toBeUndefined();
    });

    it("holds the latest version of each collection, by tenant", async () => {
      const log = await openLog(context.store);
      await log.fold(
        log.schema({ name: "users" }),
        log.schema({ name: "users", fields: ["note", "extra"] }),
        log.schema({ name: "users", tenant: "other" }),
        log.schema({ name: "orders" }),
      );
      const collections = await context.store.readCollections(0);
      const summary = collections.map(({ tenant, name, version }) => `${tenant} ${name} ${version}`);
      expect(summary.toSorted()).toEqual(["acme orders 1", "acme users 2", "other users 1"]);
      const users = collections.find((one) => one.tenant === TENANT && one.name === "users");
      expect(Object.keys(users!.schema.fields)).toEqual(["note", "extra"]);
      expect(await context.store.readCollections(1)).toEqual([]);
      expect((await context.store.loadPartition(0)).collections).toEqual(log.state.collections);
    });

    it("gives a schema's members back in the order that they were declared in", async () => {
      const log = await openLog(context.store);
      const states = { open: ["closed"], "in work": ["open"], closed: [], "": [] };
      const status = { class: "authoritative", type: "string", states, initial: "open" } as const;
      const plain = { class: "lww" } as const;
      const schema = { fields: { zeta: plain, status, long_name: plain, b: plain, a: plain } };
      await log.fold(log.schema({ name: "users", schema }), log.schema({ name: "b" }));
      const loaded = Object.values((await context.store.loadPartition(0)).collections);
      for (const collections of [loaded, await context.store.readCollections(0)]) {
        const users = collections.find(({ name }) => name === "users");
        expect(JSON.stringify(users?.schema)).toBe(JSON.stringify(schema));
      }
    });
  });
}

const ODD_VALUES: readonly JsonValue[] = [
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "toString": null, "hasOwnProperty": [0]}') as JsonValue,
  { "": "", " ": " ", "a.b": 1, "a\"b": 2, "a\\b": 3, "10": "ten", "9": "nine", é: "é", "😀": "😀" },
  { b: 1, a: 2, aa: 3, B: 4 },
  [[], {}, [[]], [{}], null, [null], ""],
  ["\u0001\u001e\u001f\u007f\u0085\u2028\u2029", "\t\r\n\b\f", "'; drop table records; --", "{}", "{1,2}", "NULL", "\\N"],
  [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, Number.MAX_VALUE, Number.MIN_VALUE, 0.1, 1e21, 1e-7, -0.5, 1e300],
  Array.from({ length: 30 }).reduce<JsonValue>((inner) => ({ nested: [inner] }), "deep"),
  "x".repeat(100_000),
  true,
  null,
]; // prettier-ignore
