/**
 * The chain of an audit trail: each row has the hash of its own text and of the row before. Whoever changes a row, or takes
 * one out, breaks the chain there; whoever makes all of it anew, or drops its end, contradicts the heads that others keep.
 */
import { chain, ZERO_HASH } from "./hash.ts";

/** `intent`: it is about to be done. All others say how the act of the same name has ended. */
export const AUDIT_OUTCOMES = ["intent", "done", "refused", "failed", "unknown"] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** What operators can do that is kept, each under one name. */
export const AUDIT_ACTIONS = [
  "schema-put",
  "member-add",
  "member-remove",
  "rejoin",
  "drain",
  "undrain",
  "verify",
  "repair",
  "leader-move",
  "log-rebuild",
  "escrow-reclaim",
  "conflict-restore",
  "backup",
  "restore",
  "log-level",
  "key-create",
  "key-revoke",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What a row says, without its place in the chain. */
export interface AuditFact {
  /** UUID; of an intent and of what became of it the same. */
  readonly act: string;
  readonly atMs: number;
  readonly action: AuditAction;
  readonly actor: string;
  /** Where the order came from; null for what a region does by itself. */
  readonly address: string | null;
  /** Canonical JSON. */
  readonly about: string;
  readonly outcome: AuditOutcome;
}

export interface AuditRow extends AuditFact {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** Hash of the row before; zeros in front of the first. */
  readonly previous: string;
  readonly hash: string;
}

/** The end of a chain at some time. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

export const EMPTY_AUDIT: AuditHead = { sequence: 0, hash: ZERO_HASH };

/** What the hash of a row covers. The region is in it: a row of another region's trail fits nowhere. */
export function auditText(region: string, row: AuditFact & { readonly sequence: number }): string {
  const { sequence, act, atMs, action, actor, address, about, outcome } = row;
  return JSON.stringify(["audit/1", region, sequence, act, atMs, action, actor, address, about, outcome]);
}

/** The row that comes after a head. */
export function nextAuditRow(region: string, head: AuditHead, fact: AuditFact): AuditRow {
  const sequence = head.sequence + 1;
  const previous = head.hash;
  return { ...fact, sequence, previous, hash: chain(previous, auditText(region, { ...fact, sequence })) };
}

export interface AuditBreak {
  /** Of the first row that is wrong, or that is missing. */
  readonly sequence: number;
  readonly reason: string;
}

/**
 * The first break of a chain that begins after `head`.
 * @param rows the next rows, rising.
 */
export function findAuditBreak(
  region: string,
  head: AuditHead,
  rows: readonly AuditRow[],
): AuditBreak | undefined {
  let before = head;
  for (const row of rows) {
    const reason = reasonOfBreak(region, before, row);
    if (reason !== undefined) return { sequence: Math.min(row.sequence, before.sequence + 1), reason };
    before = row;
  }
  return undefined;
}

function reasonOfBreak(region: string, before: AuditHead, row: AuditRow): string | undefined {
  if (row.sequence !== before.sequence + 1)
    return `row ${before.sequence + 1} is missing: row ${row.sequence} comes next`;
  if (row.previous !== before.hash) return `row ${row.sequence} does not continue the one before it`;
  if (nextAuditRow(region, before, row).hash !== row.hash)
    return `row ${row.sequence} has been changed: its hash is not that of what it says`;
  return undefined;
}

/**
 * What a trail contradicts of what somebody has kept: a row that was there and is another one now, or is gone.
 * @param hashes of the trail's rows, the first one's first. @param kept heads of the trail as it was.
 */
export function contradictedHead(
  hashes: readonly string[],
  kept: readonly AuditHead[],
): AuditBreak | undefined {
  const found = kept
    .filter(({ sequence, hash }) => sequence > 0 && hashes[sequence - 1] !== hash)
    .toSorted((one, other) => one.sequence - other.sequence)[0];
  if (found === undefined) return undefined;
  const { sequence } = found;
  const reason =
    sequence > hashes.length
      ? `the trail ends at row ${hashes.length}, and had row ${sequence}: its end is gone`
      : `row ${sequence} is another one than it was: the trail was made anew`;
  return { sequence: Math.min(sequence, hashes.length + 1), reason };
}
