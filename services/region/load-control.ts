/** Puts admission together for a region process: at the door of its HTTP server, at its WALs, fed with how it feels. */
import { Admission } from "../gateway/admission/admission.ts";
import type { AdmissionMetrics } from "../gateway/admission/metrics.ts";
import { Refusals } from "../gateway/admission/refusals.ts";
import { WalPressure } from "../gateway/admission/wal-pressure.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { watchProcessLoad } from "./process-load.ts";

export interface LoadControlOptions {
  readonly config: Pick<RegionConfig, "admission" | "wal" | "topology">;
  readonly metrics: AdmissionMetrics;
  readonly clock: Clock;
  readonly random: Random;
}

export class LoadControl {
  readonly refusals: Refusals;
  readonly admission: Admission;
  readonly walPressure: WalPressure;
  readonly #options: LoadControlOptions;

  constructor(options: LoadControlOptions) {
    const { config } = options;
    this.#options = options;
    this.refusals = new Refusals(options.clock);
    const shared = { ...options, refusals: this.refusals };
    this.admission = new Admission({ ...shared, ...config.admission });
    const { partitions } = config.topology;
    this.walPressure = new WalPressure({ ...shared, partitions, limits: config.wal });
  }

  connectionDropped(): void {
    this.#options.metrics.refused({ reason: "connections", class: "connection" });
  }

  /** Follows how the process feels, until stopped. */
  watch(stop: AbortSignal): Promise<void> {
    return watchProcessLoad((load) => this.admission.sampled(load), this.#options.clock, stop);
  }
}
