/** Verifications that nobody asked for: one at a time, and a repair of what a clear majority proves where that is wanted. */
import type { RepairReport, Verification } from "../ports/reconciliation.ts";
import type { Auditing, Ending } from "../runtime/auditor.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Reconciler } from "./reconciler.ts";

/** Of one scheduled verification: each repairs what a verification holds rows of. */
const ROUNDS_MAX = 5;
const ACTOR = "reconciler";
const REASON = "found by a scheduled verification: what most regions hold";

export interface ScheduledVerificationOptions {
  readonly reconciler: Pick<Reconciler, "verifyToVerdict" | "repair">;
  readonly isRepairAutomatic: boolean;
  readonly auditor: Pick<Auditing, "act">;
  readonly logger: Logger;
}

export class ScheduledVerification {
  readonly #options: ScheduledVerificationOptions;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ScheduledVerificationOptions) {
    this.#options = options;
  }

  /** Waits for its turn. @returns how many records it has repaired. @throws {ReconciliationError} */
  verify(partition: number, stop: AbortSignal): Promise<number> {
    const verified = this.#turn.then(() => (stop.aborted ? 0 : this.#verify(partition, stop)));
    this.#turn = verified.catch(() => undefined);
    return verified;
  }

  async #verify(partition: number, stop: AbortSignal): Promise<number> {
    const { isRepairAutomatic, reconciler, logger } = this.#options;
    let repaired = 0;
    for (let round = 1; ; round += 1) {
      const verification = await reconciler.verifyToVerdict(partition, true);
      if (!isRepairAutomatic || !isRepairable(verification) || round > ROUNDS_MAX || stop.aborted)
        return repaired;
      const { id } = verification;
      const report = await this.#repair(id);
      repaired += report.records;
      logger.warn(
        { partition, verification: id, records: report.records, undecided: report.undecided.length },
        "records were repaired automatically",
      );
      if (report.records === 0) return repaired;
    }
  }

  #repair(verification: string): Promise<RepairReport> {
    const { reconciler, auditor } = this.#options;
    const request = { verification, isDryRun: false, isByMajorityOnly: true, reason: REASON };
    const act = {
      action: "repair",
      actor: ACTOR,
      address: null,
      about: { verification, reason: REASON },
    } as const;
    return auditor.act({ ...act, ended: repairEnding }, () => reconciler.repair(request));
  }
}

function repairEnding({ id, records, undecided }: RepairReport): Ending {
  return { outcome: "done", about: { repair: id, records, undecided: undecided.length } };
}

function isRepairable({ verdict, differences }: Verification): boolean {
  return verdict === "diverged" && differences.sample.some(({ proven }) => proven?.by === "majority");
}
