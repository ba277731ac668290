/** What verification and repair report of themselves. */
import type { Verdict } from "../ports/reconciliation.ts";

export interface Ended {
  readonly id: string;
  readonly partition: number;
  readonly verdict: Verdict;
  readonly atMs: number;
  readonly differing: number;
}

export interface ReconcilerMetrics {
  /** @param ended.differing records that differ; what is undefined could not be told. */
  verified(ended: Ended): void;
  /** Ended before this process began, in whichever process of the region: the newest that could tell. */
  recalled(ended: Ended): void;
  repaired(published: { partition: number; records: number }): void;
  checkpoint(partition: number, outcome: "digested" | "void"): void;
  /** How long the scan of a snapshot's records, or of what else is folded, has taken. */
  digested(scan: { partition: number; part: "records" | "rest"; durationMs: number }): void;
}
