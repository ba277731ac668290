import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { operatorsOf } from "../../../services/core/fields/index.ts";
import { LOCAL_KINDS, OPERATORS } from "../../../services/core/fields/kind.ts";
import { sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Operation } from "../../../services/core/operation.ts";
import {
  decodeEntry,
  encodeBatch,
  encodeEntry,
  encodeOperation,
  ENTRY_VERSION,
  SWEEP_RECORDS_MAX,
} from "../../../services/protocol/entry-codec.ts";
import { decodeChanges, encodeChanges } from "../../../services/protocol/change-codec.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";
import { checkProperty } from "../property.ts";
import { anyEntry, batch } from "./entries.ts";
import { change, lineOf } from "./operations.ts";

const ID = uuidOf("operation");
const HLC = hlcFromMilliseconds(1_767_225_600_000);
const TICK = {
  kind: "tick",
  origin: "eu",
  hlc: HLC,
  walHead: 42,
  appliedPosition: 7,
  chain: ZERO_HASH,
  software: "0.1.0",
  reads: 1,
} as const;
const SCHEMA = {
  kind: "schema",
  origin: "us",
  id: ID,
  requestHash: sha256("request"),
  tenant: "default",
  name: "users",
  deadlineMs: 1_767_225_605_000,
  version: null,
  schema: { fields: { name: { class: "lww", type: "string" }, likes: { class: "merge", kind: "counter" } } },
} as const;
const OPERATION: Operation = {
  id: ID,
  tenant: "default",
  collection: "users",
  key: "ada",
  hlc: HLC,
  seen: 6,
  requestHash: sha256("request"),
  changes: [
    { field: "name", kind: "lww", operator: "set", argument: 'Ada \u2028 "L"' },
    { field: "likes", kind: "counter", operator: "inc", argument: 1 },
    { field: "tags", kind: "set", operator: "remove", argument: ["x", 1, true] },
  ],
};
const ENVELOPE = { origin: "eu", epoch: 3, first: 41, last: 41, previous: ZERO_HASH };

/** An entry of any text, with a right checksum: what a log would hold if a writer had a bug. */
function framed(body: string, version: number | string = 1): Uint8Array {
  return Buffer.from(`forebay/${version} ${sha256(body)}\n${body}`);
}

function failure(data: Uint8Array): string {
  try {
    decodeEntry(data);
  } catch (error) {
    if (error instanceof UndecodableEntryError) return error.message;
    throw error;
  }
  return "it was decoded";
}

describe("round trip", () => {
  it("keeps every entry as it was, with whatever is in its texts", () => {
    checkProperty(
      fc.property(anyEntry, ({ entry, data }) => {
        const decoded = decodeEntry(data);
        expect(
          isDeepStrictEqual(JSON.parse(JSON.stringify(decoded.entry)), JSON.parse(JSON.stringify(entry))),
        ).toBe(true);
        expect(Object.keys(decoded.entry).toSorted()).toEqual(Object.keys(entry).toSorted());
      }),
      { runs: 500 },
    );
  });

  it("gives the same bytes again", () => {
    checkProperty(
      fc.property(anyEntry, ({ data }) => {
        const { entry } = decodeEntry(data);
        const again =
          entry.kind === "batch"
            ? encodeBatch(
                entry,
                entry.operations.map(({ operation }) => lineOf(operation)),
              )
            : encodeEntry(entry);
        expect(Buffer.from(again).equals(Buffer.from(data))).toBe(true);
      }),
    );
  });

  it("keeps the text that the hash chain covers", () => {
    checkProperty(
      fc.property(batch, ({ data }) => {
        const { entry } = decodeEntry(data);
        if (entry.kind !== "batch") throw new Error("not a batch");
        for (const { operation, text } of entry.operations) expect(lineOf(operation)).toBe(text);
      }),
    );
  });

  it("keeps an operation on one line, whatever its texts", () => {
    checkProperty(
      fc.property(batch, ({ entry, data }) => {
        if (entry.kind !== "batch") throw new Error("not a batch");
        expect(Buffer.from(data).toString("utf8").split("\n")).toHaveLength(2 + entry.operations.length);
      }),
    );
  });

  it("reads an entry from the middle of a larger buffer", () => {
    const data = encodeEntry(TICK);
    const larger = Buffer.concat([Buffer.from("before\n"), data, Buffer.from("\nafter")]);
    expect(decodeEntry(larger.subarray(7, 7 + data.length)).entry).toEqual(TICK);
  });

  it("keeps changes through the WAL", () => {
    checkProperty(
      fc.property(fc.array(change, { minLength: 1 }), (changes) => {
        expect(isDeepStrictEqual(decodeChanges(encodeChanges(changes)), changes)).toBe(true);
      }),
    );
  });

  it("gives each entry its own checksum", () => {
    checkProperty(
      fc.property(anyEntry, anyEntry, (one, other) => {
        const isSame = Buffer.from(one.data).equals(Buffer.from(other.data));
        expect(decodeEntry(one.data).checksum === decodeEntry(other.data).checksum).toBe(isSame);
      }),
    );
  });
});

