/** Operation ids: the same request has the same id wherever it is sent (I4). */
import { sha256 } from "./hash.ts";

/** A UUID of version 8 (RFC 9562, custom) over the parts. */
export function uuidOf(...parts: readonly string[]): string {
  const hex = sha256(parts.join("\n"));
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The id of the request that a client names by an idempotency key. */
export function idempotentOperationId(tenant: string, idempotencyKey: string): string {
  return uuidOf("idempotency", tenant, idempotencyKey);
}
