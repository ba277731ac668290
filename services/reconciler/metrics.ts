/** What verification and repair report of themselves. */
import type { Verdict } from "../ports/reconciliation.ts";

export interface ReconcilerMetrics {
  /** @param ended.differing records that differ; what is undefined could not be told. */
  verified(ended: { id: string; partition: number; verdict: Verdict; atMs: number; differing: number }): void;
  repaired(published: { partition: number; records: number }): void;
  checkpoint(partition: number, outcome: "digested" | "void"): void;
  /** How long the scan of a snapshot's records, or of what else is folded, has taken. */
  digested(scan: { partition: number; part: "records" | "rest"; durationMs: number }): void;
}
