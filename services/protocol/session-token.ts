/** The session as clients carry it: opaque, signed, so that a made-up position can't make a region wait for ever. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Session } from "../core/session.ts";

const VERSION = "s1";
const SIGNATURE_BYTES = 12;
const TOKEN_LENGTH_MAX = 4_096;

const Sequences = Type.Record(Type.String({ pattern: "^\\d{1,2}$" }), Type.Integer({ minimum: 0 }), {
  additionalProperties: false,
});
const SessionBody = Type.Object(
  { p: Sequences, w: Type.Record(Type.String(), Sequences) },
  { additionalProperties: false },
);
const validator = Compile(SessionBody);

export class InvalidSessionError extends Error {
  override readonly name = "InvalidSessionError";
}

export function encodeSession(session: Session, secret: string): string {
  const payload = Buffer.from(JSON.stringify({ p: session.positions, w: session.wal })).toString("base64url");
  return `${VERSION}.${payload}.${sign(payload, secret).toString("base64url")}`;
}

/** @throws {InvalidSessionError} says whether the token is malformed or was changed. */
export function decodeSession(token: string, secret: string): Session {
  if (token.length > TOKEN_LENGTH_MAX) throw new InvalidSessionError("the session token is too long");
  const [version, payload, signature, ...rest] = token.split(".");
  if (version !== VERSION || payload === undefined || signature === undefined || rest.length > 0) {
    throw new InvalidSessionError("this is no session token: pass on the one of the last answer, unchanged");
  }
  const given = Buffer.from(signature, "base64url");
  const expected = sign(payload, secret);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new InvalidSessionError("the session token was changed, or comes from another cluster");
  }
  const body: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  if (!validator.Check(body)) throw new InvalidSessionError("the session token is from another version");
  return { positions: body.p, wal: body.w };
}

function sign(payload: string, secret: string): Buffer {
  return createHmac("sha256", secret).update(`${VERSION}.${payload}`).digest().subarray(0, SIGNATURE_BYTES);
}
