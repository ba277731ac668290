/** Records of every kind of field at random, and rows for them in a region's database, for tests of what SQL shows. */
import fc from "fast-check";
import { applyChange, type FieldState } from "../../../services/core/fields/index.ts";
import type { Change, ChangeKind, Operator } from "../../../services/core/fields/kind.ts";
import { hlcFromInteger } from "../../../services/core/hlc.ts";
import { unstorableReason, type JsonValue } from "../../../services/core/json.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import type { Fields } from "../../../services/core/record.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { queryOnce } from "./server.ts";

export const TENANT = "acme";
export const COLLECTION = "things";

/** Every kind and type, with defaults and without. */
export const SCHEMA: CollectionSchema = {
  fields: {
    text: { class: "lww", type: "string" },
    textDefault: { class: "lww", type: "string", default: 'it\'s \\ "so"' },
    whole: { class: "lww", type: "integer" },
    number: { class: "lww", type: "number", default: -0.5 },
    isOn: { class: "lww", type: "boolean", default: false },
    anything: { class: "lww" },
    total: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    settings: { class: "merge", kind: "map" },
    note: { class: "merge", kind: "register" },
    best: { class: "merge", kind: "max" },
    first: { class: "merge", kind: "min", type: "string" },
    stock: { class: "merge", kind: "escrow", min: -3 },
    status: {
      class: "authoritative",
      type: "string",
      initial: "new",
      states: { new: ["paid"], paid: [] },
    },
    credit: { class: "authoritative", type: "integer" },
    key: { class: "authoritative" },
    old: { class: "lww", type: "string", deprecated: true },
  },
};

export interface SqlRecord {
  readonly key: string;
  readonly fields: Fields;
  readonly partition?: number;
  readonly tombstone?: string;
  readonly expiresAtMs?: number;
}

const isStorable = (value: unknown) => unstorableReason(value) === undefined;
const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter(isStorable);
const whole = fc.maxSafeInteger();
const small = fc.integer({ min: -1_000, max: 1_000 });
const number = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), small)
  .map((one) => (one === 0 ? 0 : one));
const json = fc
  .jsonValue({ maxDepth: 3 })
  .filter(isStorable)
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);
const names = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "kind", "value"));

function change<T>(
  field: string,
  kind: ChangeKind,
  operators: { readonly [Name in Operator]?: fc.Arbitrary<T> },
): fc.Arbitrary<Change> {
  const one = Object.entries<fc.Arbitrary<T>>(operators as { [name: string]: fc.Arbitrary<T> });
  return fc.oneof(
    ...one.map(([operator, argument]) =>
      argument.map((value): Change => {
        return { field, kind, operator: operator as Operator, argument: value as JsonValue };
      }),
    ),
  );
}

const unset = fc.constant(null);
const elements = fc.uniqueArray(fc.oneof<fc.Arbitrary<JsonValue>[]>(text, small, fc.boolean()), {
  maxLength: 4,
});

const anyChange = fc.oneof(
  change<JsonValue>("text", "lww", { set: text, unset }),
  change<JsonValue>("textDefault", "lww", { set: text, unset }),
  change<JsonValue>("whole", "lww", { set: whole, unset }),
  change<JsonValue>("number", "lww", { set: number, unset }),
  change<JsonValue>("isOn", "lww", { set: fc.boolean(), unset }),
  change<JsonValue>("anything", "lww", { set: json, unset }),
  change("total", "counter", { inc: whole }),
  change<JsonValue>("tags", "set", { add: elements, remove: elements }),
  change<JsonValue>("settings", "map", {
    put: fc.dictionary(names, json, { maxKeys: 3, noNullPrototype: true }),
    drop: fc.uniqueArray(names, { maxLength: 2 }),
  }),
  change("note", "register", { set: json }),
  change("best", "max", { raise: number }),
  change("first", "min", { lower: text }),
  change<JsonValue>("stock", "escrow", { give: fc.integer({ min: 1, max: 1e9 }), take: fc.constant(1) }),
  change<JsonValue>("status", "value", { set: fc.constantFrom("new", "paid"), unset }),
  change<JsonValue>("credit", "value", { set: whole, unset, inc: small }),
  change<JsonValue>("key", "value", { set: json, unset }),
  change<JsonValue>("old", "lww", { set: text, unset }),
);

/** Fields as folds leave them: made by the fields' own rules, and through JSON as through the database. */
export const anyFields: fc.Arbitrary<Fields> = fc
  .array(fc.tuple(anyChange, fc.constantFrom("eu", "us", "ap"), fc.nat({ max: 5 })), { maxLength: 20 })
  .map((changes) => {
    const fields: { [field: string]: FieldState } = {};
    for (const [index, [one, origin, age]] of changes.entries()) {
      const position = index + 1;
      const hlc = hlcFromInteger(BigInt(1_000 + index - age));
      const write = { operation: String(index), origin, hlc, position, seen: Math.max(0, index - age) };
      const before = fields[one.field] ?? emptyOf(one);
      fields[one.field] = applyChange(before, one, write).state;
    }
    return JSON.parse(JSON.stringify(fields)) as Fields;
  });

function emptyOf({ kind }: Change): FieldState | undefined {
  return kind === "escrow" ? { kind, min: -3, rights: { eu: 0, us: 0 } } : undefined;
}

/** Makes the database one of a region that has folded so far. */
export async function setUp(
  url: string,
  collections: { readonly [id: string]: CollectionSchema },
  logTimeMs = Date.now(),
): Promise<void> {
  for (const partition of [0, 1]) {
    await queryOnce(
      url,
      `insert into applied (partition, position, log_time_ms, chain, partitions, members)
       values ($1, 7, $2, '', 2, '{}') on conflict (partition) do update set log_time_ms = $2`,
      [partition, logTimeMs],
    );
  }
  await queryOnce(url, "delete from collections");
  for (const [id, schema] of Object.entries(collections)) {
    const [tenant, name] = id.split("/");
    const values = [tenant, name, JSON.stringify(schema)];
    await queryOnce(
      url,
      "insert into collections (partition, version, tenant, name, schema) values (0, 1, $1, $2, $3)",
      values,
    );
  }
}

export async function insertRecords(
  url: string,
  records: readonly SqlRecord[],
  { tenant, collection } = { tenant: TENANT, collection: COLLECTION },
): Promise<void> {
  const rows = records.map(({ key, fields, partition = 0, tombstone, expiresAtMs }, index) => {
    const id = recordIdText({ tenant, collection, key });
    return { v: index + 1, p: partition, id, f: JSON.stringify(fields), t: tombstone, e: expiresAtMs };
  });
  await queryOnce(
    url,
    `insert into records (version, partition, record_id, fields, tombstone, expires_at_ms)
     select v, p, id, f, t, e from json_to_recordset($1) r(v bigint, p integer, id text, f text, t text, e bigint)
     on conflict (record_id) do update set version = excluded.version, fields = excluded.fields, tombstone = excluded.tombstone`,
    [JSON.stringify(rows)],
  );
}
