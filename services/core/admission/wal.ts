/** Whether a partition's WAL takes one more row: refused before its hard bound is met: bulk, then chores, then writes. */
import type { RefusalReason } from "./reason.ts";

export interface WalLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** How long the oldest row may have waited. */
  readonly ageMsMax: number;
}

export interface WalPending {
  readonly rows: number;
  readonly bytes: number;
  readonly oldestAgeMs: number;
}

/** write: a client's. chore: the region's own, such as handing over rights. bulk: one of many, which can wait. */
export type AppendClass = "write" | "chore" | "bulk";

const SHARE: { readonly [Class in AppendClass]: number } = { write: 0.9, chore: 0.8, bulk: 0.6 };

/** @returns why the row is refused; undefined when it is taken. */
export function refusalOfWal(
  kind: AppendClass,
  pending: WalPending,
  limits: WalLimits,
): RefusalReason | undefined {
  if (pending.rows >= rowsTaken(kind, limits)) return "wal-rows";
  if (pending.bytes >= limits.bytesMax * SHARE[kind]) return "wal-bytes";
  if (pending.oldestAgeMs >= limits.ageMsMax * SHARE[kind]) return "wal-age";
  return undefined;
}

/** A buffer of a single row still takes that one. */
export function rowsTaken(kind: AppendClass, { rowsMax }: WalLimits): number {
  return Math.max(1, Math.floor(rowsMax * SHARE[kind]));
}
