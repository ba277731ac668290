/**
 * Comparing what all regions hold of a partition at one position of the log, and repairing what differs: as operators and
 * their tools see it. What is told is that of this region's process; other regions have their own verifications.
 */
import type { RecordId } from "../core/operation.ts";
import type { StoredRecord } from "../core/record.ts";
import type { ProvenRow } from "../core/verify/majority.ts";

/**
 * match: all regions that were compared hold the same. diverged: they don't, which is damage whatever lag there is.
 * unreachable: too few could be compared. schema-mismatch: the regions' software compares in different ways.
 */
export type Verdict = "match" | "diverged" | "unreachable" | "schema-mismatch";

/** waiting: for its region's turn, or for the barrier. replaying: the log, for records that no majority says anything of; the verdict is there by then. */
export const VERIFICATION_PHASES = [
  "waiting",
  "digesting",
  "descending",
  "reading",
  "replaying",
  "done",
] as const;
export type VerificationPhase = (typeof VERIFICATION_PHASES)[number];

export interface ComparedRegion {
  readonly region: string;
  /** Why it could not be compared; undefined where it was. */
  readonly problem: string | undefined;
  /** Records, and the digest of all of them, 32 hexadecimal digits; undefined until it has told. */
  readonly rows: number | undefined;
  readonly digest: string | undefined;
}

/** A record of which not all regions hold the same. */
export interface DifferingRecord extends RecordId {
  /** By region; null is no row. */
  readonly rows: { readonly [region: string]: StoredRecord | null };
  /** What most regions hold, or the log gives, with the reason; undefined where neither tells. */
  readonly proven: ProvenRow | undefined;
}

export interface Differences {
  readonly records: number;
  /** The first of them, `DIFFERING_RECORDS_MAX` at most, by name. */
  readonly sample: readonly DifferingRecord[];
  /** What differs besides records: `state`, `operations`, `origin <region>`, `collection <tenant>/<name>`. */
  readonly rest: readonly string[];
}

export const DIFFERING_RECORDS_MAX = 1_000;

export interface Verification {
  /** UUID, also of its barrier. */
  readonly id: string;
  readonly partition: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly phase: VerificationPhase;
  /** Of the barrier; undefined before it is in the log. */
  readonly position: number | undefined;
  /** Undefined until all that could be compared is. */
  readonly verdict: Verdict | undefined;
  /** What the verdict rests on, in a sentence. */
  readonly reason: string | undefined;
  readonly regions: readonly ComparedRegion[];
  readonly differences: Differences;
}

/** What is to be done about a verification that found damage. */
export interface RepairRequest {
  readonly verification: string;
  /** Only says what would be done. */
  readonly isDryRun: boolean;
  /** For records without a proof: the region whose rows are right. Without it they are left as they are. */
  readonly preferred?: string | undefined;
  /** Only what a majority proves; what the log gives is left for somebody who asks. */
  readonly isByMajorityOnly?: boolean | undefined;
  readonly reason: string;
}

export interface RepairReport {
  /** UUID; undefined of a dry run, or where there was nothing to do. */
  readonly id: string | undefined;
  /** Records that are (or would be) set to what is proven, or preferred. */
  readonly records: number;
  /** The first of them. */
  readonly sample: readonly DifferingRecord[];
  /** Without a proof, and so left alone. */
  readonly undecided: readonly DifferingRecord[];
  /** Positions of the entries that do it. */
  readonly positions: readonly number[];
}

export interface Reconciliation {
  /**
   * Begins a verification, unless one of the partition is under way here, which is returned then.
   * @throws {ReconciliationError}
   */
  verify(partition: number): Promise<Verification>;
  /** As it stands; undefined for one that is not known, or no longer. */
  read(id: string): Promise<Verification | undefined>;
  /** The last ones, newest first. */
  list(options: { limit: number }): Promise<readonly Verification[]>;
  /** @throws {ReconciliationError} */
  repair(request: RepairRequest): Promise<RepairReport>;
}

/** What was asked can't be done now; the message says why, and what to do. */
export class ReconciliationError extends Error {
  override readonly name = "ReconciliationError";
  readonly why: "unknown-verification" | "not-diverged" | "outdated" | "unavailable" | "old-software";
  constructor(why: ReconciliationError["why"], message: string) {
    super(message);
    this.why = why;
  }
}
