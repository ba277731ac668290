/** Verifications that have ended, as a region remembers them: over restarts, and for all of its processes. */
import type { Verification } from "./reconciliation.ts";

/** The newest are kept. */
export const VERIFICATIONS_KEPT_MAX = 500;
/** Records of each that are kept with their rows. */
export const KEPT_SAMPLE_MAX = 20;

export interface VerificationRecords {
  /** Once more keeps what is told then: what the log proves comes after the verdict. */
  keepVerification(verification: Verification): Promise<void>;
  readVerification(id: string): Promise<Verification | undefined>;
  /** Newest first. */
  listVerifications(options: { limit: number }): Promise<Verification[]>;
}
