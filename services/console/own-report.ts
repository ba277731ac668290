/** Puts together what this process announces: of what is remembered already, so that nobody is asked, and nothing is waited for. */
import { placeMembers } from "../core/trim/members.ts";
import {
  REPORT_VERSION,
  type BreakerReport,
  type ClockReport,
  type FoldReport,
  type LoadReport,
  type OutcomeReport,
  type PartitionReport,
  type PeerReport,
  type RegionReport,
  type WalReport,
} from "../protocol/cluster/report.ts";
import type { Clock } from "../ports/clock.ts";
import type { Positions, WalHead } from "../ports/region-store.ts";
import type { FoldNews } from "../runtime/fold-feed.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type { LogWatch } from "./log-watch.ts";
import type { PartitionFigures, RoleFigures } from "./role-figures.ts";

const TEXT_MAX = 300;
const PROBLEMS_MAX = 8;
/** The database is looked at twice a second: what is older was not answered. */
const STALE_AFTER_MS = 2_000;
const DISAGREEMENT_SHOWN_MS = 30_000;

export interface StoreFigures {
  readonly positions: Positions;
  readonly head: WalHead;
  /** On the monotonic clock. */
  readonly seenAtMs: number;
}

export interface WalBounds {
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

/** What a process knows of itself. All of it must answer at once. */
export interface ReportSources {
  readonly region: string;
  /** Drawn when the process starts. */
  readonly process: string;
  readonly software: string;
  readonly startedAtMs: number;
  readonly partitions: number;
  readonly clock: Clock;
  readonly lastFigures: (partition: number) => StoreFigures | undefined;
  /** What this process has folded last: newer than what was read. Undefined where another process folds. */
  readonly lastFold: (partition: number) => Pick<FoldNews, "position" | "logTimeMs" | "origins"> | undefined;
  readonly breaker: (partition: number) => Pick<LogBreaker, "state" | "openForMs"> | undefined;
  readonly figures: RoleFigures;
  readonly log: Pick<LogWatch, "last">;
  readonly walBounds: WalBounds;
  readonly memberAwayMsMax: number;
  /** Why the process is not ready, in sentences; empty where it is. */
  readonly problems: () => readonly string[];
  readonly drainingSinceMs: () => number | undefined;
  readonly load: () => LoadReport;
  readonly outcomes: () => readonly OutcomeReport[];
  readonly peers: () => readonly PeerReport[];
  readonly clocks: () => ClockReport;
}

/** @param sequence rises with each report. */
export function gatherReport(sources: ReportSources, sequence: number): RegionReport {
  const { region, process, software, startedAtMs, clock } = sources;
  const problems = sources.problems().slice(0, PROBLEMS_MAX).map(shorten);
  const draining = sources.drainingSinceMs();
  const numbers = Array.from({ length: sources.partitions }, (_, partition) => partition);
  return {
    version: REPORT_VERSION,
    region,
    process,
    sequence,
    sent_at: Math.floor(clock.nowMs()),
    started_at: Math.floor(startedAtMs),
    software,
    is_ready: problems.length === 0,
    problems,
    ...(draining === undefined ? {} : { draining_since: Math.floor(draining) }),
    partitions: numbers.flatMap((partition) => partitionReport(sources, partition) ?? []),
    peers: [...sources.peers()],
    clock: sources.clocks(),
    outcomes: [...sources.outcomes()],
    load: sources.load(),
  };
}

/** Undefined before the database has told anything. */
function partitionReport(sources: ReportSources, partition: number): PartitionReport | undefined {
  const stored = sources.lastFigures(partition);
  if (stored === undefined) return undefined;
  const figures = sources.figures.of(partition);
  const staleMs = sources.clock.monotonicMs() - stored.seenAtMs;
  const folded = sources.lastFold(partition);
  const isNews = folded !== undefined && folded.position > stored.positions.position;
  const { position: applied, logTimeMs, origins } = isNews ? folded : stored.positions;
  const watermarks = Object.entries(origins).map(([name, { watermark }]) => [name, watermark]);
  return {
    partition,
    ...logReport(sources, partition),
    applied,
    log_time: Math.floor(logTimeMs),
    ...(staleMs > STALE_AFTER_MS && { stale_ms: Math.round(staleMs) }),
    wal: walReport(sources, stored, figures),
    breaker: breakerReport(sources.breaker(partition)),
    ...relayReport(figures),
    ...foldReport(figures, applied),
    watermarks: Object.fromEntries(watermarks) as { [region: string]: number },
    members: [...stored.positions.members],
    ...verdictReport(figures),
    ...memberReport(sources, stored.positions),
    ...disagreementReport(sources, figures),
  };
}

function logReport(sources: ReportSources, partition: number): Partial<PartitionReport> {
  const look = sources.log.last(partition);
  if (look === undefined) return {};
  const { leader, term, lastPosition, replicaLag } = look;
  const quorumMs =
    leader === undefined ? undefined : sources.figures.of(partition).quorumRoundTripsMs.get(leader);
  return {
    ...(leader === undefined ? {} : { leader }),
    ...(term === undefined ? {} : { term }),
    ...(lastPosition === undefined ? {} : { log_last: lastPosition }),
    ...(replicaLag === undefined ? {} : { replica_lag: replicaLag }),
    ...(quorumMs === undefined || !Number.isFinite(quorumMs)
      ? {}
      : { quorum_round_trip_ms: roundTenth(quorumMs) }),
  };
}

function walReport(
  { walBounds, clock }: ReportSources,
  { head, seenAtMs }: StoreFigures,
  { relay }: PartitionFigures,
): WalReport {
  const { oldestPendingAtMs, oldestPendingId, pendingRows, pendingBytes } = head;
  const sinceLookMs = clock.monotonicMs() - seenAtMs;
  const ageMs = oldestPendingAtMs === undefined ? 0 : head.nowMs - oldestPendingAtMs + sinceLookMs;
  const filled = Math.max(
    pendingRows / walBounds.rowsMax,
    pendingBytes / walBounds.bytesMax,
    ageMs / walBounds.ageMsMax,
  );
  return {
    head: head.sequence,
    ...(relay === undefined ? {} : { published: relay.published }),
    pending_rows: pendingRows,
    pending_bytes: pendingBytes,
    oldest_age_ms: Math.round(Math.max(0, ageMs)),
    filled: Math.round(Math.max(0, filled) * 1_000) / 1_000,
    ...(oldestPendingId === undefined ? {} : { oldest_operation: oldestPendingId }),
    ...troubleReport(head),
  };
}

function troubleReport({ trouble, isReadOnly }: WalHead): { trouble?: string } {
  if (trouble?.kind === "displaced") return { trouble: "another database has taken the place of this one" };
  if (trouble?.kind === "rejoining") return { trouble: "the log has to take the region in again" };
  return isReadOnly === true ? { trouble: "the database takes no writes: it is read-only" } : {};
}

function breakerReport(breaker: Pick<LogBreaker, "state" | "openForMs"> | undefined): BreakerReport {
  if (breaker === undefined) return { state: "closed", open_ms: 0 };
  const { phase, reason } = breaker.state;
  return {
    state: phase,
    ...(reason === undefined ? {} : { reason }),
    open_ms: Math.round(breaker.openForMs),
  };
}

function relayReport({ relay }: PartitionFigures): Pick<PartitionReport, "relay"> {
  if (relay === undefined) return {};
  const { published: _, ...told } = relay;
  return { relay: told };
}

function foldReport({ fold }: PartitionFigures, applied: number): { fold?: FoldReport } {
  if (!fold.isHeld && fold.bootstrapStage === undefined) return {};
  const received = fold.received === undefined ? {} : { received: Math.max(fold.received, applied) };
  if (fold.bootstrapStage !== undefined) {
    const stuck = fold.stopReason === undefined ? "" : `; before: ${fold.stopReason}`;
    return { fold: { state: "bootstrapping", reason: shorten(fold.bootstrapStage + stuck), ...received } };
  }
  if (fold.stopReason !== undefined)
    return { fold: { state: "stopped", reason: shorten(fold.stopReason), ...received } };
  const isBehind = fold.received !== undefined && fold.received > applied;
  return { fold: { state: isBehind ? "folding" : "waiting", ...received } };
}

function verdictReport({
  verdict,
  compared,
}: PartitionFigures): Pick<PartitionReport, "verdict" | "compared"> {
  if (verdict === undefined) return {};
  return { verdict, ...(compared === undefined || compared === verdict ? {} : { compared }) };
}

function memberReport(
  { memberAwayMsMax }: ReportSources,
  positions: Positions,
): Pick<PartitionReport, "pinned_by" | "away"> {
  const startedAtMs = positions.logTimeMs;
  const { pinnedBy, away } = placeMembers(positions, { awayMsMax: memberAwayMsMax, startedAtMs });
  return {
    ...(pinnedBy === undefined
      ? {}
      : {
          pinned_by: {
            region: pinnedBy.region,
            position: pinnedBy.position,
            since: Math.floor(pinnedBy.sinceMs),
          },
        }),
    ...(away.length === 0 ? {} : { away: away.map(({ region }) => region) }),
  };
}

function disagreementReport(
  { clock }: ReportSources,
  { fold }: PartitionFigures,
): Pick<PartitionReport, "disagrees_with"> {
  const sinceMs = clock.monotonicMs() - DISAGREEMENT_SHOWN_MS;
  const regions = [...fold.disagreedAtMs].filter(([, atMs]) => atMs >= sinceMs).map(([region]) => region);
  return regions.length === 0 ? {} : { disagrees_with: regions };
}

function shorten(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1)}…` : text;
}

function roundTenth(value: number): number {
  return Math.round(value * 10) / 10;
}
