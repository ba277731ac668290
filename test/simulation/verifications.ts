/** The simulated twin of what a region remembers of verifications. */
import type { Verification } from "../../services/ports/reconciliation.ts";
import { VERIFICATIONS_KEPT_MAX } from "../../services/ports/verification-records.ts";

export class SimulatedVerifications {
  /** Newest first. */
  #kept: Verification[] = [];

  keep(verification: Verification): void {
    const others = this.#kept.filter(({ id }) => id !== verification.id);
    this.#kept = [...others, verification]
      .toSorted((one, other) => other.startedAtMs - one.startedAtMs || (one.id < other.id ? 1 : -1))
      .slice(0, VERIFICATIONS_KEPT_MAX);
  }

  read(id: string): Verification | undefined {
    return this.#kept.find((one) => one.id === id);
  }

  list(limit: number): Verification[] {
    return this.#kept.slice(0, limit);
  }
}
