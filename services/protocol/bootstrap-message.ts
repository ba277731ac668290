/**
 * What a region asks another for that it loads its state from: JSON, and behind an answer's first line a piece of the head or
 * of a page, deflated. Both may be larger than a message.
 *
 * A message begins with its version. Whoever does not know it refuses, and says its own.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { Type, type Static, type TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Sequence, Uuid } from "./wire-types.ts";

/** Another one has rows of another shape, or more to a state. */
export const BOOTSTRAP_VERSION = 1;
/** Served by each process that may fold. */
export const BOOTSTRAP_SERVICE = "bootstrap";
/** Of a piece of a head or a page: below what the bus takes, with room for the answer's first line. */
export const PIECE_BYTES_MAX = 60_000;
/** Of a page once it is inflated: what claims to be more is no page. */
const INFLATED_BYTES_MAX = 256 * 1024 * 1024;
/** Rows of few columns shrink to a quarter at once; more effort is hardly worth it. */
const DEFLATE_LEVEL = 1;

const Part = Type.Union([Type.Literal("records"), Type.Literal("operations"), Type.Literal("conflicts")]);
const Counts = Type.Object({ records: Sequence, operations: Sequence, conflicts: Sequence });

/** Of log entries; software of before 0.2 does not tell it (`READS_UNTOLD`). */
const Reads = Type.Optional(Type.Integer({ minimum: 1 }));

const asked = {
  /** How far it is, and whether it would give its state away. */
  offer: Type.Object({ ask: Type.Literal("offer"), partition: Sequence, reads: Reads }),
  /** Opens a snapshot, and serves it under the name that `transferService` gives. */
  open: Type.Object({
    ask: Type.Literal("open"),
    partition: Sequence,
    transfer: Uuid,
    by: Type.String(),
    reads: Reads,
  }),
  head: Type.Object({ ask: Type.Literal("head"), offset: Sequence }),
  /** A page of those that follow a place, by number; what is before `keepFrom` is not asked for again. */
  page: Type.Object({
    ask: Type.Literal("page"),
    part: Part,
    after: Type.Optional(Type.String()),
    page: Sequence,
    keepFrom: Sequence,
    offset: Sequence,
  }),
  /** Nobody will ask any more. */
  release: Type.Object({ ask: Type.Literal("release") }),
};

const answered = {
  offer: Type.Object({
    position: Sequence,
    logCreatedAtMs: Type.Optional(Sequence),
    software: Type.String(),
    refusal: Type.Optional(Type.String()),
  }),
  open: Type.Object({ position: Sequence, counts: Counts }),
  /** Bytes of all pieces. */
  head: Type.Object({ bytes: Sequence }),
  page: Type.Object({
    /** Absent beyond the last page. */
    part: Type.Optional(Part),
    rows: Sequence,
    next: Type.Optional(Type.String()),
    bytes: Sequence,
  }),
  release: Type.Object({}),
};

export type BootstrapAsk = keyof typeof asked;
export type BootstrapRequest = { [Ask in BootstrapAsk]: Static<(typeof asked)[Ask]> }[BootstrapAsk];
export type BootstrapRequestOf<Ask extends BootstrapAsk> = Extract<BootstrapRequest, { ask: Ask }>;
export type BootstrapAnswer<Ask extends BootstrapAsk> = Static<(typeof answered)[Ask]>;

const requests = Compile(Type.Union(Object.values(asked)));
const answers = compileAll(answered);
const refusals = Compile(Type.Object({ version: Type.Integer(), refused: Type.String() }));

function compileAll(types: { readonly [Ask in BootstrapAsk]: TSchema }) {
  return {
    offer: Compile(types.offer),
    open: Compile(types.open),
    head: Compile(types.head),
    page: Compile(types.page),
    release: Compile(types.release),
  };
}

/** The two sides have another idea of what a state is. */
export class OtherBootstrapVersionError extends Error {
  override readonly name = "OtherBootstrapVersionError";
}

/** The other side says that it can't, or no longer. */
export class BootstrapRefusedError extends Error {
  override readonly name = "BootstrapRefusedError";
}

/** Name of the service that answers for one transfer: whichever process has it, for as long as it does. */
export function transferService(transfer: string): string {
  return `bootstrap-${transfer}`;
}

export function encodeBootstrapRequest(request: BootstrapRequest): Uint8Array {
  return Buffer.from(JSON.stringify({ version: BOOTSTRAP_VERSION, ...request }));
}

/** @throws {OtherBootstrapVersionError}, {UndecodableEntryError} */
export function decodeBootstrapRequest(data: Uint8Array): BootstrapRequest {
  const message = parseJson(Buffer.from(data).toString("utf8"), "request of a bootstrap");
  checkVersion(message);
  if (requests.Check(message)) return message;
  throw new UndecodableEntryError(`request of a bootstrap: ${explain(requests, message)}`);
}

/** @param piece what follows the first line. */
export function encodeBootstrapAnswer<Ask extends BootstrapAsk>(
  answer: BootstrapAnswer<Ask>,
  piece: Uint8Array = new Uint8Array(),
): Uint8Array {
  const head = Buffer.from(`${JSON.stringify({ version: BOOTSTRAP_VERSION, ...(answer as object) })}\n`);
  return Buffer.concat([head, piece]);
}

export function encodeBootstrapRefusal(refused: string): Uint8Array {
  return Buffer.from(JSON.stringify({ version: BOOTSTRAP_VERSION, refused }));
}

/** @throws {OtherBootstrapVersionError}, {BootstrapRefusedError}, {UndecodableEntryError} */
export function decodeBootstrapAnswer<Ask extends BootstrapAsk>(
  ask: Ask,
  data: Uint8Array,
): { readonly answer: BootstrapAnswer<Ask>; readonly piece: Uint8Array } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const found = bytes.indexOf("\n");
  const end = found === -1 ? bytes.byteLength : found;
  const message = parseJson(bytes.toString("utf8", 0, end), "answer of a bootstrap");
  checkVersion(message);
  if (refusals.Check(message)) throw new BootstrapRefusedError(message.refused);
  const validator = answers[ask];
  if (!validator.Check(message))
    throw new UndecodableEntryError(`answer of a bootstrap: ${explain(validator, message)}`);
  return { answer: message as BootstrapAnswer<Ask>, piece: bytes.subarray(end + 1) };
}

function checkVersion(message: unknown): void {
  const { version } = (message ?? {}) as { readonly version?: unknown };
  if (version !== BOOTSTRAP_VERSION) {
    throw new OtherBootstrapVersionError(
      `a message of a bootstrap has version ${String(version)}, and not ${BOOTSTRAP_VERSION}: both regions need the same software`,
    );
  }
}

export function deflatePage(lines: Uint8Array): Buffer {
  return deflateRawSync(lines, { level: DEFLATE_LEVEL });
}

/** @throws {UndecodableEntryError} */
export function inflatePage(deflated: Uint8Array): Buffer {
  try {
    return inflateRawSync(deflated, { maxOutputLength: INFLATED_BYTES_MAX });
  } catch (error) {
    throw new UndecodableEntryError(`a page of a bootstrap: ${String(error)}`);
  }
}
