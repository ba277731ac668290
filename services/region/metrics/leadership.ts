/** Who leads the log and how its copies keep up, as the process that relays a partition sees it, for Prometheus. */
import type { LogLook } from "../../placement/metrics.ts";
import type { Leadership } from "../../ports/global-log.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";
import { ToldLabels, type Removable } from "./told-labels.ts";

export interface LeadershipMetrics {
  look(partition: number, look: LogLook): void;
  /** Another process looks from here on: what was seen is not told any more. */
  left(partition: number): void;
  /** By region, as this region's nats-server has measured them; those that it has no way to are missing. */
  routes(roundTripsMs: { readonly [region: string]: number }): void;
}

export interface LeadershipMetricsOptions {
  readonly region: string;
  /** All of the topology. */
  readonly regions: readonly string[];
}

export function createLeadershipMetrics(meter: Meter, options: LeadershipMetricsOptions): LeadershipMetrics {
  const leader = createLeaderMetrics(meter);
  const copies = createCopyMetrics(meter);
  const { routes, left: leftRoutes } = createRouteMetrics(meter, options);
  const lookedAt = new Set<number>();
  return {
    look(number, seen) {
      const partition = String(number);
      lookedAt.add(number);
      leader.look(partition, seen);
      copies.look(partition, seen);
    },
    left(number) {
      leader.left(String(number));
      copies.left(String(number));
      lookedAt.delete(number);
      if (lookedAt.size === 0) leftRoutes();
    },
    routes,
  };
}

interface ByPartition {
  look(partition: string, look: LogLook): void;
  left(partition: string): void;
}

function createLeaderMetrics(meter: Meter): ByPartition {
  const leads = meter.gauge({
    name: "forebay_log_leader",
    help: "1 for the region that leads the partition's log, 0 for those that have led it, as this region sees it.",
    labels: ["partition", "leader"],
  });
  const hasLeader = meter.gauge({
    name: "forebay_log_has_leader",
    help: "1 while the log has a leader that this region can ask; absent in processes that don't relay the partition.",
    labels: ["partition"],
  });
  const term = meter.gauge({
    name: "forebay_log_term",
    help: "Raft term of the partition's log; rises with each election.",
    labels: ["partition"],
  });
  const last = meter.gauge({
    name: "forebay_log_last_position",
    help: "Last position that the log has committed, as its leader tells; forebay_applied_position is what is folded of it.",
    labels: ["partition"],
  });
  const changes = createLeaderChanges(meter);
  const known = new Map<string, Set<string>>();
  return {
    look(partition, { leadership, lastPosition }) {
      const regions = known.get(partition) ?? new Set();
      known.set(partition, regions);
      if (leadership?.leader !== undefined) regions.add(leadership.leader);
      for (const region of regions)
        leads.set({ partition, leader: region }, region === leadership?.leader ? 1 : 0);
      hasLeader.set({ partition }, leadership?.leader === undefined ? 0 : 1);
      if (leadership?.term !== undefined) term.set({ partition }, leadership.term);
      if (lastPosition !== undefined) last.set({ partition }, lastPosition);
      changes.look(partition, leadership);
    },
    left(partition) {
      for (const region of known.get(partition) ?? []) leads.remove({ partition, leader: region });
      known.delete(partition);
      changes.left(partition);
      for (const gauge of [hasLeader, term, last] as readonly Removable[]) gauge.remove({ partition });
    },
  };
}

