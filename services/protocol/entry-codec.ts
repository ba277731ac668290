/**
 * Log entries on the wire, version 1. Text, so that any tool shows what is in the log:
 *
 *   forebay/1 <SHA-256 of the rest>
 *   {"kind":"batch","origin":"eu","epoch":3,"first":41,"last":42,"previous":"…"}
 *   ["<id>","<tenant>","<collection>","<key>","<hlc>",<seen>,"<request hash>",[["<field>","<kind>","<operator>",<argument>],…]]
 *   …one line per operation
 *
 * Decoding checks everything that the fold relies on: what can't be decoded stops its partition, it is never skipped.
 */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import type { BatchEntry, Entry, LoggedOperation, SchemaEntry } from "../core/entry.ts";
import { argumentProblem } from "../core/fields/argument.ts";
import { operatorsOf } from "../core/fields/index.ts";
import { LOCAL_KINDS, OPERATORS, type Change } from "../core/fields/kind.ts";
import { sha256 } from "../core/hash.ts";
import type { Hlc } from "../core/hlc.ts";
import type { JsonValue } from "../core/json.ts";
import { CollectionSchemaBody } from "./collection.ts";

/** Highest version that this software reads and writes. */
export const ENTRY_VERSION = 1;
/** The log refuses messages above 1 MB; entries stay well below. */
export const ENTRY_BYTES_MAX = 512 * 1024;

export class UndecodableEntryError extends Error {
  override readonly name = "UndecodableEntryError";
}

const Region = Type.String({ minLength: 1, maxLength: 32 });
const Hash = Type.String({ pattern: "^[0-9a-f]{64}$" });
const HlcText = Type.String({ pattern: "^[0-9a-f]{16}$" });
const Sequence = Type.Integer({ minimum: 0 });
const Uuid = Type.String({ pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" });

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
    tenant: Type.String({ minLength: 1 }),
    name: Type.String({ minLength: 1 }),
    deadlineMs: Sequence,
    version: Type.Union([Type.Null(), Type.Integer({ minimum: 1 })]),
    schema: CollectionSchemaBody,
  }),
]);

const ChangeTuple = Type.Tuple([
  Type.String({ minLength: 1 }),
  Type.Enum([...LOCAL_KINDS]),
  Type.Enum([...OPERATORS]),
  Type.Unknown(),
]);

const OperationTuple = Type.Tuple([
  Uuid,
  Type.String({ minLength: 1 }),
  Type.String({ minLength: 1 }),
  Type.String({ minLength: 1 }),
  HlcText,
  Sequence,
  Hash,
  Type.Array(ChangeTuple, { minItems: 1 }),
]);

const envelopes = Compile(Envelope);
const operations = Compile(OperationTuple);
const changeLists = Compile(Type.Array(ChangeTuple, { minItems: 1 }));

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

export function encodeChanges(changes: readonly Change[]): string {
  return JSON.stringify(
    changes.map(({ field, kind, operator, argument }) => [field, kind, operator, argument]),
  );
}

/** @throws {UndecodableEntryError} */
export function decodeChanges(body: string): Change[] {
  const tuples = parseJson(body, "changes");
  if (!changeLists.Check(tuples)) throw new UndecodableEntryError(`changes: ${explain(changeLists, tuples)}`);
  return tuples.map(toChange);
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
  const { origin, epoch, first, last, previous } = entry;
  return frame(
    [JSON.stringify({ kind: "batch", origin, epoch, first, last, previous }), ...lines].join("\n"),
  );
}

export function encodeEntry(entry: Exclude<Entry, BatchEntry>): Uint8Array {
  return frame(JSON.stringify(entry));
}

function frame(body: string): Uint8Array {
  return Buffer.from(`forebay/${ENTRY_VERSION} ${sha256(body)}\n${body}`);
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
  const checksum = checkHeader(bytes.toString("latin1", 0, headerEnd), body);
  const lines = body.toString("utf8").split("\n");
  const envelope = parseJson(lines[0] ?? "", "envelope");
  if (!envelopes.Check(envelope))
    throw new UndecodableEntryError(`envelope: ${explain(envelopes, envelope)}`);
  if (envelope.kind === "batch") return { entry: decodeBatch(envelope, lines.slice(1)), checksum };
  if (lines.length > 1) throw new UndecodableEntryError(`a ${envelope.kind} entry has one line only`);
  return { entry: envelope as SchemaEntry, checksum };
}

/** The checksum is over the bytes, not over their text: different bytes may read as the same text. */
function checkHeader(header: string, body: Uint8Array): string {
  const match = /^forebay\/([1-9]\d{0,3}) ([0-9a-f]{64})$/.exec(header);
  if (match === null) throw new UndecodableEntryError("no entry of Forebay: the header is missing");
  const version = Number(match[1]);
  if (version > ENTRY_VERSION) {
    throw new UndecodableEntryError(
      `entry version ${version} is newer than ${ENTRY_VERSION}: upgrade this region`,
    );
  }
  const checksum = match[2]!;
  if (sha256(body) !== checksum)
    throw new UndecodableEntryError("the checksum is wrong: the bytes have changed");
  return checksum;
}

type BatchEnvelope = Extract<Static<typeof Envelope>, { kind: "batch" }>;

function decodeBatch(envelope: BatchEnvelope, lines: readonly string[]): BatchEntry {
  const expected = envelope.last - envelope.first + 1;
  if (lines.length !== expected || expected < 1) {
    throw new UndecodableEntryError(
      `the batch ${envelope.first}–${envelope.last} has ${lines.length} operations`,
    );
  }
  return { ...envelope, operations: lines.map(decodeOperation) };
}

function decodeOperation(text: string): LoggedOperation {
  const tuple = parseJson(text, "operation");
  if (!operations.Check(tuple)) throw new UndecodableEntryError(`operation: ${explain(operations, tuple)}`);
  const [id, tenant, collection, key, hlc, seen, requestHash, changes] = tuple;
  const operation = {
    id,
    tenant,
    collection,
    key,
    hlc: hlc as Hlc,
    seen,
    requestHash,
    changes: changes.map(toChange),
  };
  return { operation, text };
}

function toChange([field, kind, operator, argument]: Static<typeof ChangeTuple>): Change {
  if (!operatorsOf(kind).includes(operator)) {
    throw new UndecodableEntryError(`change of ${field}: a ${kind} has no operator ${operator}`);
  }
  const expected = argumentProblem(operator, argument);
  if (expected !== undefined)
    throw new UndecodableEntryError(`change of ${field}: ${operator} takes ${expected}`);
  return { field, kind, operator, argument: argument as JsonValue };
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UndecodableEntryError(`${what}: not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function explain(
  validator: { Errors(value: unknown): { instancePath: string; message: string }[] },
  value: unknown,
): string {
  return validator
    .Errors(value)
    .slice(0, 3)
    .map((error) => `${error.instancePath || "/"} ${error.message}`)
    .join("; ");
}
