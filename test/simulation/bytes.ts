/** Bytes as PostgreSQL counts and compares them. */
import { walRowBytes } from "../../services/ports/region-store.ts";

export function bytesOf(rows: readonly Parameters<typeof walRowBytes>[0][]): number {
  return rows.reduce((sum, row) => sum + walRowBytes(row), 0);
}

export function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
