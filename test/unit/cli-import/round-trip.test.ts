/** What is exported is imported again as it was: values of all kinds of field, through both formats. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planWrite } from "../../../services/core/accept/write.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { showFields } from "../../../services/core/record.ts";
import { defaultsOf, type CollectionSchema } from "../../../services/core/schema.ts";
import { viewFields } from "../../../services/core/view.ts";
import { csvHeader, csvRow, ndjsonLine, type ExportedRecord } from "../../../services/cli/export/columns.ts";
import { Mapping } from "../../../services/cli/import/mapping.ts";
import { openSource } from "../../../services/cli/import/source.ts";
import { testSeed } from "../property.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    text: { class: "lww", type: "string" },
    whole: { class: "lww", type: "integer" },
    number: { class: "lww", type: "number", default: 7 },
    flag: { class: "lww", type: "boolean" },
    anything: { class: "lww" },
    counter: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    map: { class: "merge", kind: "map" },
    register: { class: "merge", kind: "register" },
    best: { class: "merge", kind: "max" },
    first: { class: "merge", kind: "min", type: "string" },
    stock: { class: "merge", kind: "escrow", min: -3 },
    credit: { class: "authoritative", type: "integer" },
    note: { class: "authoritative" },
  },
};

const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter((value) => !value.includes("\u0000"));
const special = fc.constantFrom("", " ", '"', "a,b", "x\r\ny", "null", "1", "[1]", "true", "\uFEFFx");
const anyText = fc.oneof(text, special);
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
);
const scalar = fc.oneof(anyText, number, fc.boolean());
const json = fc
  .letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      scalar,
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.string({ maxLength: 4, unit: "grapheme-ascii" }), tie("value"), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    ),
  }))
  .value.filter((value) => !JSON.stringify(value).includes("__proto__"));
const integer = fc.integer({ min: -1_000_000, max: 1_000_000 });

/** As a region shows them. */
const fields = fc.record(
  {
    text: anyText,
    whole: integer,
    number,
    flag: fc.boolean(),
    anything: json,
    counter: integer,
    tags: fc.uniqueArray(scalar, { selector: (value) => JSON.stringify(value), maxLength: 4 }),
    map: fc.dictionary(
      fc.string({ maxLength: 4, unit: "grapheme-ascii" }).filter((name) => name !== "__proto__"),
      json,
      { maxKeys: 3, noNullPrototype: true },
    ),
    register: json.map((value) => [value]),
    best: number,
    first: anyText,
    stock: fc.integer({ min: -3, max: 1_000_000 }),
    credit: integer,
    note: json,
  },
  { requiredKeys: ["text"] },
);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "forebay-round-trip-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a region shows of the record once the row is imported. */
async function imported(path: string): Promise<ExportedRecord[]> {
  const source = await openSource({ from: path });
  const mapping = new Mapping(SCHEMA, source, {});
  const records: ExportedRecord[] = [];
  for await (const row of source.rows(undefined)) {
    const { key, operators } = mapping.toWrite(row);
    const { changes } = planWrite(SCHEMA, operators);
    const operation = {
      id: "o",
      requestHash: "",
      tenant: "t",
      collection: "c",
      key,
      hlc: hlcFromMilliseconds(1),
      seen: 0,
      changes,
    };
    const shown = viewFields({ committed: undefined, pending: [operation], origin: "eu", schema: SCHEMA });
    records.push({ key, fields: { ...defaultsOf(SCHEMA), ...showFields(shown ?? {}) } });
  }
  return records;
}

/** Elements of sets come in the order of their texts, and objects say the same in any order. */
function shownAs({ key, fields: given }: ExportedRecord): unknown {
  const { tags, ...rest } = { ...defaultsOf(SCHEMA), ...given } as { tags?: unknown[] };
  return { key, fields: { ...rest, ...(tags && { tags: tags.map((tag) => JSON.stringify(tag)).sort() }) } };
}

describe("records that are exported and imported", () => {
  it.each(["csv", "ndjson"] as const)("are shown as before, by way of %s", async (format) => {
    const records = fc.array(fc.record({ key: fc.constantFrom("a", "b c", 'd"e,f', "g/h"), fields }), {
      minLength: 1,
      maxLength: 5,
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(records, async (given) => {
        const lines = given.map((record) =>
          (format === "csv" ? csvRow : ndjsonLine)(SCHEMA, record, new Map()),
        );
        const path = join(folder, `${(run += 1)}.${format}`);
        writeFileSync(path, (format === "csv" ? csvHeader(SCHEMA) : "") + lines.join(""));
        // JSON knows no negative zero.
        const before = JSON.parse(JSON.stringify(given)) as ExportedRecord[];
        expect((await imported(path)).map(shownAs)).toEqual(before.map(shownAs));
      }),
      { seed: testSeed(), numRuns: 150 },
    );
  });

  it("tell what does not come back", () => {
    const losses = new Map<string, number>();
    const record = { key: "a", fields: { register: ["old", "new"] } };
    expect(ndjsonLine(SCHEMA, record, losses)).toBe('{"_key":"a","register":"new"}\n');
    csvRow(SCHEMA, { key: "b", fields: {} }, losses);
    expect([...losses]).toEqual([
      ["register register holds concurrent values: the newest is exported", 1],
      ["the record has no field, and an import makes none of it", 1],
    ]);
  });
});
