/** Where the operations of an origin are that a region does not show yet, and why they don't go on. */
import { WAL_RUN_ROWS } from "../../core/fold/member.ts";
import type { LagReason, LagStage, LagView } from "../../protocol/cluster/view.ts";
import type { PartitionFacts, RegionFacts } from "./facts.ts";
import { describeLag } from "./lag-text.ts";

/** Younger than this it is on its way: an entry takes its time to all regions, and a report a second. */
export const ON_ITS_WAY_MS = 2_000;
/** A database that has not answered for so long holds back what needs it. */
const DATABASE_AWAY_MS = 3_000;

/** What is known of one origin in one partition, for all regions that it is looked at from. */
export interface LagInput {
  readonly partition: number;
  readonly origin: RegionFacts;
  /** Of the origin, as far as any region has folded it, or its relay has been told: the log has all up to here. */
  readonly ordered: number;
  /** Where the partition's log ends, as far as anybody has heard. */
  readonly logEnd: number;
  readonly leader: string | undefined;
  /** The viewer hears no other region: what it knows of leaders is old. */
  readonly isAlone: boolean;
  /** When the origin took a sequence, about, on the monotonic clock. */
  readonly takenAtMs: (sequence: number) => number | undefined;
  /** Since when the lag in a region is in this stage for this reason, on the wall clock. */
  readonly sinceOf: (region: string, cause: Cause) => number;
  readonly nowMs: number;
}

interface Counts {
  readonly buffer: number;
  readonly log: number;
  readonly fold: number;
}

export interface Cause {
  readonly stage: LagStage;
  readonly reason: LagReason;
}

/** Of one pair in one partition: what its stages are told from. */
interface Known {
  readonly here: PartitionFacts;
  readonly there: PartitionFacts | undefined;
  readonly watermark: number;
}

const NONE: Counts = { buffer: 0, log: 0, fold: 0 };

/** Undefined where the region does not know of the origin: it is no member, or nothing was heard. */
export function explainLag(input: LagInput, region: RegionFacts): LagView | undefined {
  const { partition, origin } = input;
  const held = region.state === "heard" ? undefined : heldInBuffer(input, region);
  if (held !== undefined) return held;
  const [there, here] = [origin.partitions.get(partition), region.partitions.get(partition)];
  if (hasLeft(region, origin, there) || hasLeft(origin, region, here)) return undefined;
  const watermark = here?.watermarks[origin.region];
  if (here === undefined || watermark === undefined) return undefined;
  const known = { here, there, watermark };
  const ageMs = ageOf(input, region, known);
  // What was taken after the region has spoken last it may show by now.
  const isNews = ageMs === 0 && region.state === "heard";
  const head = Math.max(there?.wal.head ?? 0, input.ordered);
  const operations = isNews ? 0 : distance(head, watermark);
  const counts = countStages(input, known, operations);
  const cause =
    operations === 0 ? noLag(origin, region) : findCause({ input, region, counts, ageMs, ...known });
  const lag = toView(input, region, { cause, counts, operations, ageMs });
  lag.text = describeLag(lag, { here, there, leader: input.leader });
  const waitsFor = operations === 0 ? undefined : waitFor(cause, origin.region, known);
  if (waitsFor !== undefined) lag.waits_for = waitsFor;
  return lag;
}

/**
 * What something keeps in its origin's buffer is there whether or not the region is heard, or ever was; what lies behind is not
 * known of a region that is silent. Undefined where nothing is found to keep it.
 */
function heldInBuffer(input: LagInput, region: RegionFacts): LagView | undefined {
  const { partition, origin, ordered, nowMs } = input;
  const there = origin.partitions.get(partition);
  if (origin.state !== "heard" || there === undefined) return undefined;
  if (!there.newest.members.includes(region.region)) return undefined;
  const operations = distance(there.wal.head, ordered);
  const reason = operations === 0 ? undefined : bufferTrouble(input, there);
  if (reason === undefined) return undefined;
  const cause = { stage: "buffer", reason } as const;
  const ageMs = there.wal.oldest_age_ms + Math.max(0, nowMs - there.atMs);
  const lag = toView(input, region, { cause, counts: { ...NONE, buffer: operations }, operations, ageMs });
  lag.text = describeLag(lag, { here: undefined, there, leader: input.leader });
  // The oldest that the origin has not folded may be one that the log has.
  const isOldestHeld = (there.watermarks[origin.region] ?? 0) >= ordered;
  const { oldest_operation: oldest } = there.wal;
  if (oldest !== undefined && isOldestHeld) lag.waits_for = { kind: "operation", id: oldest };
  return lag;
}

/** It is silent, and the other, which is heard, counts it among the members no more. */
function hasLeft(one: RegionFacts, other: RegionFacts, facts: PartitionFacts | undefined): boolean {
  if (one.state === "heard" || other.state !== "heard" || facts === undefined) return false;
  const { members } = facts.newest;
  return members.length > 0 && !members.includes(one.region);
}

/** One literal, and no spreading: there are a thousand of these a second. */
function toView(
  { partition, origin, sinceOf }: LagInput,
  { region }: RegionFacts,
  known: { cause: Cause; counts: Counts; operations: number; ageMs: number },
): LagView {
  const { cause, counts, operations, ageMs } = known;
  return {
    partition,
    origin: origin.region,
    region,
    operations,
    age_ms: operations === 0 ? 0 : Math.round(ageMs),
    stage: cause.stage,
    in_buffer: counts.buffer,
    in_log: counts.log,
    in_fold: counts.fold,
    reason: cause.reason,
    text: "",
    since: sinceOf(region, cause),
  };
}

