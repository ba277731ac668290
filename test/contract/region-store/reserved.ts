/** Records that no client addresses: rows like all others, and in no listing of a client's collection. */
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../services/core/json.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import { CLAIMS_COLLECTION, claimRecord, LEASES_COLLECTION } from "../../../services/core/reserved.ts";
import { UNIQUE_VALUE_BYTES_MAX, type CollectionSchema } from "../../../services/core/schema.ts";
import type { Context } from "./context.ts";
import { acquire, assign, claimOf, loadRows, openUsers, proposal, USERS } from "./decisions.ts";
import { append, appendTo, compareBytes, keysOf, list, scan, TENANT } from "./operations.ts";
import { openLog } from "./test-log.ts";

export function reservedCollections(context: Context): void {
  describe("reserved collections", () => {
    const listOf = async (collection: string, prefix = "") => {
      const options = { tenant: TENANT, collection, prefix, after: undefined, limit: 100 };
      return keysOf(await context.store.listRecords(options));
    };

    it("are in no listing of a client's collection, although their rows are beside its rows", async () => {
      const log = await openUsers(context.store);
      await log.fold(log.schema({ name: "a", schema: USERS }), log.schema({ name: "userz", schema: USERS }));
      const values = ["users", "users\nemail\n", "\nacme\nusers\n", "a"];
      const writes = values.map((email, index) => assign(`key-${index}`, { email }));
      await log.fold(
        log.propose(proposal(writes), proposal([acquire("users", "one"), acquire("key-9", "one")])),
      );
      await appendTo(context.store, [append("key-8")]);
      expect(keysOf(await list(context.store, {}))).toEqual(["key-0", "key-1", "key-2", "key-3", "key-8"]);
      for (const prefix of ["$", "\n", "users", "a"])
        expect(await list(context.store, { prefix })).toEqual([]);
      for (const name of ["a", "userz", "$", ""]) expect(await listOf(name)).toEqual([]);
      expect(await listOf(LEASES_COLLECTION)).toEqual(["key-9", "users"]);
      const claims = values.map((value) => claimOf("email", value).key);
      expect(await listOf(CLAIMS_COLLECTION)).toEqual(claims.toSorted(compareBytes));
    });

    it("keep the line feeds of their keys", async () => {
      const log = await openUsers(context.store);
      const values = ["x", "line\nfeed", "\u2028", "\\n"];
      await log.fold(log.propose(...values.map((email) => proposal([assign(`of ${email}`, { email })]))));
      const ids = values.map((value) => claimOf("email", value));
      expect(ids[0]!.key).toBe('users\nemail\n"x"');
      const rows = await loadRows(context.store, ids);
      expect([...rows.keys()].toSorted()).toEqual(ids.map(recordIdText).toSorted());
      for (const [index, id] of ids.entries()) {
        const { key, collection, tenant } = id;
        const expected = { key, collection, tenant, fields: { claim: { key: `of ${values[index]!}` } } };
        expect(rows.get(recordIdText(id))).toMatchObject(expected);
        expect((await context.store.readRecord(id)).committed).toMatchObject(expected);
        expect(await listOf(CLAIMS_COLLECTION, key)).toEqual([key]);
      }
      const { records } = await scan(context.store, 0);
      const scanned = records.filter(({ collection }) => collection === CLAIMS_COLLECTION);
      expect(keysOf(scanned).toSorted()).toEqual(keysOf(ids).toSorted());
      expect(await listOf(CLAIMS_COLLECTION, "users\nemail\n")).toEqual(keysOf(ids).toSorted(compareBytes));
    });

    it("have room in their index for the longest unique value of the longest names", async () => {
      const [tenant, name, field] = ["t".repeat(63), "c".repeat(63), "f".repeat(63)];
      const schema: CollectionSchema = {
        partitionBy: "collection",
        fields: { [field]: { class: "authoritative", type: "string", unique: true } },
      };
      const log = await openLog(context.store);
      await log.fold(log.schema({ name, tenant, schema }));
      const writes = LONGEST_VALUES.map((value, index) => ({
        ...assign(`${"k".repeat(510)}${String(index).padStart(2, "0")}`, { [field]: value }),
        collection: name,
      }));
      const { outcomes } = await log.fold(log.propose(proposal(writes, { tenant })));
      expect(outcomes[0]).not.toHaveProperty("rejection");
      await log.restart();
      const ids = LONGEST_VALUES.map((value) => claimRecord({ tenant, collection: name, field, value }));
      expect((await loadRows(context.store, ids)).size).toBe(LONGEST_VALUES.length);
      for (const [index, write] of writes.entries()) {
        const again = proposal([{ ...write, key: "another" }], { tenant });
        const { outcomes } = await log.fold(log.propose(again));
        expect(outcomes[0]?.rejection?.code).toBe("unique");
        expect((await context.store.readRecord({ partition: 0, ...ids[index]! })).committed?.fields).toEqual({
          claim: { kind: "claim", key: writes[index]!.key },
        });
      }
    });
  });
}

/** Of as many bytes as a unique value may have as JSON, with nothing in them that an index could make shorter. */
const LONGEST_VALUES: readonly string[] = [
  controls(85),
  alternating(['"', "\\"], 255),
  alternating(["\u{1f600}", "\u{10ffff}", "\u{10000}"], 127) + "ab",
  alternating(["x", "é", "\u007f"], 382),
].map(filled);

function controls(length: number): string {
  return alternating(
    Array.from({ length: 31 }, (_, index) => String.fromCodePoint(index + 1)).filter(
      (character) => !/[\b\t\n\f\r]/.test(character),
    ),
    length,
  );
}

/** A sequence without a pattern, the same in every run. */
function alternating(characters: readonly string[], length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return characters[state % characters.length];
  }).join("");
}

/** Cut or filled so that its JSON text has the most bytes allowed. */
function filled(text: string): string {
  let value = Array.from(text);
  const bytes = () => Buffer.byteLength(canonicalJson(value.join("")));
  while (bytes() > UNIQUE_VALUE_BYTES_MAX) value = value.slice(0, -1);
  return value.join("") + "z".repeat(UNIQUE_VALUE_BYTES_MAX - bytes());
}
