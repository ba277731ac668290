/** The header's version is outside of the checksum: it must be the one that the entry's kind is written with. */
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../services/core/entry.ts";
import { sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import {
  decodeEntry,
  encodeBatch,
  encodeEntry,
  encodeOperation,
  encodeProposals,
  ENTRY_VERSION,
  schemaVersion,
} from "../../../services/protocol/entry-codec.ts";
import { encodeProposal } from "../../../services/protocol/proposal-codec.ts";
import type { TracedIndex } from "../../../services/core/trace.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";

const ID = uuidOf("entry");
const HLC = hlcFromMilliseconds(1_767_225_600_000);
const LWW = { a: { class: "lww", type: "string" } } as const;
const NAMES = { tenant: "default", name: "users" } as const;
const RECORD = { tenant: "default", collection: "users", key: "a" };

const tick: Entry = {
  kind: "tick", origin: "eu", hlc: HLC, walHead: 0, appliedPosition: 0, chain: ZERO_HASH, software: "0.1.0", reads: 1,
}; // prettier-ignore
const genesis: Entry = { kind: "genesis", cluster: ID, partition: 0, partitions: 2, members: ["eu"] };
const schema = (schema: CollectionSchema): Uint8Array =>
  encodeEntry({
    kind: "schema", origin: "us", id: ID, requestHash: ZERO_HASH, ...NAMES, deadlineMs: 1, version: null, schema,
  }); // prettier-ignore
const body = '[["a","lww","set",1]]';
const TRACE = `00-${"4b".repeat(16)}-${"0f".repeat(8)}-01`;
const LINE = encodeOperation({ id: ID, ...RECORD, hlc: HLC, seen: 0, requestHash: ZERO_HASH, body });
const tracedBatch = (traces: readonly TracedIndex[] | undefined) =>
  encodeBatch({ origin: "eu", epoch: 1, first: 1, last: 1, previous: ZERO_HASH, traces }, [LINE]);
const batch = tracedBatch(undefined);
const PROPOSAL = encodeProposal({
  id: ID, tenant: "default", requestHash: ZERO_HASH, hlc: HLC, deadlineMs: 1, fences: [],
  writes: [{ collection: "users", key: "a", action: { type: "delete" } }],
}); // prettier-ignore

/** Regions that still run older software read what version 1 can say. */
const ENTRIES: readonly (readonly [name: string, version: number, data: Uint8Array])[] = [
  ["genesis", 1, encodeEntry(genesis)],
  ["tick", 1, encodeEntry(tick)],
  ["batch", 1, batch],
  ["batch without traces", 1, tracedBatch([])],
  ["batch with traces", 7, tracedBatch([[0, TRACE]])],
  ["proposals with traces", 7, encodeProposals("eu", [PROPOSAL], [[0, TRACE]])],
  ["schema", 1, schema({ fields: LWW })],
  ["schema of merge fields", 1, schema({ fields: { a: { class: "merge", kind: "counter" } } })],
  ["schema with an authoritative field", 2, schema({ fields: { ...LWW, b: { class: "authoritative" } } })],
  ["schema that places records", 2, schema({ fields: LWW, partitionBy: "collection" })],
  ["schema that places records by key", 2, schema({ fields: LWW, partitionBy: "key" })],
  ["schema with authoritative deletes", 2, schema({ fields: LWW, delete: "authoritative" })],
  ["schema with a default", 2, schema({ fields: { a: { class: "lww", default: null } } })],
  [
    "schema that deprecates",
    2,
    schema({ fields: { a: { class: "merge", kind: "set", deprecated: false } } }),
  ],
  ["schema of records that expire", 2, schema({ fields: LWW, ttlMs: 1_000 })],
  ["schema of tombstones that expire", 2, schema({ fields: LWW, tombstoneRetentionMs: 1_000 })],
  ["schema with an escrow", 3, schema({ fields: { ...LWW, b: { class: "merge", kind: "escrow" } } })],
  [
    "schema with an escrow and a bound",
    3,
    schema({ fields: { b: { class: "merge", kind: "escrow", type: "integer", min: -5 } } }),
  ],
  ["schema with an index", 8, schema({ fields: { b: { class: "merge", kind: "escrow", index: true } } })],
  ["schema without an index, as it says", 8, schema({ fields: { b: { class: "lww", index: false } } })],
  ["sweep", 2, encodeEntry({ kind: "sweep", origin: "eu", records: [RECORD] })],
  [
    "forget",
    5,
    encodeEntry({ kind: "forget", origin: "eu", position: 7, logTimeMs: 1_000, without: ["us"] }),
  ],
  ["member", 6, encodeEntry({ kind: "member", origin: "eu", id: ID, action: "add", region: "sa" })],
  [
    "epoch",
    6,
    encodeEntry({
      kind: "epoch", origin: "eu", id: ID, cluster: ID, partition: 0, epoch: 1, chain: "0".repeat(64),
    }), // prettier-ignore
  ],
  ["proposals", 2, encodeEntry({ kind: "propose", origin: "eu", proposals: [] })],
  ["barrier", 4, encodeEntry({ kind: "barrier", origin: "eu", id: ID, purpose: "verify" })],
  [
    "repair",
    4,
    encodeEntry({
      kind: "repair", origin: "eu", id: ID, at: 1, atMs: 1, reason: "majority",
      records: [{ ...RECORD, expected: [null], record: { version: 1, fields: {} } }],
    }), // prettier-ignore
  ],
];

function failure(data: Uint8Array): string {
  try {
    decodeEntry(data);
  } catch (error) {
    if (error instanceof UndecodableEntryError) return error.message;
    throw error;
  }
  return "it was decoded";
}

describe("the version of an entry", () => {
  it.each(ENTRIES)("%s is written and read as version %i", (_, version, data) => {
    expect(Buffer.from(data).toString("latin1", 0, 10)).toBe(`forebay/${version} `);
    expect(failure(data)).toBe("it was decoded");
  });

  it.each(ENTRIES)("%s, of version %i, is refused under any other", (_, version, data) => {
    const [header, ...body] = Buffer.from(data).toString("utf8").split("\n");
    for (let other = 1; other <= ENTRY_VERSION + 7; other += 1) {
      if (other === version) continue;
      const changed = [header!.replace(`forebay/${version}`, `forebay/${other}`), ...body].join("\n");
      const reason = other > ENTRY_VERSION ? /newer than 8: upgrade/ : / entry of version \d says \d/;
      expect(failure(Buffer.from(changed))).toMatch(reason);
    }
  });

  it.each(ENTRIES)("%s, of version %i, is refused when any bits of that byte flip", (_, __, data) => {
    const place = "forebay/".length;
    for (let flip = 1; flip < 256; flip += 1) {
      const changed = Buffer.from(data);
      changed[place] = changed[place]! ^ flip;
      expect(failure(changed)).not.toBe("it was decoded");
    }
  });

  it("is that of the schema, whichever of its fields needs it", () => {
    expect(schemaVersion({ fields: {} })).toBe(1);
    expect(schemaVersion({ fields: LWW })).toBe(1);
    expect(schemaVersion({ fields: { z: { class: "authoritative" }, ...LWW } })).toBe(2);
    const escrow = { class: "merge", kind: "escrow", deprecated: true } as const;
    expect(schemaVersion({ fields: { a: { class: "authoritative" }, z: escrow } })).toBe(3);
    expect(schemaVersion({ fields: { z: escrow, ...LWW }, partitionBy: "collection" })).toBe(3);
  });

  it("does not let version 1 say what it could not: a batch has no changes that the log decides on", () => {
    const line = Buffer.from(batch).toString("utf8").split("\n").slice(1).join("\n");
    const body = line.replace('["a","lww","set",1]', '["a","value","set",1]');
    for (const version of [1, 2]) {
      const data = Buffer.from(`forebay/${version} ${sha256(body)}\n${body}`);
      expect(failure(data)).toMatch(/^operation: /);
    }
  });
});

describe("traces of an entry", () => {
  it("come back, and change neither the operations nor what a chain covers", () => {
    const { entry } = decodeEntry(tracedBatch([[0, TRACE]]));
    const { entry: plain } = decodeEntry(batch);
    expect(entry).toEqual({ ...plain, traces: [[0, TRACE]] });
    expect(batch).toEqual(tracedBatch([]));
    const { entry: proposed } = decodeEntry(encodeProposals("eu", [PROPOSAL], [[0, TRACE]]));
    expect(proposed).toEqual({
      ...decodeEntry(encodeProposals("eu", [PROPOSAL])).entry,
      traces: [[0, TRACE]],
    });
    expect(encodeEntry(proposed as Exclude<Entry, { kind: "batch" }>)).toEqual(
      Buffer.from(encodeProposals("eu", [PROPOSAL], [[0, TRACE]])),
    );
  });

  it.each([
    ["of an operation that there is not", [[1, TRACE]]],
    [
      "of the same operation twice",
      [
        [0, TRACE],
        [0, TRACE],
      ],
    ],
    ["that is none", [[0, "00-nothing"]]],
    ["at no whole number", [[0.5, TRACE]]],
  ] as const)("%s is refused", (_, traces) => {
    expect(() => decodeEntry(tracedBatch(traces))).toThrow(UndecodableEntryError);
  });

  it("in none is refused: one entry has one text", () => {
    const text = Buffer.from(batch).toString().split("\n").slice(1).join("\n");
    const empty = text.replace(/}\n/, ',"traces":[]}\n');
    expect(() => decodeEntry(Buffer.from(`forebay/7 ${sha256(empty)}\n${empty}`))).toThrow(
      UndecodableEntryError,
    );
  });
});
