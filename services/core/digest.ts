/** Digests of committed state: equal state has equal digests in every region, whatever order its rows are read in. */
import { sha256 } from "./hash.ts";
import { canonicalJson } from "./json.ts";
import type { StoredRecord } from "./record.ts";

/** Digests add up modulo 2^256, so that rows can be taken in any order and digests of parts can be combined. */
const MODULUS = 1n << 256n;

export interface Digest {
  readonly rows: number;
  /** Sum of the rows' hashes modulo 2^256. */
  readonly sum: bigint;
}

export const EMPTY_DIGEST: Digest = { rows: 0, sum: 0n };

/** The hash of one committed row: everything that the fold decided about it. */
export function rowHash(record: StoredRecord): string {
  const { tenant, collection, key, version, fields, tombstone, expiresAtMs } = record;
  return sha256(canonicalJson({ tenant, collection, key, version, fields, tombstone, expiresAtMs }));
}

export function addToDigest(digest: Digest, record: StoredRecord): Digest {
  return { rows: digest.rows + 1, sum: (digest.sum + BigInt(`0x${rowHash(record)}`)) % MODULUS };
}

export function combineDigests(one: Digest, other: Digest): Digest {
  return { rows: one.rows + other.rows, sum: (one.sum + other.sum) % MODULUS };
}

/** `rows:hash`, to compare and to print. */
export function digestText(digest: Digest): string {
  return `${digest.rows}:${digest.sum.toString(16).padStart(64, "0")}`;
}
