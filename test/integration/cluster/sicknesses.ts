/** What can be wrong with the network or a server for a while without anything ending: tests and measurements share them. */
import type { LocalCluster } from "../../../infra/local/cluster.ts";

export interface Sickness {
  readonly name: string;
  /** @param leader the region whose nats-server leads the log. */
  begin(cluster: LocalCluster, leader: string): Promise<void> | void;
  /** Its own local writes have no database to go to; everybody else's do. */
  readonly isDatabaseOf?: (cluster: LocalCluster, leader: string) => string;
}

const LOSS_SHARE = 0.3;
const LATENCY_MS = 5;
const JITTER_MS = 200;

export const SICKNESSES: readonly Sickness[] = [
  {
    name: "what the leader says does not arrive in one region",
    begin: (cluster, leader) =>
      cluster.faults.impair(leader, otherThan(cluster, leader), { isCut: true, oneWay: true }),
  },
  {
    name: "the leader's server accepts, and never answers",
    begin: (cluster, leader) => cluster.faults.pause("nats", leader),
  },
  {
    name: "a region's database accepts, and never answers",
    begin: (cluster, leader) => cluster.faults.pause("postgres", otherThan(cluster, leader)),
    isDatabaseOf: otherThan,
  },
  {
    name: "connections of all links are reset, 30 % of them each second",
    begin: (cluster) => onAllLinks(cluster, { lossShare: LOSS_SHARE }),
  },
  {
    name: "all links take 5 ms, 200 more or less",
    begin: (cluster) => onAllLinks(cluster, { latencyMs: LATENCY_MS, jitterMs: JITTER_MS }),
  },
];

/** The first region that is not the leader's. */
function otherThan(cluster: LocalCluster, leader: string): string {
  return cluster.regions.find(({ name }) => name !== leader)!.name;
}

function onAllLinks(cluster: LocalCluster, fault: Parameters<LocalCluster["faults"]["impair"]>[2]): void {
  const names = cluster.regions.map(({ name }) => name);
  for (const [index, one] of names.entries()) {
    for (const other of names.slice(index + 1)) cluster.faults.impair(one, other, fault);
  }
}