describe("what was changed on the way is refused", () => {
  it("any byte", () => {
    checkProperty(
      fc.property(anyEntry, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ data }, place, flip) => {
        const changed = Buffer.from(data);
        const index = place % changed.length;
        changed[index] = changed[index]! ^ flip;
        expect(failure(changed)).not.toBe("it was decoded");
      }),
      { runs: 1_000 },
    );
  });

  it("every bit of one entry", () => {
    const data = encodeBatch(ENVELOPE, [lineOf(OPERATION)]);
    for (let bit = 0; bit < data.length * 8; bit += 1) {
      const changed = Buffer.from(data);
      changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
      expect(failure(changed)).not.toBe("it was decoded");
    }
  });

  it("bytes that only read as the same text", () => {
    const data = Buffer.from(encodeEntry({ ...TICK, software: "\ufffd" }));
    const place = data.indexOf(Buffer.from("\ufffd"));
    const changed = Buffer.concat([data.subarray(0, place), Buffer.from([0xff]), data.subarray(place + 3)]);
    expect(changed.toString("utf8")).toBe(data.toString("utf8"));
    expect(failure(changed)).toMatch(/checksum/);
  });

  it("a cut at any place, and anything after the end", () => {
    const data = encodeBatch(ENVELOPE, [lineOf(OPERATION)]);
    for (let length = 0; length < data.length; length += 1)
      expect(failure(data.subarray(0, length))).not.toBe("it was decoded");
    for (const more of [" ", "\n", "\u0000", lineOf(OPERATION)])
      expect(failure(Buffer.concat([data, Buffer.from(more)]))).toMatch(/checksum/);
  });
});