/** Elections between two looks are told by the term; where it is not known, only that somebody else leads. */
function createLeaderChanges(meter: Meter): {
  look(partition: string, leadership: LogLook["leadership"]): void;
  left(partition: string): void;
} {
  const changes = meter.counter({
    name: "forebay_log_leader_changes_total",
    help: "Elections of the log's leader that this process has noticed, with those that nobody won: by the term where the log tells it, else by who leads.",
    labels: ["partition"],
  });
  const before = new Map<string, { readonly leader: string; readonly term: number | undefined }>();
  const look = (partition: string, leadership: LogLook["leadership"]) => {
    changes.inc({ partition }, 0);
    if (leadership?.leader === undefined) return;
    const { leader, term } = leadership;
    const last = before.get(partition);
    before.set(partition, { leader, term });
    if (last === undefined) return;
    const isOther = last.leader !== leader ? 1 : 0;
    const elections = term === undefined || last.term === undefined ? isOther : term - last.term;
    // A server that answers from an older term has not heard yet.
    changes.inc({ partition }, Math.max(0, elections));
  };
  // What another process has seen meanwhile, it has counted.
  return { look, left: (partition) => before.delete(partition) };
}

function createCopyMetrics(meter: Meter): ByPartition {
  const labels = ["partition", "peer"] as const;
  const lag = meter.gauge({
    name: "forebay_log_replica_lag_entries",
    help: "Entries by which a region's copy of the log is behind the leader's, as the leader tells; 0 is the leader.",
    labels,
  });
  const online = meter.gauge({
    name: "forebay_log_replica_online",
    help: "1 while the log's leader hears the region's nats-server; the leader hears itself.",
    labels,
  });
  const current = meter.gauge({
    name: "forebay_log_replica_current",
    help: "1 while the region's copy of the log is up and has all that the leader has; 0 for long means that it can't catch up.",
    labels,
  });
  const told = new ToldLabels("peer", [lag, online, current]);
  return {
    look(partition, { leadership }) {
      // Nobody tells then: what was true before must not be taken for what is.
      if (leadership?.leader === undefined) return told.only(partition, []);
      const leader = { region: leadership.leader, isOnline: true, isCurrent: true, lagEntries: 0 };
      const copies = [leader, ...leadership.replicas, ...unknownCopies(leadership)];
      for (const copy of copies) {
        const place = { partition, peer: copy.region };
        lag.set(place, copy.lagEntries);
        online.set(place, copy.isOnline ? 1 : 0);
        current.set(place, copy.isCurrent ? 1 : 0);
      }
      told.only(
        partition,
        copies.map(({ region }) => region),
      );
    },
    left: (partition) => told.only(partition, []),
  };
}

/** A copy that the leader can't name counts as one that is away: that the log has fewer to spare must be seen. */
function unknownCopies({ unknownReplicas = 0 }: Pick<Leadership, "unknownReplicas">) {
  return Array.from({ length: unknownReplicas }, (_, index) => ({
    region: `unknown-${index + 1}`,
    isOnline: false,
    isCurrent: false,
    lagEntries: 0,
  }));
}

function createRouteMetrics(
  meter: Meter,
  { region, regions }: LeadershipMetricsOptions,
): { routes: LeadershipMetrics["routes"]; left: () => void } {
  const up = meter.gauge({
    name: "forebay_route_up",
    help: "1 while this region's nats-server has a way to another region's; absent where its monitoring tells of none.",
    labels: ["peer"],
  });
  const roundTrips = meter.gauge({
    name: "forebay_route_round_trip_seconds",
    help: "Time there and back to another region's nats-server, as this region's has measured it last.",
    labels: ["peer"],
  });
  const others = regions.filter((name) => name !== region);
  const forget = (peer: string) => {
    for (const gauge of [up, roundTrips] as readonly Removable[]) gauge.remove({ peer });
  };
  return {
    routes(roundTripsMs) {
      // Whether the monitoring is away or the region is cut off from all others can't be told apart here; the others can.
      const isKnown = Object.keys(roundTripsMs).length > 0;
      for (const peer of others) {
        const roundTripMs = roundTripsMs[peer];
        if (roundTripMs === undefined) forget(peer);
        else roundTrips.set({ peer }, roundTripMs / MS_PER_SECOND);
        if (isKnown) up.set({ peer }, roundTripMs === undefined ? 0 : 1);
      }
    },
    left: () => others.forEach(forget),
  };
}
