/**
 * The session as clients carry it: opaque, and signed, so that a made-up position can't make a region wait for ever.
 *
 *   s1.<positions>~<region>:<WAL sequences>~….<signature>
 *
 * Sequences are `<partition>-<sequence>` joined by `_`, in base 36: with 64 partitions and 16 regions still a header.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { EMPTY_SESSION, mergeSessions, type Sequences, type Session } from "../core/session.ts";

const VERSION = "s1";
const SIGNATURE_BYTES = 12;
/** Above what 64 partitions and 16 regions need. */
export const TOKEN_LENGTH_MAX = 24 * 1_024;
/** Of one request: answers to requests side by side each have a token of their own. */
export const TOKENS_MAX = 64;
const BASE = 36;
const PAIR = /^([0-9a-z]{1,2})-([0-9a-z]{1,11})$/;
const REGION = /^[a-z][a-z0-9-]{0,15}$/;

export class InvalidSessionError extends Error {
  override readonly name = "InvalidSessionError";
}

export function encodeSession(session: Session, secret: string): string {
  return sealSession(sessionPayload(session), secret);
}

/** What a token says, without the signature, which costs more than the rest. */
export function sessionPayload(session: Session): string {
  const wal = Object.entries(session.wal).map(
    ([region, sequences]) => `~${region}:${encodeSequences(sequences)}`,
  );
  return encodeSequences(session.positions) + wal.join("");
}

/** The token. @param payload by `sessionPayload`. */
export function sealSession(payload: string, secret: string): string {
  return `${VERSION}.${payload}.${sign(payload, secret)}`;
}

/**
 * All that several tokens cover.
 * @param tokens separated by commas.
 * @param decode as `decodeSession` does.
 * @throws {InvalidSessionError} as of one token, and where there are too many.
 */
export function decodeSessions(tokens: string, decode: (token: string) => Session): Session {
  if (!tokens.includes(",")) return decode(tokens);
  if (tokens.length > TOKEN_LENGTH_MAX) throw new InvalidSessionError("the session tokens are too long");
  const list = tokens.split(",", TOKENS_MAX + 1);
  if (list.length > TOKENS_MAX)
    throw new InvalidSessionError(`a request has at most ${TOKENS_MAX} session tokens`);
  return list.map((token) => decode(token.trim())).reduce(mergeSessions);
}

/** @throws {InvalidSessionError} says whether the token is malformed or was changed. */
export function decodeSession(token: string, secret: string): Session {
  if (token.length > TOKEN_LENGTH_MAX) throw new InvalidSessionError("the session token is too long");
  const [version, payload, signature, ...rest] = token.split(".");
  if (version !== VERSION || payload === undefined || signature === undefined || rest.length > 0) {
    throw new InvalidSessionError("this is no session token: pass on the one of the last answer, unchanged");
  }
  // Compared as text: base64url has several texts for the same bytes.
  const given = Buffer.from(signature);
  const expected = Buffer.from(sign(payload, secret));
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new InvalidSessionError("the session token was changed, or comes from another cluster");
  }
  return decodePayload(payload);
}

function decodePayload(payload: string): Session {
  if (payload === "") return EMPTY_SESSION;
  const [positions, ...regions] = payload.split("~");
  const wal = regions.map((text): [string, Sequences] => {
    const [region, sequences, ...rest] = text.split(":");
    if (region === undefined || !REGION.test(region) || sequences === undefined || rest.length > 0)
      throw foreign();
    return [region, decodeSequences(sequences)];
  });
  return { positions: decodeSequences(positions ?? ""), wal: Object.fromEntries(wal) };
}

function encodeSequences(sequences: Sequences): string {
  const pairs = Object.entries(sequences);
  return pairs
    .map(([partition, value]) => `${Number(partition).toString(BASE)}-${value.toString(BASE)}`)
    .join("_");
}

function decodeSequences(text: string): Sequences {
  if (text === "") return {};
  const pairs = text.split("_").map((pair): [string, number] => {
    const match = PAIR.exec(pair);
    const sequence = Number.parseInt(match?.[2] ?? "", BASE);
    if (match === null || !Number.isSafeInteger(sequence)) throw foreign();
    return [String(Number.parseInt(match[1]!, BASE)), sequence];
  });
  return Object.fromEntries(pairs);
}

/** Signed by this cluster, and yet not what this software writes. */
function foreign(): InvalidSessionError {
  return new InvalidSessionError("the session token is from another version");
}

function sign(payload: string, secret: string): string {
  const signature = createHmac("sha256", secret).update(`${VERSION}.${payload}`).digest();
  return signature.subarray(0, SIGNATURE_BYTES).toString("base64url");
}
