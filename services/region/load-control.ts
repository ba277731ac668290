/** Puts admission together for a region process: at the door of its HTTP server, at its WALs, fed with how it feels. */
import { Admission, type ProcessLoad } from "../gateway/admission/admission.ts";
import type { AdmissionMetrics } from "../gateway/admission/metrics.ts";
import { Refusals } from "../gateway/admission/refusals.ts";
import { WalPressure } from "../gateway/admission/wal-pressure.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { LoadReport } from "../protocol/cluster/report.ts";
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
  #last: ProcessLoad | undefined;

  constructor(options: LoadControlOptions) {
    const { config } = options;
    this.#options = options;
    this.refusals = new Refusals(options.clock);
    const shared = { ...options, refusals: this.refusals };
    this.admission = new Admission({ ...shared, ...config.admission });
    const { partitions } = config.topology;
    this.walPressure = new WalPressure({ ...shared, partitions, limits: config.wal });
  }

  /** How the process felt last, and what it refuses. */
  report(): LoadReport {
    const { state, reason } = this.refusals.status();
    const { working, waiting } = this.admission.inFlight;
    return {
      event_loop_delay_ms: Math.round((this.#last?.eventLoopDelayMs ?? 0) * 10) / 10,
      resident_bytes: this.#last?.memoryBytes ?? 0,
      requests_in_flight: working + waiting,
      admission: state === "open" ? "open" : "refusing",
      ...(reason === undefined ? {} : { admission_reason: reason }),
    };
  }

  connectionDropped(): void {
    this.#options.metrics.refused({ reason: "connections", class: "connection" });
  }

  /** Follows how the process feels, until stopped. */
  watch(stop: AbortSignal): Promise<void> {
    const sampled = (load: ProcessLoad) => {
      this.#last = load;
      this.admission.sampled(load);
    };
    return watchProcessLoad(sampled, this.#options.clock, stop);
  }
}
