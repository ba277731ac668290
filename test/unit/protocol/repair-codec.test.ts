/** Barriers and repairs that no writer should have written are refused. Round trips are with those of all other entries. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RepairEntry } from "../../../services/core/entry.ts";
import { membersNotReading } from "../../../services/core/entry-version.ts";
import { INITIAL_ORIGIN, type OriginState } from "../../../services/core/fold/state.ts";
import { sha256 } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { decodeEntry, encodeEntry, REPAIRS_VERSION } from "../../../services/protocol/entry-codec.ts";
import {
  REPAIR_EXPECTED_MAX,
  REPAIR_REASON_LENGTH_MAX,
  REPAIR_RECORDS_MAX,
} from "../../../services/protocol/repair-codec.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";
import { checkProperty } from "../property.ts";
import { repair } from "./repairs.ts";

const ID = uuidOf("repair");
const HLC = hlcFromMilliseconds(1_767_225_600_000);
const WRITTEN = { hlc: HLC, origin: "eu", position: 3 };
const ENVELOPE = { kind: "repair", origin: "eu", id: ID, at: 9, atMs: 1_000, reason: "majority" } as const;
const ROW = { version: 7, fields: { name: { kind: "lww", value: "Ada", ...WRITTEN } } };
const LINE: readonly unknown[] = ["default", "users", "ada", [null, sha256("a")], ROW];

function framed(body: string): Uint8Array {
  return Buffer.from(`forebay/${REPAIRS_VERSION} ${sha256(body)}\n${body}`);
}

function failure(body: string): string {
  try {
    decodeEntry(framed(body));
  } catch (error) {
    if (error instanceof UndecodableEntryError) return error.message;
    throw error;
  }
  return "it was decoded";
}

function repairText(lines: readonly unknown[], changes: object = {}): string {
  const envelope = { ...ENVELOPE, count: lines.length, ...changes };
  return [envelope, ...lines]
    .map((line) => (typeof line === "string" ? line : JSON.stringify(line)))
    .join("\n");
}

function withRow(changes: object): string {
  return repairText([LINE.with(4, { ...ROW, ...changes })]);
}

function withField(state: unknown): string {
  return withRow({ fields: { it: state } });
}

describe("a barrier", () => {
  const barrier = { kind: "barrier", origin: "eu", id: ID, purpose: "verify" };

  it("has a short name for its purpose, and nothing more", () => {
    expect(failure(JSON.stringify(barrier))).toBe("it was decoded");
    for (const purpose of [
      "",
      "Verify",
      "-verify",
      "verify ",
      "a".repeat(33),
      "verify\n",
      1,
      null,
      undefined,
    ])
      expect(failure(JSON.stringify({ ...barrier, purpose }))).toMatch(/^envelope: /);
    for (const changes of [{ id: "x" }, { origin: "" }, { more: 1 }, { id: undefined }])
      expect(failure(JSON.stringify({ ...barrier, ...changes }))).toMatch(/^envelope: /);
  });

  it("is written in one way, on one line", () => {
    const { kind, origin, id, purpose } = barrier;
    expect(failure(JSON.stringify({ purpose, id, origin, kind }))).toMatch(/not written as it has to be/);
    expect(failure(` ${JSON.stringify(barrier)}`)).toMatch(/not written as it has to be/);
    expect(failure(`${JSON.stringify(barrier)}\n`)).toMatch(/one line/);
  });
});

describe("a repair", () => {
  it("is bounded: records, reason, and the rows that a record may have had", () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => LINE.with(2, `key-${index}`));
    const hashes = (count: number) =>
      Array.from({ length: count }, (_, index) => sha256(String(index))).toSorted();
    expect(failure(repairText(many(REPAIR_RECORDS_MAX)))).toBe("it was decoded");
    expect(failure(repairText(many(REPAIR_RECORDS_MAX + 1)))).toMatch(/^envelope: /);
    expect(failure(repairText([]))).toMatch(/^envelope: /);
    expect(failure(repairText([LINE], { count: 2 }))).toBe("the repair of 2 records has 1");
    expect(failure(repairText([LINE], { reason: "r".repeat(REPAIR_REASON_LENGTH_MAX) }))).toBe(
      "it was decoded",
    );
    for (const reason of ["", "r".repeat(REPAIR_REASON_LENGTH_MAX + 1), 1, undefined])
      expect(failure(repairText([LINE], { reason }))).toMatch(/^envelope: /);
    for (const reason of ["\u0000", "\ud83d"])
      expect(failure(repairText([LINE], { reason }))).toMatch(/reason can't be stored/);
    expect(failure(repairText([LINE.with(3, hashes(REPAIR_EXPECTED_MAX))]))).toBe("it was decoded");
    expect(failure(repairText([LINE.with(3, hashes(REPAIR_EXPECTED_MAX + 1))]))).toMatch(/^repair: /);
  });

  it("names places that can be, and each record once", () => {
    for (const changes of [{ at: 0 }, { at: 1.5 }, { atMs: -1 }, { id: "x" }, { more: 1 }])
      expect(failure(repairText([LINE], changes))).toMatch(/^envelope: /);
    expect(failure(repairText([LINE], { at: 6 }))).toMatch(/a row of 7 was not there at 6/);
    expect(failure(repairText([LINE, LINE]))).toMatch(/a record comes twice/);
    for (const [index, text] of [
      [0, "a\nb"],
      [1, "a\nb"],
      [2, "\u0000"],
      [2, "\ud83d"],
    ] as const)
      expect(failure(repairText([LINE.with(index, text)]))).toMatch(/no record can have such a name/);
    expect(failure(repairText([LINE.with(2, "a\nb")]))).toBe("it was decoded");
  });

  it("expects distinct hashes that rise, no row first, and at least something", () => {
    const [low, high] = [sha256("a"), sha256("b")].toSorted() as [string, string];
    for (const expected of [[null], [low], [null, low, high]])
      expect(failure(repairText([LINE.with(3, expected)]))).toBe("it was decoded");
    for (const expected of [
      [high, low],
      [low, low],
      [low, null],
      [null, null],
    ])
      expect(failure(repairText([LINE.with(3, expected)]))).toMatch(/must rise/);
    for (const expected of [[], null, [""], [low.toUpperCase()], ["x"]])
      expect(failure(repairText([LINE.with(3, expected)]))).toMatch(/^repair: /);
  });

  it("is written in one way", () => {
    const { version, fields } = ROW;
    for (const row of [
      { fields, version },
      { version, fields, expiresAtMs: 5, tombstone: { hlc: HLC, origin: "eu", logTimeMs: 1 } },
    ])
      expect(failure(repairText([LINE.with(4, row)]))).toMatch(/not written as it has to be/);
    expect(failure(repairText([`${JSON.stringify(LINE)} `]))).toMatch(/not written as it has to be/);
    expect(failure(repairText([JSON.stringify(LINE).replace(":7", ":7.0")]))).toMatch(/not written/);
    const { kind, ...rest } = ENVELOPE;
    expect(
      failure([{ ...rest, count: 1, kind }, LINE].map((line) => JSON.stringify(line)).join("\n")),
    ).toMatch(/^envelope: a repair is not/);
    expect(failure(repairText([LINE.with(4, null)]))).toBe("it was decoded");
  });

  it("holds rows that a fold could have made", () => {
    const tombstone = { hlc: HLC, origin: "eu", logTimeMs: 1 };
    expect(failure(withRow({ tombstone, expiresAtMs: 5 }))).toBe("it was decoded");
    const wrong = [
      { version: 0 }, { version: "7" }, { fields: [] }, { fields: undefined }, { tombstone: null }, { expiresAtMs: -1 },
      { tombstone: { ...tombstone, more: 1 } }, { tombstone: { ...tombstone, hlc: "0" } }, { more: 1 }, { key: "ada" },
    ]; // prettier-ignore
    for (const changes of wrong) expect(failure(withRow(changes))).toMatch(/^row: /);
    expect(failure(withRow({ tombstone: { ...tombstone, origin: "\u0000" } }))).toMatch(/can't be stored/);
  });

  it("holds no state of a field that its kind could not work on", () => {
    const wrong = [
      null, {}, { kind: "rumour" }, { kind: "lww", value: 1 }, { kind: "lww", value: 1, ...WRITTEN, more: 1 },
      { kind: "counter" }, { kind: "counter", sum: "1" }, { kind: "counter", sum: 2 ** 53 }, { kind: "set", elements: [] },
      { kind: "set", elements: { '"red"': { eu: -1 } } }, { kind: "map", entries: { a: 1 } },
      { kind: "map", entries: { a: { value: 1 } } }, { kind: "register", values: [WRITTEN] }, { kind: "register", values: {} },
      { kind: "max", value: null }, { kind: "escrow", min: 0, rights: { eu: -1 } }, { kind: "escrow", rights: {} },
      { kind: "lease", holder: 1, token: 1, expiresAtMs: 1 }, { kind: "claim", key: "" }, { kind: "claim" },
    ]; // prettier-ignore
    for (const state of wrong) expect(failure(withField(state))).toMatch(/^row: /);
    expect(failure(withField({ kind: "set", elements: { red: { eu: 1 } } }))).toMatch(
      /^element of a set: not JSON/,
    );
    expect(failure(withField({ kind: "value", value: "\u0000" }))).toMatch(/^row: has a NUL/);
    expect(failure(withField({ kind: "value", value: ["\ud83d"] }))).toMatch(/^row: has a NUL/);
  });

  it("has claims and leases as the fold keeps them", () => {
    const claim = { claim: { kind: "claim", key: "ada" } };
    const lease = { lease: { kind: "lease", holder: null, token: 1, expiresAtMs: 0 } };
    const reserved = (collection: string, fields: object): string =>
      failure(repairText([LINE.with(1, collection).with(4, { ...ROW, fields })]));
    expect(reserved("$claims", claim)).toBe("it was decoded");
    expect(reserved("$leases", lease)).toBe("it was decoded");
    for (const fields of [{}, lease, { other: claim.claim }, { claim: lease.lease }, { ...claim, ...lease }])
      expect(reserved("$claims", fields)).toMatch(/^row: this is none of \$claims/);
    for (const fields of [{}, claim])
      expect(reserved("$leases", fields)).toMatch(/^row: this is none of \$leases/);
  });

  it("is checked under any name, also one with a line break", () => {
    expect(failure(withRow({ fields: { "a\nb": { kind: "no such" } } }))).toMatch(/^row: /);
    expect(failure(withRow({ fields: { "\u2028": { kind: "counter", sum: "1" } } }))).toMatch(/^row: /);
  });

  it("has no time that a database can't hold", () => {
    expect(failure(withRow({ expiresAtMs: Number.MAX_SAFE_INTEGER }))).toBe("it was decoded");
    expect(failure(withRow({ expiresAtMs: 2 ** 63 }))).toMatch(/^row: /);
  });

  it("keeps the order of its rows' fields, in which regions store them", () => {
    const texts = ({ records }: RepairEntry) => records.map(({ record }) => JSON.stringify(record?.fields));
    checkProperty(
      fc.property(repair, (entry) => {
        const decoded = decodeEntry(encodeEntry(entry)).entry as RepairEntry;
        expect(texts(decoded)).toEqual(texts(entry));
      }),
    );
  });
});

describe("which members read an entry", () => {
  const reading = (reads: number): OriginState => {
    const tick = { walHead: 0, appliedPosition: 0, hlc: HLC, software: "test", reads, logTimeMs: 1 };
    return { ...INITIAL_ORIGIN, tick };
  };

  it("all but those that say less, or nothing yet", () => {
    const origins = { eu: reading(4), us: reading(3), ap: INITIAL_ORIGIN, sa: reading(9) };
    expect(membersNotReading({ origins }, REPAIRS_VERSION)).toEqual(["us", "ap"]);
    expect(membersNotReading({ origins: { eu: reading(4) } }, REPAIRS_VERSION)).toEqual([]);
  });
});