describe("what no writer should have written is refused", () => {
  const line = lineOf(OPERATION);
  const batchText = (changes: object, lines: readonly string[] = [line]): string =>
    [JSON.stringify({ kind: "batch", ...ENVELOPE, ...changes }), ...lines].join("\n");
  const operationText = (index: number, member: unknown): string => {
    const tuple = JSON.parse(line) as unknown[];
    tuple[index] = member;
    return batchText({}, [JSON.stringify(tuple)]);
  };
  const changeText = (...changes: readonly unknown[]): string => operationText(7, changes);

  it("a newer version, and says to upgrade", () => {
    expect(failure(framed(JSON.stringify(TICK), ENTRY_VERSION + 1))).toMatch(
      /version 9 is newer than 8: upgrade/,
    );
    expect(failure(framed(JSON.stringify(TICK), 9_999))).toMatch(/newer/);
  });

  it("a version that there never was, or a header of another shape", () => {
    for (const version of [0, "01", "-1", "1.0", "", "10000", "x"])
      expect(failure(framed(JSON.stringify(TICK), version))).toMatch(/header/);
    for (const text of [
      "",
      "\n",
      "forebay",
      "forebay/1\n{}",
      ` ${Buffer.from(encodeEntry(TICK)).toString()}`,
    ])
      expect(failure(Buffer.from(text))).toMatch(/header/);
  });

  it("a batch with more or fewer operations than it says, or none", () => {
    expect(failure(framed(batchText({ last: 42 })))).toMatch(/41–42 has 1 operations/);
    expect(failure(framed(batchText({}, [line, line])))).toMatch(/41–41 has 2 operations/);
    expect(failure(framed(batchText({}, [])))).toMatch(/0 operations/);
    expect(failure(framed(batchText({ last: 40 }, [])))).toMatch(/41–40/);
    expect(failure(framed(batchText({ last: 1 })))).toMatch(/41–1/);
  });

  it("an envelope with something missing, or of another type", () => {
    const wrong: readonly object[] = [
      { kind: "rumour" }, { kind: undefined }, { origin: "" }, { origin: "x".repeat(33) }, { origin: 1 }, { epoch: -1 },
      { epoch: 1.5 }, { epoch: "3" }, { first: 0 }, { first: null }, { previous: "" }, { previous: ZERO_HASH.slice(1) },
      { previous: `${ZERO_HASH}0` }, { previous: "G".repeat(64) }, { previous: undefined },
    ]; // prettier-ignore
    for (const changes of wrong) expect(failure(framed(batchText(changes)))).toMatch(/^envelope: /);
    for (const text of ["", "null", "[]", "{}", "1", '"tick"', "{", "undefined"])
      expect(failure(framed(text))).toMatch(/^envelope: /);
  });

  it("an operation with something missing, or of another type", () => {
    const wrong: readonly (readonly [number, unknown])[] = [
      [0, "no-id"], [0, ID.toUpperCase()], [0, `${ID}0`], [1, ""], [1, null], [2, ""], [3, ""], [3, 1], [4, "0"],
      [4, HLC.toUpperCase()], [5, -1], [5, "6"], [5, 1.5], [6, "hash"], [7, []], [7, {}], [7, null], [8, "more"],
    ]; // prettier-ignore
    for (const [index, member] of wrong)
      expect(failure(framed(operationText(index, member)))).toMatch(/^operation: /);
    for (const text of ["", "{}", "null", "[]", line.slice(1), `${line} `.slice(0, -2)])
      expect(failure(framed(batchText({}, [text])))).toMatch(/^operation: /);
  });

  it("a change of an unknown kind or operator, or with a member too many or too few", () => {
    const wrong = [
      ["name", "lww", "set"], ["name", "lww", "set", "Ada", 1], ["", "lww", "set", "Ada"], [1, "lww", "set", "Ada"],
      ["name", "LWW", "set", "Ada"], ["name", "bag", "take", 1], ["name", "constructor", "set", 1],
      ["name", "lww", "constructor", 1], ["name", "lww", "__proto__", 1], "name", null,
    ]; // prettier-ignore
    for (const changed of wrong) expect(failure(framed(changeText(changed)))).toMatch(/^operation: /);
  });

  it("every operator that the kind does not have", () => {
    for (const kind of LOCAL_KINDS) {
      for (const operator of OPERATORS) {
        if (operatorsOf(kind).includes(operator)) continue;
        const reason = failure(framed(changeText(["it", kind, operator, null])));
        expect(reason).toBe(`change of it: a ${kind} has no operator ${operator}`);
      }
    }
  });

  it("arguments of another shape than the operator's", () => {
    const wrong = [
      ["counter", "inc", "1"], ["counter", "inc", 1.5], ["counter", "inc", null], ["counter", "inc", 2 ** 53],
      ["set", "add", "red"], ["set", "add", [null]], ["set", "remove", [{}]], ["set", "add", [[]]], ["map", "put", []],
      ["map", "put", null], ["map", "drop", [1]], ["map", "drop", {}], ["max", "raise", null], ["max", "raise", true],
      ["min", "lower", [1]], ["escrow", "give", 0], ["escrow", "give", null], ["escrow", "give", 2 ** 53],
      ["escrow", "take", -1], ["escrow", "take", 0.5], ["escrow", "take", "1"], ["escrow", "move", 1],
      ["escrow", "move", null], ["escrow", "move", {}], ["escrow", "move", { to: "us" }], ["escrow", "move", { amount: 1 }],
      ["escrow", "move", { to: 1, amount: 1 }], ["escrow", "move", { to: "us", amount: 0 }],
      ["escrow", "move", { to: "us", amount: "1" }],
    ]; // prettier-ignore
    for (const [kind, operator, argument] of wrong) {
      expect(failure(framed(changeText(["it", kind, operator, argument])))).toMatch(
        /^change of it: \w+ takes /,
      );
      expect(() => decodeChanges(JSON.stringify([["it", kind, operator, argument]]))).toThrow(
        UndecodableEntryError,
      );
    }
  });

  it("a schema with fields that could not have been accepted", () => {
    const schemaText = (schema: string): string =>
      JSON.stringify({ ...SCHEMA, schema: "?" }).replace('"?"', schema);
    expect(failure(framed(schemaText('{"fields":{"a":{"class":"lww"}}}')))).toBe("it was decoded");
    const full = '{"a":{"class":"authoritative","initial":"ü 1","states":{"ü 1":["",""],"__proto__":[]}}}';
    const options = '"partitionBy":"collection","delete":"authoritative"';
    expect(failure(framed(schemaText(`{"fields":${full},${options}}`), 2))).toBe("it was decoded");
    const wrong = [
      "{}", "[]", "null", '{"a":{"class":"best"}}', '{"a":{"class":"merge"}}', '{"a-b":{"class":"lww"}}',
      '{"__proto__":{"class":"lww"}}', '{"a":{"class":"merge","kind":"lww"}}', '{"a":{"class":"merge","kind":"value"}}',
      '{"a":{"class":"lww","more":1}}', '{"a":{"class":"lww"},"__proto__":{"class":"lww"}}',
      '{"a":{"class":"lww","type":"text"}}', '{"a":{"class":"lww","unique":true}}',
    ]; // prettier-ignore
    const wrongRules = [
      '"unique":1', '"min":"1"', '"max":1e999', '"initial":null', '"initial":"\\u0000"', '"initial":"\\ud83d"',
      '"initial":"a\\nb"', '"states":[]', '"states":{"a":"b"}', '"states":{"a":[1]}', '"states":{"a\\nb":5}',
      '"states":{"a\\r":["a"]}', '"states":{"\\u0000":[]}', '"states":{"\\ud83d":[]}', '"states":{"a":["\\u0000"]}',
      '"states":{"\\u2028":5}', '"states":{"__proto__":5}', '"kind":"counter"', '"more":1',
      '"default":"\\u0000"', '"default":[{"\\ud83d":1}]', '"default":1e999', '"deprecated":null',
    ]; // prettier-ignore
    const texts = [
      ...wrong.map((fields) => `{"fields":${fields}}`),
      ...wrongRules.map((rule) => `{"fields":{"a":{"class":"authoritative",${rule}}}}`),
      ...[
        '"partitionBy":"tenant"',
        '"partitionBy":null',
        '"delete":"local"',
        '"delete":true',
        '"more":1',
      ].map((option) => `{"fields":{"a":{"class":"lww"}},${option}}`),
    ];
    for (const text of texts) {
      for (const version of [1, 2])
        expect(`${text} ${failure(framed(schemaText(text), version))}`).toMatch(/ envelope: /);
    }
  });

  it("a sweep of no records, of too many, or of what is no record", () => {
    const sweepText = (records: unknown): string => JSON.stringify({ kind: "sweep", origin: "eu", records });
    const many = (count: number) => Array.from({ length: count }, () => ["default", "users", "a\nb"]);
    expect(failure(framed(sweepText(many(SWEEP_RECORDS_MAX)), 2))).toBe("it was decoded");
    const wrong = [
      [], null, {}, many(SWEEP_RECORDS_MAX + 1), ["default"], [["default", "users"]], [["default", "users", ""]],
      [["default", "users", "a", 1]], [["", "users", "a"]], [["default", 1, "a"]], [{ tenant: "default" }],
    ]; // prettier-ignore
    for (const records of wrong) expect(failure(framed(sweepText(records), 2))).toMatch(/^envelope: /);
    expect(failure(framed(`${sweepText(many(1))}\n`, 2))).toMatch(/a sweep entry has one line/);
  });

  it("lines behind an entry that has none", () => {
    expect(failure(framed(`${JSON.stringify(TICK)}\n${line}`))).toMatch(/a tick entry has one line/);
  });

  it("changes of the WAL that are no changes", () => {
    for (const body of ["", "[]", "{}", "null", "[[]]", '[["name"]]'])
      expect(() => decodeChanges(body)).toThrow(UndecodableEntryError);
  });
});

