/**
 * Log entries on the wire. Text, so that any tool shows what is in the log:
 *
 *   forebay/1 <SHA-256 of the rest>
 *   {"kind":"batch","origin":"eu","epoch":3,"first":41,"last":42,"previous":"…"}
 *   ["<id>","<tenant>","<collection>","<key>","<hlc>",<seen>,"<request hash>",[["<field>","<kind>","<operator>",<argument>],…]]
 *   …one line per operation
 *
 * Version 2 has entries of proposals (`proposal-codec.ts`), and schemas that version 1 did not know; version 3 has
 * schemas with escrow fields, and whatever is done to such fields comes behind one; version 4 has barriers and repairs
 * (`repair-codec.ts`); version 5 forgets operation ids; version 6 changes members, and goes on from logs that failed
 * (`member-codec.ts`); version 7 has trace contexts beside batches and proposals, in the envelope: no chain covers them;
 * version 8 has schemas with indexed fields.
 *
 * Decoding checks everything that the fold relies on: what can't be decoded stops its partition, it is never skipped.
 */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import type {
  BarrierEntry,
  BatchEntry,
  Entry,
  EpochEntry,
  LoggedOperation,
  MemberEntry,
  ProposeEntry,
  RepairEntry,
  SchemaEntry,
} from "../core/entry.ts";
import { sha256 } from "../core/hash.ts";
import type { Hlc } from "../core/hlc.ts";
import type { Operation } from "../core/operation.ts";
import type { TracedIndex } from "../core/trace.ts";
import { isEscrow, type CollectionSchema } from "../core/schema.ts";
import { LocalChange, toChange } from "./change-codec.ts";
import { CollectionSchemaBody } from "./collection.ts";
import { decodeMember, EpochEnvelope, epochForm, MemberEnvelope, memberForm } from "./member-codec.ts";
import { decodeProposal, encodeProposal } from "./proposal-codec.ts";
import {
  BarrierEnvelope,
  decodeRepair,
  encodeRecordRepair,
  encodeRepairEnvelope,
  RepairEnvelope,
} from "./repair-codec.ts";
import { explain, NewerEntryError, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Hash, HlcText, Name, Region, Sequence, TracedIndexes, Uuid } from "./wire-types.ts";

/** Highest version that this software reads. */
export const ENTRY_VERSION = 8;
/** What software reads that has not said what it reads: all that was ever released does. */
export const READS_UNTOLD = 7;
/** Version from which entries hold proposals. */
export const PROPOSALS_VERSION = 2;
/** Version from which schemas have escrow fields. */
const ESCROW_VERSION = 3;
/** Version from which there are barriers and repairs: not to be published before every member reads it (`membersNotReading`). */
export const REPAIRS_VERSION = 4;
/** Version from which operation ids are forgotten. */
export const FORGET_VERSION = 5;
/** Version from which members come and go, and logs are made anew. */
export const MEMBERS_VERSION = 6;
/** Version from which entries of operations have trace contexts. */
export const TRACES_VERSION = 7;
/** Version from which fields of schemas may be indexed. */
export const INDEX_VERSION = 8;
/** The log refuses messages above 1 MB; entries stay well below. */
export const ENTRY_BYTES_MAX = 512 * 1024;

/** Of one entry. */
export const SWEEP_RECORDS_MAX = 500;