/** Operations between two sequences; those of an earlier run of the WAL are not told apart from numbers never used. */
export function distance(head: number, watermark: number): number {
  if (head <= watermark) return 0;
  const runStart = Math.floor((head - 1) / WAL_RUN_ROWS) * WAL_RUN_ROWS;
  return head - Math.max(watermark, runStart);
}

/** Nothing is known to be missing: of a region that is silent that is old news. */
function noLag(origin: RegionFacts, region: RegionFacts): Cause {
  if (region.state !== "heard") return { stage: "unknown", reason: "region-silent" };
  return origin.state === "heard"
    ? { stage: "none", reason: "nothing" }
    : { stage: "unknown", reason: "origin-silent" };
}

/** 0 where nothing is missing, or it was taken only after the region has told where it is. */
function ageOf({ origin, takenAtMs, nowMs }: LagInput, region: RegionFacts, known: Known): number {
  const { here, there, watermark } = known;
  const takenMs = takenAtMs(watermark + 1);
  if (takenMs === undefined) return 0;
  const isTold = region.state === "heard" && here.staleMs === undefined;
  const ageMs = Math.max(0, (isTold ? here.atMs : nowMs) - takenMs);
  // The origin itself knows the age of what it has not folded: exactly, and from before this process has started.
  if (there === undefined || there.wal.pending_rows === 0 || ageMs === 0) return ageMs;
  if (there.watermarks[origin.region] !== watermark) return ageMs;
  return Math.max(ageMs, there.wal.oldest_age_ms + nowMs - there.atMs);
}

function countStages({ ordered, logEnd }: LagInput, { here, watermark }: Known, operations: number): Counts {
  const inLogOrFold = Math.min(operations, distance(ordered, watermark));
  const received = here.fold?.received ?? here.applied;
  const entries = Math.max(logEnd, received) - here.applied;
  // Nobody counts operations by entry: those of an origin are taken to be spread evenly over what is on its way.
  const share = entries <= 0 ? 0 : Math.max(0, received - here.applied) / entries;
  const fold = share > 0 && inLogOrFold > 0 ? Math.max(1, Math.round(inLogOrFold * share)) : 0;
  return { buffer: operations - inLogOrFold, log: inLogOrFold - fold, fold };
}

/**
 * A region that folds nothing holds back all that is behind it, wherever it is; then what keeps the log from it; then what keeps
 * the origin from the log. Where nothing is found to be wrong, it is on its way, or there is much of it.
 */
function findCause(known: {
  input: LagInput;
  region: RegionFacts;
  here: PartitionFacts;
  there: PartitionFacts | undefined;
  counts: Counts;
  ageMs: number;
}): Cause {
  const { input, region, here, there, counts, ageMs } = known;
  if (region.state !== "heard") return { stage: "unknown", reason: "region-silent" };
  const downstream = counts.fold > 0 ? "fold" : "log";
  if (counts.log + counts.fold > 0) {
    const reason = foldTrouble(here) ?? (ageMs > ON_ITS_WAY_MS ? slowFold(here, counts) : undefined);
    if (reason !== undefined) return { stage: stageOf(reason, downstream), reason };
  }
  if (counts.buffer > 0) {
    const reason = bufferTrouble(input, there) ?? (ageMs > ON_ITS_WAY_MS ? "backlog" : "on-its-way");
    // What is further on is on its way; what waits is what has not got into the log.
    if (reason !== "on-its-way" || counts.log + counts.fold === 0) return { stage: "buffer", reason };
  }
  return { stage: downstream, reason: "on-its-way" };
}

function foldTrouble({ fold, staleMs }: PartitionFacts): LagReason | undefined {
  if (fold?.state === "bootstrapping") return "fold-bootstrapping";
  if (fold?.state === "stopped") return "fold-stopped";
  if (staleMs !== undefined && staleMs > DATABASE_AWAY_MS) return "database-away";
  return undefined;
}

function slowFold({ fold, replicaLag }: PartitionFacts, counts: Counts): LagReason {
  if (fold === undefined) return "fold-stopped";
  if (counts.fold >= counts.log) return "fold-busy";
  return replicaLag !== undefined && replicaLag > 0 ? "replica-behind" : "backlog";
}

function stageOf(reason: LagReason, downstream: LagStage): LagStage {
  return reason === "replica-behind" || reason === "backlog"
    ? "log"
    : reason === "fold-busy"
      ? "fold"
      : downstream;
}

function bufferTrouble(
  { origin, leader, isAlone }: LagInput,
  there: PartitionFacts | undefined,
): LagReason | undefined {
  if (origin.state !== "heard" || there === undefined) return "origin-silent";
  if (there.wal.trouble !== undefined) return "wal-trouble";
  if (there.staleMs !== undefined && there.staleMs > DATABASE_AWAY_MS) return "database-away";
  // Who hears nobody can't know that there is no leader: the others may have one.
  if (there.breaker.state !== "closed")
    return leader === undefined && !isAlone ? "no-leader" : "breaker-open";
  if (there.relay === undefined) return "no-relay";
  return there.relay.is_in_doubt ? "in-doubt" : undefined;
}

function waitFor(cause: Cause, origin: string, { here, there }: Known): LagView["waits_for"] {
  if (cause.stage === "log" || cause.stage === "fold") return { kind: "entry", id: String(here.applied + 1) };
  const oldest = there?.wal.oldest_operation;
  // Of what the region lacks: the origin's oldest may be one that the region shows already.
  const isLacked = (here.watermarks[origin] ?? 0) <= (there?.watermarks[origin] ?? 0);
  if (cause.stage !== "buffer" || oldest === undefined || !isLacked) return undefined;
  return { kind: "operation", id: oldest };
}
