/**
 * A session: how much of the log, and of which regions' WALs, a client has seen. With it a client reads its own writes
 * and never goes backwards, in any region (I11). Bounded by partitions × regions, and mergeable: the maximum of each number.
 */

import { WAL_RUN_ROWS } from "./fold/member.ts";
import { own } from "./json.ts";

/** By partition number. */
export type Sequences = { readonly [partition: string]: number };

export interface Session {
  /** Log positions seen. */
  readonly positions: Sequences;
  /** WAL sequences seen before the log had them, by region. */
  readonly wal: { readonly [region: string]: Sequences };
}

export const EMPTY_SESSION: Session = { positions: {}, wal: {} };

export function mergeSessions(one: Session, other: Session): Session {
  const regions = new Set([...Object.keys(one.wal), ...Object.keys(other.wal)]);
  return {
    positions: mergeSequences(one.positions, other.positions),
    wal: Object.fromEntries(
      [...regions].map((region) => [region, mergeSequences(one.wal[region], other.wal[region])]),
    ),
  };
}

function mergeSequences(one: Sequences = {}, other: Sequences = {}): Sequences {
  const merged: { [partition: string]: number } = { ...one };
  for (const [partition, sequence] of Object.entries(other)) {
    merged[partition] = Math.max(merged[partition] ?? 0, sequence);
  }
  return merged;
}

export function seenPosition(partition: number, position: number): Session {
  return { positions: { [partition]: position }, wal: {} };
}

export function seenWal(region: string, partition: number, sequence: number): Session {
  return { positions: {}, wal: { [region]: { [partition]: sequence } } };
}

/** What a region's fold of one partition must have passed before it can answer within the session. */
export interface SessionNeed {
  readonly position: number;
  readonly watermarks: { readonly [region: string]: number };
}

/**
 * The own region's WAL is always visible there; what others' must have been folded.
 * @param ownRegion null where what is asked for is committed state, which the own WAL is not in either.
 */
export function needOf(session: Session, partition: number, ownRegion: string | null): SessionNeed {
  const others = Object.entries(session.wal).filter(([region]) => region !== ownRegion);
  return {
    position: session.positions[partition] ?? 0,
    watermarks: Object.fromEntries(others.map(([region, sequences]) => [region, sequences[partition] ?? 0])),
  };
}

/** How far a region has folded one partition. */
export interface FoldedTo {
  readonly position: number;
  readonly origins: { readonly [region: string]: { readonly watermark: number } };
  /** Members of before: what was folded of them stays folded. */
  readonly departed?: { readonly [region: string]: { readonly watermark: number } };
}

export function isMet(need: SessionNeed, folded: FoldedTo): boolean {
  if (folded.position < need.position) return false;
  return Object.entries(need.watermarks).every(
    ([region, sequence]) => sequence === 0 || watermarkOf(folded, region) >= sequence,
  );
}

/**
 * Regions whose WAL the session has seen in an earlier run of sequences than the one at hand. The log may have taken it, or
 * it was lost with the region's database, or has another sequence by now: nobody can tell.
 */
export function regionsInDoubt(session: Session, partition: number, folded: FoldedTo): string[] {
  return Object.entries(session.wal)
    .filter(([region, sequences]) => {
      const sequence = sequences[partition] ?? 0;
      return sequence > 0 && runOf(sequence) < runOf(watermarkOf(folded, region) + 1);
    })
    .map(([region]) => region);
}

function runOf(sequence: number): number {
  return Math.floor((sequence - 1) / WAL_RUN_ROWS);
}

/**
 * The same session said shorter: WAL sequences that are folded at a position are covered by the position, in any region.
 * So a token only holds the WAL sequences of writes that are still on their way.
 */
export function coverFolded(session: Session, partition: number, folded: FoldedTo): Session {
  const wal = Object.entries(session.wal).map(([region, sequences]): [string, Sequences] => {
    const left = Object.entries(sequences).filter(
      ([number, sequence]) => Number(number) !== partition || sequence > watermarkOf(folded, region),
    );
    return [region, Object.fromEntries(left)];
  });
  const shorter = {
    ...session,
    wal: Object.fromEntries(wal.filter(([, left]) => Object.keys(left).length > 0)),
  };
  return mergeSessions(shorter, seenPosition(partition, folded.position));
}

function watermarkOf(folded: FoldedTo, region: string): number {
  return (own(folded.origins, region) ?? own(folded.departed ?? {}, region))?.watermark ?? 0;
}
