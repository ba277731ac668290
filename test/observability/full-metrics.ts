/** All metrics of a region process, filled as in a cluster of some size where everything has happened once. */
import { startBreaker } from "../../services/core/breaker.ts";
import {
  INITIAL_ORIGIN,
  initialPartitionState,
  NO_COUNTS,
  type OriginState,
} from "../../services/core/fold/state.ts";
import { ZERO_HLC } from "../../services/core/hlc.ts";
import { BOOTSTRAP_STAGES } from "../../services/ports/bootstraps.ts";
import { createRegionMetrics, type RegionMetrics } from "../../services/region/metrics/all.ts";
import { startRelay } from "../../services/relay/step.ts";
import { Meter } from "../../services/runtime/metrics.ts";

export interface ClusterSize {
  readonly partitions: number;
  readonly regions: readonly string[];
}

const CONFIG = {
  wal: { rowsMax: 5_000_000, bytesMax: 4 * 1024 ** 3, ageMsMax: 86_400_000 },
  admission: { requestsMax: 8_192, memoryBytesMax: 1024 ** 3 },
  verification: { everyMs: 3_600_000, isRepairAutomatic: false },
} as const;

const RECORD = "/v1/collections/:collection/records/:key";
const REQUESTS = [
  { route: RECORD, method: "PATCH", status: 202, kind: "local", outcome: "accepted" },
  { route: RECORD, method: "PATCH", status: 503, kind: "local", outcome: "refused" },
  { route: RECORD, method: "PATCH", status: 200, kind: "decided", outcome: "committed" },
  { route: RECORD, method: "DELETE", status: 503, kind: "decided", outcome: "refused" },
  { route: RECORD, method: "DELETE", status: 504, kind: "decided", outcome: "unknown" },
  { route: RECORD, method: "GET", status: 200, kind: "read", outcome: "ok" },
  { route: RECORD, method: "GET", status: 400, kind: "read", outcome: "rejected" },
  { route: "/v1/collections/:collection/records", method: "GET", status: 200, kind: "read", outcome: "ok" },
  { route: "/v1/transactions", method: "POST", status: 409, kind: "decided", outcome: "rejected" },
  { route: "/v1/leases/:name", method: "POST", status: 200, kind: "decided", outcome: "committed" },
  { route: "/v1/operations/:operation", method: "GET", status: 200, kind: "read", outcome: "ok" },
] as const;
const ROUTES_OF_OPERATORS = [
  "/v1/status",
  "/livez",
  "/readyz",
  "/metrics",
  "/v1/leader",
  "/v1/log",
  "/v1/members",
];

/** A meter with the metrics of a process, as when it has just started; the first region is its own. */
export function newMetrics({ partitions, regions }: ClusterSize): { meter: Meter; metrics: RegionMetrics } {
  const region = regions[0]!;
  const topology = { name: "test", partitions, regions: regions.map((name) => ({ name })), links: [] };
  const meter = new Meter({ region });
  const config = { ...CONFIG, region, topology };
  const options = { config, isReady: () => true, onStopped: () => undefined };
  return { meter, metrics: createRegionMetrics(meter, options) };
}

/** The same after everything has happened once, with each set of labels. */
export function fullMetrics(size: ClusterSize): Meter {
  const { meter, metrics } = newMetrics(size);
  for (const request of REQUESTS) metrics.http.answered({ ...request, durationMs: 3 });
  for (const route of ROUTES_OF_OPERATORS) {
    metrics.http.answered({ route, method: "GET", status: 200, durationMs: 1 });
  }
  metrics.gateway.flushed({ operations: 3, durationMs: 2 });
  metrics.gateway.proposed({ proposals: 2, durationMs: 90, outcome: "acknowledged" });
  metrics.admission.sampled({ limit: 3_000, working: 4, waiting: 2, eventLoopDelayMs: 1 });
  metrics.placement.sawRoutes(Object.fromEntries(size.regions.slice(1).map((region) => [region, 80])));
  for (let partition = 0; partition < size.partitions; partition += 1)
    fillPartition(metrics, partition, size);
  for (let number = 0; number < 100; number += 1) {
    const conflicts = [{ collection: "users", field: `field${number}`, reason: "concurrent" as const }];
    const state = initialPartitionState(0);
    metrics.applier(0).folded({ state, counts: NO_COUNTS, conflicts, durationMs: 1 });
  }
  return meter;
}

function fillPartition(metrics: RegionMetrics, partition: number, { regions }: ClusterSize): void {
  fillLog(metrics, partition, regions);
  fillFold(metrics, partition, regions);
  const state = { ...initialPartitionState(partition), origins: origins(regions) };
  const head = { sequence: 9, hlc: ZERO_HLC, pendingRows: 2, pendingBytes: 50 };
  metrics.health.observed(partition, state, { ...head, oldestPendingAtMs: 1_000, nowMs: 2_500 });
  const relay = metrics.relay(partition);
  relay.observe(startRelay({ epoch: 4, folded: { position: 1, sequence: 0, chain: "" } }));
  relay.published({ outcome: "acknowledged", durationMs: 5, bytes: 100 });
  for (const verdict of ["match", "diverged", "unreachable"] as const) {
    metrics.reconciler.verified({ id: "v", partition, verdict, atMs: 1_000, differing: 0 });
  }
  metrics.reconciler.digested({ partition, part: "records", durationMs: 100 });
  metrics.bootstrap.stage(partition, BOOTSTRAP_STAGES[0]);
  metrics.trim.log(partition, { firstPosition: 1, isTooLate: false });
  metrics.trim.forgottenTo(partition, 1);
  const pinnedBy = { region: regions.at(-1)!, position: 1, sinceMs: 0 };
  metrics.trim.members(partition, { regions, placed: { foldedByAll: 1, pinnedBy, away: [] } });
}

function fillLog({ log, placement }: RegionMetrics, partition: number, regions: readonly string[]): void {
  log.breaker(partition, startBreaker(0));
  for (const kind of ["batch", "proposals", "tick", "barrier", "probe"] as const) {
    log.publishStarted({ partition, kind });
    log.publishSettled({ partition, kind, outcome: "acknowledged", durationMs: 80 });
  }
  const [leader, ...others] = regions;
  const replicas = others.map((region) => ({
    region,
    isOnline: true,
    isCurrent: true,
    lagEntries: 0,
    seenAgoMs: 10,
  }));
  const leadership = { leader, term: 3, leaderSinceMs: 1_000, replicas };
  placement.sawLog(partition, { leadership, lastPosition: 100 });
  placement.looked({ partition, decision: "good-enough" });
  placement.moved({ partition, reason: "nearer", outcome: "moved" });
  placement.ranked(
    partition,
    regions.map((region) => ({ region, quorumRoundTripMs: 85 })),
  );
}

function fillFold(metrics: RegionMetrics, partition: number, regions: readonly string[]): void {
  const applier = metrics.applier(partition);
  applier.folded({
    state: initialPartitionState(partition),
    counts: NO_COUNTS,
    conflicts: [],
    durationMs: 4,
  });
  for (const origin of regions) {
    applier.shown({ origin, bufferMs: 30, logMs: 50, foldMs: 5, totalMs: 85 });
    if (origin === regions[0]) continue;
    applier.clockOffset({ region: origin, offsetMs: 12, isBeyond: false });
  }
}

function origins(regions: readonly string[]): { [region: string]: OriginState } {
  const tick = { walHead: 9, appliedPosition: 1, hlc: ZERO_HLC, software: "1", reads: 6, logTimeMs: 1 };
  return Object.fromEntries(regions.map((region) => [region, { ...INITIAL_ORIGIN, tick }]));
}
