/** Between regions: where the audit trail of whoever is asked ends. JSON. */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { Hash, Sequence } from "./wire-types.ts";

export const AUDIT_SERVICE = "audit";

const Head = Type.Object({
  sequence: Sequence,
  hash: Hash,
  /** Of the row that was asked about; absent where there is none, or nobody asked. */
  hash_at: Type.Optional(Hash),
});
const heads = Compile(Head);
/** About which row of the trail to tell as well. */
const Question = Compile(Type.Object({ at: Sequence }));

export type AuditHeadMessage = Static<typeof Head>;

export class InvalidAuditHeadError extends Error {
  override readonly name = "InvalidAuditHeadError";
}

export function encodeAuditHead(head: AuditHeadMessage): Uint8Array {
  return Buffer.from(JSON.stringify(head));
}

/** @param at a sequence that is known of the trail; undefined: only where it ends. */
export function encodeAuditQuestion(at: number | undefined): Uint8Array {
  return at === undefined ? new Uint8Array() : Buffer.from(JSON.stringify({ at }));
}

/** What is no question asks for the end alone. */
export function decodeAuditQuestion(data: Uint8Array): number | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    return Question.Check(value) ? value.at : undefined;
  } catch {
    return undefined;
  }
}

/** @throws {InvalidAuditHeadError} */
export function decodeAuditHead(data: Uint8Array): AuditHeadMessage {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8"));
  } catch {
    throw new InvalidAuditHeadError("the head of an audit trail is not JSON");
  }
  if (heads.Check(value)) return value;
  throw new InvalidAuditHeadError("the head of an audit trail has a sequence and a hash");
}