describe("the wire format", () => {
  const text = (data: Uint8Array): string => Buffer.from(data).toString("utf8");

  it("of each kind of entry is this, to the letter: other software versions read it", () => {
    const genesis = {
      kind: "genesis",
      cluster: uuidOf("cluster"),
      partition: 2,
      partitions: 4,
      members: ["ap", "eu"],
    } as const;
    expect(text(encodeEntry(genesis))).toMatchInlineSnapshot(`
      "forebay/1 587139f413721764a1a922b6aeacc54c8b07e0fd262b39e52a6ced5d0f34432c
      {"kind":"genesis","cluster":"164cf1ca-8391-832e-8f23-9c556c0c1958","partition":2,"partitions":4,"members":["ap","eu"]}"
    `);
    expect(text(encodeEntry(TICK))).toMatchInlineSnapshot(`
      "forebay/1 79fbfbdbc2a7c4a35a81cdcf0fb17ebf547bfb28040d77b161a7f9ee60540625
      {"kind":"tick","origin":"eu","hlc":"019b76daa8000000","walHead":42,"appliedPosition":7,"chain":"0000000000000000000000000000000000000000000000000000000000000000","software":"0.1.0","reads":1}"
    `);
    expect(text(encodeEntry(SCHEMA))).toMatchInlineSnapshot(`
      "forebay/1 88e7198ec705994134e5a3ab7453103c04676f5d4a4ec13d1565a81c2ade9025
      {"kind":"schema","origin":"us","id":"9bf5a24e-4aa7-8998-9ac4-1f1a0f8713ec","requestHash":"1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047","tenant":"default","name":"users","deadlineMs":1767225605000,"version":null,"schema":{"fields":{"name":{"class":"lww","type":"string"},"likes":{"class":"merge","kind":"counter"}}}}"
    `);
    const records = [{ tenant: "default", collection: "users", key: 'a "b"' }];
    expect(text(encodeEntry({ kind: "sweep", origin: "eu", records }))).toMatchInlineSnapshot(`
      "forebay/2 d65ad70c8396e0bc4fddcb23f69b4fbc0211db9d4fdde531dffbdbcc2028f3ba
      {"kind":"sweep","origin":"eu","records":[["default","users","a \\"b\\""]]}"
    `);
    expect(text(encodeBatch(ENVELOPE, [lineOf(OPERATION)]))).toMatchInlineSnapshot(`
      "forebay/1 1cb49aca9cf183252d1e8bc76ff9e8ddf9c41c427f1788edabb59d02c6993ca8
      {"kind":"batch","origin":"eu","epoch":3,"first":41,"last":41,"previous":"0000000000000000000000000000000000000000000000000000000000000000"}
      ["9bf5a24e-4aa7-8998-9ac4-1f1a0f8713ec","default","users","ada","019b76daa8000000",6,"1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047",[["name","lww","set","Ada   \\"L\\""],["likes","counter","inc",1],["tags","set","remove",["x",1,true]]]]"
    `);
  });

  it("of each kind of change is this, to the letter: WALs hold it", () => {
    const changes = LOCAL_KINDS.flatMap((kind) =>
      operatorsOf(kind).map((operator) => ({ field: "it", kind, operator, argument: null })),
    );
    expect(encodeChanges(changes)).toMatchInlineSnapshot(
      `"[["it","lww","set",null],["it","lww","unset",null],["it","counter","inc",null],["it","set","add",null],["it","set","remove",null],["it","map","put",null],["it","map","drop",null],["it","register","set",null],["it","max","raise",null],["it","min","lower",null],["it","escrow","give",null],["it","escrow","take",null],["it","escrow","move",null]]"`,
    );
  });

  it("takes the body as it is in the WAL", () => {
    const body = '[["a","lww","set",{"b": 1,  "a":2}]]';
    expect(encodeOperation({ ...OPERATION, body }).endsWith(`,${body}]`)).toBe(true);
  });
});
