/** Listens in on what the roles of a process report as metrics, so that its announcements cost them nothing. */
import type { ApplierMetrics } from "../applier/metrics.ts";
import type { BootstrapMetrics } from "../bootstrap/metrics.ts";
import type { RoleFigures } from "../console/role-figures.ts";
import type { PlacementMetrics } from "../placement/metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ended, ReconcilerMetrics } from "../reconciler/metrics.ts";
import type { RelayMetrics } from "../relay/metrics.ts";
import type { RelayState } from "../relay/step.ts";
import type { RegionMetrics } from "./metrics/all.ts";

export class ObservedRoles {
  readonly #figures: RoleFigures;
  readonly #clock: Clock;

  constructor(figures: RoleFigures, clock: Clock) {
    this.#figures = figures;
    this.#clock = clock;
  }

  all(metrics: RegionMetrics): RegionMetrics {
    return {
      ...metrics,
      relay: (partition) => this.relay(partition, metrics.relay(partition)),
      applier: (partition) => this.applier(partition, metrics.applier(partition)),
      placement: this.placement(metrics.placement),
      reconciler: this.reconciler(metrics.reconciler),
      bootstrap: this.bootstrap(metrics.bootstrap),
    };
  }

  relay(partition: number, metrics: RelayMetrics): RelayMetrics {
    const figures = this.#figures.of(partition);
    return {
      ...metrics,
      observe: (state) => {
        metrics.observe(state);
        figures.relay = {
          epoch: state.epoch,
          window: Math.floor(state.window.size),
          in_flight: state.inFlight.length,
          is_in_doubt: state.phase === "doubt",
          published: publishedUpTo(state),
        };
      },
    };
  }

  applier(partition: number, metrics: ApplierMetrics): ApplierMetrics {
    const { fold } = this.#figures.of(partition);
    return {
      ...metrics,
      received: (position) => {
        metrics.received(position);
        fold.received = position;
      },
      disagreement: (region) => {
        metrics.disagreement(region);
        fold.disagreedAtMs.set(region, this.#clock.monotonicMs());
      },
      stopped: (reason) => {
        metrics.stopped(reason);
        fold.stopReason = reason;
      },
    };
  }

  placement(metrics: PlacementMetrics): PlacementMetrics {
    return {
      ...metrics,
      ranked: (partition, ranking) => {
        metrics.ranked(partition, ranking);
        const roundTrips = ranking.map(
          ({ region, quorumRoundTripMs }) => [region, quorumRoundTripMs] as const,
        );
        this.#figures.of(partition).quorumRoundTripsMs = new Map(roundTrips);
      },
    };
  }

  reconciler(metrics: ReconcilerMetrics): ReconcilerMetrics {
    const tell = ({ id, partition, verdict, atMs, differing }: Ended) => {
      const at = Math.floor(atMs);
      this.#figures.verified(partition, { id, verdict, at, differing_records: differing });
    };
    return {
      ...metrics,
      verified: (ended) => {
        metrics.verified(ended);
        tell(ended);
      },
      recalled: (ended) => {
        metrics.recalled(ended);
        tell(ended);
      },
    };
  }

  bootstrap(metrics: BootstrapMetrics): BootstrapMetrics {
    return {
      ...metrics,
      stage: (partition, stage) => {
        metrics.stage(partition, stage);
        this.#figures.of(partition).fold.bootstrapStage = stage;
      },
    };
  }
}

/** Acknowledgements come in any order: all before the first that is still open has been acknowledged. */
function publishedUpTo({ folded, unfolded, inFlight }: RelayState): number {
  const open = inFlight.reduce((lowest, { last }) => Math.min(lowest, last), Infinity);
  const acknowledged = unfolded.filter(({ last }) => last < open).map(({ last }) => last);
  return Math.max(folded.sequence, ...acknowledged);
}
