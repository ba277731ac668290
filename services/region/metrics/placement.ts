/** What placement reports, as Prometheus has it. */
import type { PlacementMetrics } from "../../placement/metrics.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";
import { createLeadershipMetrics, type LeadershipMetricsOptions } from "./leadership.ts";
import { ToldLabels } from "./told-labels.ts";

export function createPlacementMetrics(meter: Meter, options: LeadershipMetricsOptions): PlacementMetrics {
  const log = createLeadershipMetrics(meter, options);
  const moves = meter.counter({
    name: "forebay_leader_moves_total",
    help: "Times that this region has asked for leadership: it was nearer to a majority, or the leader's region was drained.",
    labels: ["partition", "reason", "outcome"],
  });
  const roundTrips = meter.gauge({
    name: "forebay_quorum_round_trip_seconds",
    help: "Time until a majority has answered, if the candidate leads, as this region sees it.",
    labels: ["partition", "candidate"],
  });
  const told = new ToldLabels("candidate", [roundTrips]);
  const looks = meter.counter({
    name: "forebay_leader_looks_total",
    help: "Looks at who leads, by why this region has asked for leadership, or has not.",
    labels: ["partition", "decision"],
  });
  return {
    sawLog: (partition, look) => log.look(partition, look),
    sawRoutes: (roundTripsMs) => log.routes(roundTripsMs),
    left(partition) {
      log.left(partition);
      told.only(String(partition), []);
    },
    looked: ({ partition, decision }) => looks.inc({ partition: String(partition), decision }),
    moved: ({ partition, reason, outcome }) => moves.inc({ partition: String(partition), reason, outcome }),
    ranked(number, ranking) {
      const partition = String(number);
      for (const { region, quorumRoundTripMs } of ranking) {
        roundTrips.set({ partition, candidate: region }, quorumRoundTripMs / MS_PER_SECOND);
      }
      told.only(
        partition,
        ranking.map(({ region }) => region),
      );
    },
  };
}