const Envelope = Type.Union([
  Type.Object({
    kind: Type.Literal("genesis"),
    cluster: Uuid,
    partition: Sequence,
    partitions: Type.Integer({ minimum: 1 }),
    members: Type.Array(Region, { minItems: 1 }),
  }),
  Type.Object({
    kind: Type.Literal("batch"),
    origin: Region,
    epoch: Sequence,
    first: Type.Integer({ minimum: 1 }),
    last: Type.Integer({ minimum: 1 }),
    previous: Hash,
    traces: Type.Optional(TracedIndexes),
  }),
  Type.Object({
    kind: Type.Literal("tick"),
    origin: Region,
    hlc: HlcText,
    walHead: Sequence,
    appliedPosition: Sequence,
    chain: Hash,
    software: Type.String({ maxLength: 64 }),
    reads: Type.Integer({ minimum: 1 }),
  }),
  Type.Object({
    kind: Type.Literal("schema"),
    origin: Region,
    id: Uuid,
    requestHash: Hash,
    tenant: Name,
    name: Name,
    deadlineMs: Sequence,
    version: Type.Union([Type.Null(), Type.Integer({ minimum: 1 })]),
    schema: CollectionSchemaBody,
  }),
  Type.Object({
    kind: Type.Literal("propose"),
    origin: Region,
    count: Sequence,
    traces: Type.Optional(TracedIndexes),
  }),
  Type.Object({
    kind: Type.Literal("sweep"),
    origin: Region,
    records: Type.Array(Type.Tuple([Name, Name, Name]), { minItems: 1, maxItems: SWEEP_RECORDS_MAX }),
  }),
  BarrierEnvelope,
  RepairEnvelope,
  Type.Object({
    kind: Type.Literal("forget"),
    origin: Region,
    position: Sequence,
    logTimeMs: Sequence,
    without: Type.Array(Region),
  }),
  MemberEnvelope,
  EpochEnvelope,
]);

const OperationTuple = Type.Tuple([
  Uuid,
  Name,
  Name,
  Name,
  HlcText,
  Sequence,
  Hash,
  Type.Array(LocalChange, { minItems: 1 }),
]);

const envelopes = Compile(Envelope);
const operations = Compile(OperationTuple);

/** What a WAL row and an operation line have in common. */
export interface OperationParts {
  readonly id: string;
  readonly tenant: string;
  readonly collection: string;
  readonly key: string;
  readonly hlc: Hlc;
  readonly seen: number;
  readonly requestHash: string;
  /** Text of `encodeChanges`. */
  readonly body: string;
}

/** The line of one operation; the origin's hash chain covers exactly this text. */
export function encodeOperation(parts: OperationParts): string {
  const { id, tenant, collection, key, hlc, seen, requestHash, body } = parts;
  return `["${id}",${JSON.stringify(tenant)},${JSON.stringify(collection)},${JSON.stringify(key)},"${hlc}",${seen},"${requestHash}",${body}]`;
}

/** @param lines from `encodeOperation`, first to last. */
export function encodeBatch(
  entry: Omit<BatchEntry, "kind" | "operations">,
  lines: readonly string[],
): Uint8Array {
  const { origin, epoch, first, last, previous, traces } = entry;
  const envelope = { kind: "batch", origin, epoch, first, last, previous, ...tracesMember(traces) };
  return frame([JSON.stringify(envelope), ...lines].join("\n"), tracesVersion(traces) ?? 1);
}

/** @param lines from `encodeProposal`. */
export function encodeProposals(
  origin: string,
  lines: readonly string[],
  traces?: readonly TracedIndex[],
): Uint8Array {
  const envelope = { kind: "propose", origin, count: lines.length, ...tracesMember(traces) };
  return frame([JSON.stringify(envelope), ...lines].join("\n"), tracesVersion(traces) ?? PROPOSALS_VERSION);
}

/** Not a byte where there is none. */
function tracesMember(traces: readonly TracedIndex[] | undefined): { traces?: readonly TracedIndex[] } {
  return traces === undefined || traces.length === 0 ? {} : { traces };
}

function tracesVersion(traces: readonly TracedIndex[] | undefined): number | undefined {
  return traces === undefined || traces.length === 0 ? undefined : TRACES_VERSION;
}

/** Whether an entry looks like proposals of a region, by its first bytes: nothing is checked, and nothing may rest on it. */
export function isProposedBy(origin: string, data: Uint8Array): boolean {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const start = `{"kind":"propose","origin":"${origin}"`;
  const at = bytes.indexOf("\n") + 1;
  return bytes.toString("latin1", at, at + start.length) === start;
}

/** The lowest version that says it: regions that still run older software can read on. */
export function versionOf(entry: Entry): number {
  const isTraced = (entry.kind === "batch" || entry.kind === "propose") && entry.traces !== undefined;
  if (isTraced) return TRACES_VERSION;
  if (entry.kind === "propose" || entry.kind === "sweep") return PROPOSALS_VERSION;
  if (entry.kind === "barrier" || entry.kind === "repair") return REPAIRS_VERSION;
  if (entry.kind === "forget") return FORGET_VERSION;
  if (entry.kind === "member" || entry.kind === "epoch") return MEMBERS_VERSION;
  return entry.kind === "schema" ? schemaVersion(entry.schema) : 1;
}

