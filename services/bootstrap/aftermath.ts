/**
 * What comes after loading: folding up to where the log ended then, and the proof that the region holds what another one
 * does. Only then may it be read and written again.
 */
import type { Bootstrap } from "../ports/bootstraps.ts";
import type { Clock } from "../ports/clock.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import { ReconciliationError, type Reconciliation } from "../ports/reconciliation.ts";
import type { RegionStore } from "../ports/region-store.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import type { BootstrapMetrics } from "./metrics.ts";
import { proofOf, type Proof } from "./proof.ts";

const LOOK_EVERY_MS = 250;
/** Longer than a verification of a large partition takes. */
const VERIFICATION_MS_MAX = 600_000;
const AGAIN_AFTER_MS = 3_000;
/** Nothing changes by itself where regions differ: a repair may come. */
const AGAIN_AFTER_DAMAGE_MS = 20_000;

export interface AftermathOptions {
  readonly region: string;
  readonly partition: number;
  readonly store: RegionStore;
  readonly log: Pick<GlobalLog, "inspect">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: BootstrapMetrics;
  /** Without one nothing is verified, and nothing proven: the bootstrap ends when all is folded. */
  readonly reconciliation?: Pick<Reconciliation, "verify" | "read"> | undefined;
}

export class Aftermath {
  readonly #options: AftermathOptions;
  #target: { readonly id: string; readonly position: number } | undefined;
  #againAtMs = 0;
  #problem: string | undefined;

  constructor(options: AftermathOptions) {
    this.#options = options;
  }

  /** Goes on by a step. @returns why it does not, or undefined. @throws what store and log throw. */
  async goOn(bootstrap: Bootstrap, stop: AbortSignal): Promise<string | undefined> {
    return bootstrap.stage === "folding" ? this.#fold(bootstrap) : this.#verify(bootstrap, stop);
  }

  async #fold(bootstrap: Bootstrap): Promise<string | undefined> {
    const { store, log, partition, region, logger } = this.#options;
    if (this.#target?.id !== bootstrap.id)
      this.#target = { id: bootstrap.id, position: (await log.inspect(partition)).lastPosition };
    const { position, members } = await store.readPositions(partition);
    if (position < this.#target.position) return undefined;
    // Its own folding ends with the entry that makes it one.
    if (!members.includes(region)) return `waits to be added: "forebay region add ${region}" does it`;
    await store.enterStage({ bootstrap, stage: "verifying" });
    this.#againAtMs = 0;
    logger.info(
      { partition, id: bootstrap.id, position },
      "what was loaded is folded on; it is verified now",
    );
    return undefined;
  }

  async #verify(bootstrap: Bootstrap, stop: AbortSignal): Promise<string | undefined> {
    const { clock, store, partition, logger, metrics } = this.#options;
    if (clock.monotonicMs() < this.#againAtMs) return this.#problem;
    const { status, reason } = await this.#prove(stop);
    if (stop.aborted) return this.#problem;
    if (status === "proven") {
      await store.endBootstrap(bootstrap);
      this.#problem = undefined;
      metrics.ended(partition, "verified");
      logger.info(
        { partition, id: bootstrap.id, reason },
        "a bootstrap is over: the region holds what others do",
      );
      return undefined;
    }
    const isDamage = status === "differs";
    this.#againAtMs = clock.monotonicMs() + (isDamage ? AGAIN_AFTER_DAMAGE_MS : AGAIN_AFTER_MS);
    this.#problem = isDamage
      ? `what was loaded is not what others hold: ${reason}`
      : `can't be verified yet: ${reason}`;
    logger[isDamage ? "error" : "warn"](
      { partition, id: bootstrap.id, reason },
      "a bootstrap is not verified",
    );
    return this.#problem;
  }

  async #prove(stop: AbortSignal): Promise<Proof> {
    const { reconciliation, partition, clock, region } = this.#options;
    if (reconciliation === undefined) return { status: "proven", reason: "nothing is verified here" };
    try {
      const { id } = await reconciliation.verify(partition);
      const untilMs = clock.monotonicMs() + VERIFICATION_MS_MAX;
      while (!stop.aborted && clock.monotonicMs() < untilMs) {
        const verification = await reconciliation.read(id);
        if (verification === undefined) break;
        if (verification.endedAtMs !== undefined) return proofOf(verification, region);
        await clock.sleep(LOOK_EVERY_MS, stop);
      }
      return { status: "open", reason: "the verification did not end" };
    } catch (error) {
      if (!(error instanceof ReconciliationError)) throw error;
      return { status: "open", reason: describeError(error) };
    }
  }
}
