/** What is known of a region, put together from the newest reports of all of its processes. */
import type {
  BreakerReport,
  FoldReport,
  PartitionReport,
  PeerReport,
  RelayReport,
  VerdictReport,
  WalReport,
} from "../../protocol/cluster/report.ts";
import type { RegionView } from "../../protocol/cluster/view.ts";
import { SILENT_AFTER_MS, type Heard } from "../hearing.ts";
import { hasCompared } from "../role-figures.ts";

export interface PartitionFacts {
  /** When the newest report that tells of the partition came, on the monotonic clock. */
  readonly atMs: number;
  readonly newest: PartitionReport;
  readonly wal: WalReport;
  /** The log has acknowledged all up to here; undefined where nobody relays. */
  readonly published: number | undefined;
  /** Of the process that relays, or else of one whose breaker is open. */
  readonly breaker: BreakerReport;
  readonly relay: RelayReport | undefined;
  readonly fold: FoldReport | undefined;
  readonly applied: number;
  readonly watermarks: { readonly [origin: string]: number };
  /** Undefined while the region's database answers. */
  readonly staleMs: number | undefined;
  readonly leader: string | undefined;
  readonly term: number | undefined;
  readonly logLast: number | undefined;
  readonly replicaLag: number | undefined;
  readonly verdict: VerdictReport | undefined;
  /** Regions that have folded another log, by the word of any process. */
  readonly disagreesWith: readonly string[];
  /** The newest on all regions: `match` or `diverged`. */
  readonly compared: VerdictReport | undefined;
}

export interface RegionFacts {
  readonly region: string;
  readonly state: RegionView["state"];
  /** When it was heard last, on the monotonic clock. */
  readonly lastAtMs: number | undefined;
  /** Of processes that were still heard when the region was heard last; the newest first. */
  readonly heard: readonly Heard[];
  /** Besides, of those that have fallen silent within a minute: for what is counted on when one is heard again. */
  readonly remembered: readonly Heard[];
  readonly partitions: ReadonlyMap<number, PartitionFacts>;
  /** What the region hears of each other, by whichever of its processes heard of it last. */
  readonly peers: ReadonlyMap<string, PeerReport>;
}

export function gatherFacts(options: {
  region: string;
  heard: readonly Heard[];
  lastAtMs: number | undefined;
  nowMs: number;
}): RegionFacts {
  const { region, heard: remembered, lastAtMs, nowMs } = options;
  const isSilent = lastAtMs !== undefined && nowMs - lastAtMs >= SILENT_AFTER_MS;
  // A process that was silent for longer than the others has stopped: it says nothing of the region any more.
  const heard = remembered.filter(({ atMs }) => lastAtMs === undefined || lastAtMs - atMs < SILENT_AFTER_MS);
  return {
    region,
    state: lastAtMs === undefined ? "unheard" : isSilent ? "silent" : "heard",
    lastAtMs,
    heard,
    remembered,
    partitions: partitionsOf(heard),
    peers: peersOf(heard),
  };
}

function partitionsOf(heard: readonly Heard[]): ReadonlyMap<number, PartitionFacts> {
  const told = new Map<number, { atMs: number; report: PartitionReport }[]>();
  for (const { report, atMs } of heard) {
    for (const partition of report.partitions) {
      const all = told.get(partition.partition);
      if (all === undefined) told.set(partition.partition, [{ atMs, report: partition }]);
      else all.push({ atMs, report: partition });
    }
  }
  return new Map([...told].map(([partition, all]) => [partition, factsOf(all)]));
}

function factsOf(told: readonly { atMs: number; report: PartitionReport }[]): PartitionFacts {
  const reports = told.map(({ report }) => report);
  const furthest = reports.reduce((one, other) => (other.applied > one.applied ? other : one));
  const relaying = reports.find(({ relay }) => relay !== undefined);
  const folding = reports.find(({ fold }) => fold !== undefined);
  const open = reports.find(({ breaker }) => breaker.state !== "closed");
  const asking = reports.find(({ leader }) => leader !== undefined);
  const fresh = reports.find((report) => report.stale_ms === undefined);
  const wal = (fresh ?? furthest).wal;
  const newest = reports[0]!;
  const verdicts = reports.flatMap(({ verdict, compared }) => [verdict ?? [], compared ?? []].flat());
  return {
    atMs: told[0]!.atMs,
    newest,
    wal: { ...wal, head: Math.max(...reports.map((report) => report.wal.head)) },
    published: relaying?.wal.published,
    breaker: (relaying ?? open ?? newest).breaker,
    relay: relaying?.relay,
    fold: folding?.fold,
    applied: furthest.applied,
    watermarks: furthest.watermarks,
    staleMs: fresh === undefined ? Math.min(...reports.map((report) => report.stale_ms!)) : undefined,
    leader: asking?.leader,
    term: highest(reports.map(({ term }) => term)),
    logLast: highest(reports.map((report) => report.log_last)),
    replicaLag: asking?.replica_lag,
    disagreesWith: [...new Set(reports.flatMap(({ disagrees_with: others = [] }) => others))].toSorted(),
    verdict: newestVerdict(verdicts),
    compared: newestVerdict(verdicts.filter(hasCompared)),
  };
}

function peersOf(heard: readonly Heard[]): ReadonlyMap<string, PeerReport> {
  const peers = new Map<string, PeerReport>();
  for (const { report } of heard) {
    for (const peer of report.peers) {
      const known = peers.get(peer.region);
      if (known === undefined || (peer.heard_ms ?? Infinity) < (known.heard_ms ?? Infinity))
        peers.set(peer.region, peer);
    }
  }
  return peers;
}

function newestVerdict(verdicts: readonly VerdictReport[]): VerdictReport | undefined {
  return verdicts.toSorted((one, other) => other.at - one.at)[0];
}

function highest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
