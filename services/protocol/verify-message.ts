/**
 * What regions ask each other about a checkpoint, as JSON; records follow their answer's first line as a piece of text, since
 * one of them may be larger than a message.
 *
 * A message begins with its version. Whoever does not know it refuses, and says its own: both sides know then that they
 * would compare in different ways.
 */
import { Type, type Static, type TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { RecordId } from "../core/operation.ts";
import { LEAVES_MAX } from "../core/verify/digest-tree.ts";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Sequence, Uuid } from "./wire-types.ts";

/** Another one digests, or compares, in another way. */
export const VERIFY_VERSION = 2;
/** Where a region tells how far it is: served by each of its processes that may fold. */
export const PLACE_SERVICE = "verify";
/** Nodes of a tree, of one request. */
export const VERIFY_NODES_MAX = 1_000;
/** Records of one request. */
export const VERIFY_RECORDS_MAX = 100;
/** Of lists in a message, as JSON: below what the bus takes, with room for the rest of it. */
export const VERIFY_LIST_BYTES_MAX = 40_000;
/** Of the text of records in an answer. */
export const VERIFY_TEXT_BYTES_MAX = 56_000;

const Names = Type.Tuple([Type.String(), Type.String(), Type.String()]);
const Digest = Type.String({ pattern: "^[0-9a-f]{32}$" });

const asked = {
  place: Type.Object({ ask: Type.Literal("place"), partition: Sequence }),
  state: Type.Object({ ask: Type.Literal("state") }),
  nodes: Type.Object({
    ask: Type.Literal("nodes"),
    level: Type.Integer({ minimum: 0, maximum: 16 }),
    nodes: Type.Array(Type.Integer({ minimum: 0, maximum: LEAVES_MAX - 1 }), { maxItems: VERIFY_NODES_MAX }),
  }),
  rows: Type.Object({
    ask: Type.Literal("rows"),
    /** The same for all pages. */
    reading: Uuid,
    page: Sequence,
    /** A bit for each leaf, in base64. */
    leaves: Type.String({ maxLength: 16_000 }),
  }),
  records: Type.Object({
    ask: Type.Literal("records"),
    records: Type.Array(Names, { maxItems: VERIFY_RECORDS_MAX }),
    /** In bytes of their text. */
    offset: Sequence,
  }),
  rest: Type.Object({ ask: Type.Literal("rest"), operationsAbove: Sequence, after: Sequence }),
  /** Nobody will ask any more. */
  release: Type.Object({ ask: Type.Literal("release") }),
};

const answered = {
  place: Type.Object({ position: Sequence }),
  state: Type.Union([
    Type.Object({ status: Type.Literal("digesting") }),
    Type.Object({ status: Type.Literal("void"), reason: Type.String() }),
    Type.Object({
      status: Type.Literal("ready"),
      position: Sequence,
      logTimeMs: Sequence,
      /** Up to where operations count for nothing. */
      forgotten: Sequence,
      leaves: Type.Integer({ minimum: 1, maximum: LEAVES_MAX }),
      rows: Sequence,
      root: Digest,
      /** Head of the log's hash chain. Absent where software of before tells. */
      chain: Type.Optional(Type.String({ maxLength: 128 })),
    }),
  ]),
  nodes: Type.Object({ digests: Type.Array(Digest) }),
  rows: Type.Object({
    rows: Type.Array(Type.Tuple([Type.String(), Type.String(), Type.String(), Digest])),
    isLast: Type.Boolean(),
  }),
  records: Type.Object({ bytes: Sequence }),
  rest: Type.Object({
    entries: Type.Array(Type.Tuple([Type.String(), Type.String()])),
    isLast: Type.Boolean(),
  }),
  release: Type.Object({}),
};

export type VerifyAsk = keyof typeof asked;
export type VerifyRequest = { [Ask in VerifyAsk]: Static<(typeof asked)[Ask]> }[VerifyAsk];
export type VerifyAnswer<Ask extends VerifyAsk> = Static<(typeof answered)[Ask]>;
export type CheckpointState = VerifyAnswer<"state">;

