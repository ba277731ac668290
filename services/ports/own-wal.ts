/**
 * A region's WAL against the log: a database that was restored from an old backup, or is new, has not the WAL that the log
 * was folded from, and asks the log for new sequences.
 *
 *   the log has what the WAL has not → LostWalError → startRejoin → nothing is appended, folding goes on
 *     → the log orders `rejoin` → the fold that takes it numbers anew what the log does not know → appended again
 */
import type { TakenOperation } from "../core/fold/state.ts";
import type { Hlc } from "../core/hlc.ts";

/** What a fold has taken of the own region: the WAL must have it, or have had it. */
export interface WalTail {
  /**
   * The last operation of each batch. Not of the last one alone: a process that outlives its database goes on after what it has
   * sent, so a last batch that the WAL has may follow one of the database before, whose numbers were given out again.
   */
  readonly operations: readonly TakenOperation[];
  /** Its last tick: so many rows the WAL had, and this stamp was issued. */
  readonly tick?: { readonly walHead: number; readonly hlc: Hlc };
}

/** Set while nothing may be appended. */
export type WalTrouble =
  /** The log was asked by this id for new sequences, and has not given them yet. */
  | { readonly kind: "rejoining"; readonly id: string }
  /** By this id the log has given the region's sequences to another database. */
  | { readonly kind: "displaced"; readonly id: string };

export interface OwnWal {
  /**
   * Looks whether the WAL is the one that the committed state goes on from, wherever that has come from.
   * @throws {LostWalError} @throws {DisplacedError}
   */
  checkWal(partition: number): Promise<void>;
  /**
   * From here on nothing is appended, until the log has given new sequences by this id. Changes nothing where the region
   * rejoins already, or, unless it is forced, has folded on since `lost` was found.
   */
  startRejoin(options: { partition: number; id: string; lost?: LostWalError | undefined }): Promise<void>;
}

/** The log has operations of this region that its WAL has not: the database went back, or was lost. Nothing was committed. */
export class LostWalError extends Error {
  override readonly name = "LostWalError";
  /** Of the committed state. */
  readonly position: number;
  /** The state did not come from folding: what of the WAL it holds is not known. */
  readonly isLoaded: boolean;
  constructor(message: string, options: { position: number; isLoaded: boolean }) {
    super(message);
    this.position = options.position;
    this.isLoaded = options.isLoaded;
  }
}

/** Another database has joined in the name of this region: what is folded here ends before that. */
export class DisplacedError extends Error {
  override readonly name = "DisplacedError";
}

export const WAL_REFUSALS = ["displaced", "rejoining", "no-member", "joining", "lost"] as const;

/**
 * displaced, rejoining: as `WalTrouble`. no-member: the region takes no part. joining: it has joined, and nobody has heard
 * of it since. lost: the WAL has not what the log has.
 */
export type WalRefusal = (typeof WAL_REFUSALS)[number];

/** Nothing was appended, no stamp was issued: what the region takes now could not be sent to the log. */
export class WalRefusedError extends Error {
  override readonly name = "WalRefusedError";
  readonly refusal: WalRefusal;
  constructor(partition: number, refusal: WalRefusal) {
    super(`partition ${partition} takes no local writes: ${REASONS[refusal]}`);
    this.refusal = refusal;
  }
}

const REASONS: Readonly<Record<WalRefusal, string>> = {
  displaced: "another database has taken the place of this region's",
  rejoining: "this region's database went back or is new, and waits for the log to take it in again",
  "no-member": "the region is no member of the cluster",
  joining: "the region has joined a moment ago, and the others have not heard of it yet",
  lost: "this region's database has lost its write-ahead log, and is about to ask the log for a new one",
};
