/** Reports of regions that don't exist: figures that look like those of a cluster under a little load. */
import type { PartitionReport, RegionReport } from "../../../services/protocol/cluster/report.ts";

export interface SimulatedState {
  readonly regions: readonly string[];
  readonly partitions: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly startedAtMs: number;
  /** Views so far. */
  readonly round: number;
  readonly leaders: readonly (string | undefined)[];
  readonly term: number;
  readonly cutRegion: string | undefined;
  readonly cutSinceMs: number;
  readonly drifted: string | undefined;
}

export const OPERATION = "0199a1b2-0000-7000-8000-000000000042";
const MS_PER_SECOND = 1_000;
const MEGABYTE = 1024 ** 2;
export const ROWS_PER_SECOND = 120;

/** The same number for the same names: figures that differ, and can be asserted on. */
export function spread(...names: readonly (string | number)[]): number {
  let hash = 2_166_136_261;
  for (const character of names.join(" ")) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619);
  return ((hash >>> 8) % 1_000) / 1_000;
}

export function reportOf(state: SimulatedState, region: string): RegionReport {
  const { round, nowMs, startedAtMs, partitions, regions } = state;
  const isRefusing = false;
  return {
    version: 1,
    region,
    process: `${region}-4f2a9c`,
    sequence: round,
    sent_at: nowMs - 120,
    started_at: startedAtMs,
    software: "0.1.0",
    is_ready: true,
    problems: [],
    partitions: Array.from({ length: partitions }, (_, partition) =>
      partitionReportOf(state, region, partition),
    ),
    peers: regions
      .filter((peer) => peer !== region)
      .map((peer) => ({
        region: peer,
        heard_ms: 200 + Math.round(spread(region, peer) * 600),
        round_trip_ms: 20 + Math.round(spread(...[region, peer].sort()) * 150),
        clock_offset_ms: Math.round((spread(peer, "clock") - 0.5) * 40) / 10,
      })),
    outcomes: [
      { class: "local", outcome: "accepted", count: 4_000 + round * ROWS_PER_SECOND },
      { class: "decided", outcome: "committed", count: 900 + round * 12 },
      { class: "decided", outcome: "refused", count: region === state.cutRegion ? round * 3 : 0 },
      { class: "read", outcome: "ok", count: 20_000 + round * 800 },
    ],
    load: {
      event_loop_delay_ms: 1 + Math.round(spread(region, round) * 60) / 10,
      resident_bytes: (180 + Math.round(spread(region) * 60)) * MEGABYTE,
      requests_in_flight: Math.round(spread(region, round, "work") * 24),
      admission: isRefusing ? "refusing" : "open",
    },
  };
}

/** A region that is cut off keeps what it takes. */
function pendingRows({ cutRegion, cutSinceMs, nowMs }: SimulatedState, region: string): number {
  const secondsCut = (nowMs - cutSinceMs) / MS_PER_SECOND;
  return region === cutRegion ? Math.round(secondsCut * ROWS_PER_SECOND) : Math.round(spread(region) * 6);
}

function partitionReportOf(state: SimulatedState, region: string, partition: number): PartitionReport {
  const { cutRegion, cutSinceMs, nowMs, round, leaders, term, regions } = state;
  const isCut = region === cutRegion;
  const rows = pendingRows(state, region);
  const leader = leaders[partition];
  const applied = 20_000 + round * 6 - (isCut ? Math.round((nowMs - cutSinceMs) / 160) : 0);
  return {
    partition,
    ...(leader !== undefined && !isCut && { leader }),
    term,
    ...(!isCut && { log_last: 20_000 + round * 6 + 1, replica_lag: Math.round(spread(region, round) * 3) }),
    applied,
    log_time: nowMs - 400,
    wal: {
      head: 90_000 + round * ROWS_PER_SECOND,
      published: 90_000 + round * ROWS_PER_SECOND - rows,
      pending_rows: rows,
      pending_bytes: rows * 310,
      oldest_age_ms: isCut ? nowMs - cutSinceMs : rows * 9,
      ...(rows > 0 && { oldest_operation: OPERATION }),
    },
    breaker: isCut
      ? { state: "open", reason: "timed-out", open_ms: nowMs - cutSinceMs }
      : { state: "closed", open_ms: 0 },
    relay: { epoch: 3, window: 8, in_flight: isCut ? 8 : 1, is_in_doubt: isCut },
    fold: { state: "waiting", received: applied },
    watermarks: Object.fromEntries(regions.map((origin) => [origin, 90_000 + round * ROWS_PER_SECOND])),
    members: [...regions],
    verdict:
      state.drifted === undefined
        ? {
            id: "0199a1b2-0000-7000-8000-000000000001",
            verdict: "match",
            at: nowMs - 240_000,
            differing_records: 0,
          }
        : {
            id: "0199a1b2-0000-7000-8000-000000000002",
            verdict: "diverged",
            at: nowMs - 4_000,
            differing_records: 1,
          },
    quorum_round_trip_ms: 40 + Math.round(spread(region, "quorum") * 80),
  };
}