const requests = Compile(Type.Union(Object.values(asked)));
const answers = compileAll(answered);
const refusals = Compile(Type.Object({ version: Type.Integer(), refused: Type.String() }));

function compileAll(types: { readonly [Ask in VerifyAsk]: TSchema }) {
  return {
    place: Compile(types.place),
    state: Compile(types.state),
    nodes: Compile(types.nodes),
    rows: Compile(types.rows),
    records: Compile(types.records),
    rest: Compile(types.rest),
    release: Compile(types.release),
  };
}

/** The two sides compare in different ways. */
export class OtherVersionError extends Error {
  override readonly name = "OtherVersionError";
}

/** The other side says that it can't answer. */
export class VerifyRefusedError extends Error {
  override readonly name = "VerifyRefusedError";
}

/** Name of the service that answers for one checkpoint: whichever process has it, for as long as it does. */
export function checkpointService(barrier: string): string {
  return `verify-${barrier}`;
}

export function encodeVerifyRequest(request: VerifyRequest): Uint8Array {
  return Buffer.from(JSON.stringify({ version: VERIFY_VERSION, ...request }));
}

/** @throws {OtherVersionError}, {UndecodableEntryError} */
export function decodeVerifyRequest(data: Uint8Array): VerifyRequest {
  const message = parseJson(Buffer.from(data).toString("utf8"), "request of verification");
  checkVersion(message);
  if (requests.Check(message)) return message;
  throw new UndecodableEntryError(`request of verification: ${explain(requests, message)}`);
}

/** @param text what follows the first line. */
export function encodeVerifyAnswer<Ask extends VerifyAsk>(
  answer: VerifyAnswer<Ask>,
  text: Uint8Array = new Uint8Array(),
): Uint8Array {
  const head = Buffer.from(JSON.stringify({ version: VERIFY_VERSION, ...(answer as object) }));
  return text.byteLength === 0 ? head : Buffer.concat([head, Buffer.from("\n"), text]);
}

export function encodeVerifyRefusal(refused: string): Uint8Array {
  return Buffer.from(JSON.stringify({ version: VERIFY_VERSION, refused }));
}

/** @throws {OtherVersionError}, {VerifyRefusedError}, {UndecodableEntryError} */
export function decodeVerifyAnswer<Ask extends VerifyAsk>(
  ask: Ask,
  data: Uint8Array,
): { readonly answer: VerifyAnswer<Ask>; readonly text: Uint8Array } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = bytes.indexOf("\n");
  const head = end === -1 ? bytes : bytes.subarray(0, end);
  const message = parseJson(head.toString("utf8"), "answer of verification");
  checkVersion(message);
  if (refusals.Check(message)) throw new VerifyRefusedError(message.refused);
  const validator = answers[ask];
  if (!validator.Check(message))
    throw new UndecodableEntryError(`answer of verification: ${explain(validator, message)}`);
  return {
    answer: message as VerifyAnswer<Ask>,
    text: end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 1),
  };
}

function checkVersion(message: unknown): void {
  const { version } = (message ?? {}) as { readonly version?: unknown };
  if (version !== VERIFY_VERSION) {
    throw new OtherVersionError(
      `a message of verification has version ${String(version)}, and not ${VERIFY_VERSION}`,
    );
  }
}

export function toNames({ tenant, collection, key }: RecordId): [string, string, string] {
  return [tenant, collection, key];
}

/** Cuts a list into parts whose JSON is no longer than `VERIFY_LIST_BYTES_MAX`, of at least one item each. */
export function partsOf<Item>(items: readonly Item[], itemsMax: number): Item[][] {
  const parts: Item[][] = [];
  let bytes = Infinity;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    const part = parts.at(-1);
    if (part === undefined || bytes + size > VERIFY_LIST_BYTES_MAX || part.length >= itemsMax) {
      parts.push([item]);
      bytes = size;
    } else {
      part.push(item);
      bytes += size;
    }
  }
  return parts;
}
