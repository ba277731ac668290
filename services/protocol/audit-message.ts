/** Between regions: where the audit trail of whoever is asked ends. JSON. */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { Hash, Sequence } from "./wire-types.ts";

export const AUDIT_SERVICE = "audit";

const Head = Type.Object({ sequence: Sequence, hash: Hash }, { additionalProperties: false });
const heads = Compile(Head);

export type AuditHeadMessage = Static<typeof Head>;

export class InvalidAuditHeadError extends Error {
  override readonly name = "InvalidAuditHeadError";
}

export function encodeAuditHead({ sequence, hash }: AuditHeadMessage): Uint8Array {
  return Buffer.from(JSON.stringify({ sequence, hash }));
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