export function encodeEntry(entry: Exclude<Entry, BatchEntry>): Uint8Array {
  if (entry.kind === "propose")
    return encodeProposals(entry.origin, entry.proposals.map(encodeProposal), entry.traces);
  if (entry.kind === "repair") {
    const lines = [encodeRepairEnvelope(entry), ...entry.records.map(encodeRecordRepair)];
    return frame(lines.join("\n"), REPAIRS_VERSION);
  }
  return frame(JSON.stringify(wireForm(entry)), versionOf(entry));
}

function wireForm(entry: Exclude<Entry, BatchEntry | ProposeEntry | RepairEntry>): object {
  if (entry.kind === "barrier") {
    const { kind, origin, id, purpose } = entry;
    return { kind, origin, id, purpose };
  }
  if (entry.kind === "member") return memberForm(entry);
  if (entry.kind === "epoch") return epochForm(entry);
  if (entry.kind !== "sweep") return entry;
  const records = entry.records.map(({ tenant, collection, key }) => [tenant, collection, key]);
  return { ...entry, records };
}

/** Of the entry that proposes a schema. */
export function schemaVersion({ fields, ...options }: CollectionSchema): number {
  if (Object.values(fields).some((field) => field.index !== undefined)) return INDEX_VERSION;
  if (Object.values(fields).some(isEscrow)) return ESCROW_VERSION;
  const isKnownToFirst = Object.values(fields).every((field) =>
    Object.keys(field).every((member) => ["class", "kind", "type"].includes(member)),
  );
  const isLocal = Object.values(fields).every((field) => field.class !== "authoritative");
  return isLocal && isKnownToFirst && Object.keys(options).length === 0 ? 1 : PROPOSALS_VERSION;
}

function frame(body: string, version = 1): Uint8Array {
  return Buffer.from(`forebay/${version} ${sha256(body)}\n${body}`);
}

/**
 * @returns the entry, and the checksum of its bytes.
 * @throws {UndecodableEntryError} says what is wrong; the partition must stop.
 */
export function decodeEntry(data: Uint8Array): { entry: Entry; checksum: string } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const headerEnd = bytes.indexOf("\n");
  if (headerEnd === -1) throw new UndecodableEntryError("no entry of Forebay: the header is missing");
  const body = bytes.subarray(headerEnd + 1);
  const { version, checksum } = checkHeader(bytes.toString("latin1", 0, headerEnd), body);
  const entry = decodeBody(body);
  // The checksum does not cover the header.
  if (versionOf(entry) !== version) {
    throw new UndecodableEntryError(`a ${entry.kind} entry of version ${versionOf(entry)} says ${version}`);
  }
  return { entry, checksum };
}

function decodeBody(body: Buffer): Entry {
  const lines = body.toString("utf8").split("\n");
  const envelope = parseJson(lines[0] ?? "", "envelope");
  if (!envelopes.Check(envelope))
    throw new UndecodableEntryError(`envelope: ${explain(envelopes, envelope)}`);
  if (envelope.kind === "batch") return decodeBatch(envelope, lines.slice(1));
  if (envelope.kind === "propose") return decodeProposals(envelope, lines.slice(1));
  if (isCanonical(envelope)) return decodeCanonical(envelope, lines);
  if (lines.length > 1) throw new UndecodableEntryError(`a ${envelope.kind} entry has one line only`);
  if (envelope.kind === "sweep") {
    const records = envelope.records.map(([tenant, collection, key]) => ({ tenant, collection, key }));
    return { ...envelope, records };
  }
  return envelope as SchemaEntry;
}

type CanonicalEnvelope = Extract<
  Static<typeof Envelope>,
  { kind: "barrier" | "repair" | "member" | "epoch" }
>;

function isCanonical(envelope: Static<typeof Envelope>): envelope is CanonicalEnvelope {
  return ["barrier", "repair", "member", "epoch"].includes(envelope.kind);
}

/** Of the newer kinds of entry each has one text. */
function decodeCanonical(envelope: CanonicalEnvelope, [first, ...lines]: readonly string[]): Entry {
  if (envelope.kind !== "repair" && lines.length > 0)
    throw new UndecodableEntryError(`a ${envelope.kind} entry has one line only`);
  const entry = decodeEnvelope(envelope, lines);
  const expected = entry.kind === "repair" ? encodeRepairEnvelope(entry) : JSON.stringify(wireForm(entry));
  if (first !== expected)
    throw new UndecodableEntryError(`envelope: a ${entry.kind} is not written as it has to be`);
  return entry;
}

function decodeEnvelope(
  envelope: CanonicalEnvelope,
  lines: readonly string[],
): BarrierEntry | RepairEntry | MemberEntry | EpochEntry {
  if (envelope.kind === "repair") return decodeRepair(envelope, lines);
  return envelope.kind === "member" ? decodeMember(envelope) : envelope;
}

/** The checksum is over the bytes, not over their text: different bytes may read as the same text. */
function checkHeader(header: string, body: Uint8Array): { version: number; checksum: string } {
  const match = /^forebay\/([1-9]\d{0,3}) ([0-9a-f]{64})$/.exec(header);
  if (match === null) throw new UndecodableEntryError("no entry of Forebay: the header is missing");
  const version = Number(match[1]);
  const checksum = match[2]!;
  if (sha256(body) !== checksum)
    throw new UndecodableEntryError("the checksum is wrong: the bytes have changed");
  if (version > ENTRY_VERSION) {
    const message = `entry version ${version} is newer than ${ENTRY_VERSION}: upgrade this region`;
    throw new NewerEntryError(message, version);
  }
  return { version, checksum };
}

type ProposeEnvelope = Extract<Static<typeof Envelope>, { kind: "propose" }>;
type BatchEnvelope = Extract<Static<typeof Envelope>, { kind: "batch" }>;

function decodeBatch(envelope: BatchEnvelope, lines: readonly string[]): BatchEntry {
  const expected = envelope.last - envelope.first + 1;
  if (lines.length !== expected || expected < 1) {
    throw new UndecodableEntryError(
      `the batch ${envelope.first}–${envelope.last} has ${lines.length} operations`,
    );
  }
  checkTraces(envelope.traces, lines.length);
  let before: Operation | undefined;
  const operations = lines.map((line) => {
    const logged = decodeOperation(line, before);
    before = logged.operation;
    return logged;
  });
  return { ...envelope, operations };
}

/** Each of them is of another operation of the entry. */
function checkTraces(traces: readonly TracedIndex[] | undefined, count: number): void {
  let before = -1;
  for (const [index] of traces ?? []) {
    if (index <= before || index >= count)
      throw new UndecodableEntryError(`a trace of operation ${index} of ${count}, after that of ${before}`);
    before = index;
  }
}

function decodeProposals({ origin, count, traces }: ProposeEnvelope, lines: readonly string[]): ProposeEntry {
  if (lines.length !== count) {
    throw new UndecodableEntryError(`the entry of ${count} proposals has ${lines.length}`);
  }
  checkTraces(traces, count);
  const proposals = lines.map(decodeProposal);
  return { kind: "propose", origin, proposals, ...tracesMember(traces) };
}

/**
 * @param before the operation on the line before: names that are the same are kept once, as records in memory have them
 *   for as long as they stay there.
 */
function decodeOperation(text: string, before: Operation | undefined): LoggedOperation {
  const tuple = parseJson(text, "operation");
  if (!operations.Check(tuple)) throw new UndecodableEntryError(`operation: ${explain(operations, tuple)}`);
  const [id, tenant, collection, key, hlc, seen, requestHash, changes] = tuple;
  const operation = {
    id,
    tenant: tenant === before?.tenant ? before.tenant : tenant,
    collection: collection === before?.collection ? before.collection : collection,
    key,
    hlc: hlc as Hlc,
    seen,
    requestHash,
    changes: changes.map(toChange),
  };
  return { operation, text };
}
