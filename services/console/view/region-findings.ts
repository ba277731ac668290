/** Findings of what a region tells of itself: its writes, its buffer, its load, its database. */
import type { RegionReport } from "../../protocol/cluster/report.ts";
import { describeDuration } from "./lag-text.ts";
import type { RegionFacts } from "./facts.ts";
import type { Found } from "./findings.ts";
import type { RecentWrites, Situation } from "./situation.ts";

const BUFFER_OLD_MS = 30_000;
const BUFFER_FILLED = 0.7;
/** Writes are refused from here on. */
const BUFFER_FULL = 0.9;
const DATABASE_AWAY_MS = 5_000;
const EVENT_LOOP_DELAY_MS = 200;
/** Of the writes of ten seconds. */
const FAILED_WRITES_MIN = 3;
const FAILED_SHARE_MIN = 0.001;
/** What opens and closes within less is told by events alone. */
const BREAKER_OPEN_MS = 1_000;

export function regionFindings(situation: Situation): Found[] {
  return [...situation.facts.values()]
    .filter(({ state }) => state === "heard")
    .flatMap((facts) => [
      ...readiness(facts),
      ...failingWrites(facts, situation.writes.get(facts.region)),
      ...buffers(facts),
      ...breakers(facts, situation),
      ...databases(facts),
      ...loads(facts),
    ]);
}

function newestOf({ heard }: RegionFacts): RegionReport {
  return heard[0]!.report;
}

function readiness(facts: RegionFacts): Found[] {
  const { region } = facts;
  const { draining_since: drainingSince } = newestOf(facts);
  const reports = facts.heard.map(({ report }) => report);
  const problem = reports.find(({ is_ready: isReady }) => !isReady)?.problems[0];
  const isDrained = drainingSince !== undefined;
  const drained: Found = {
    id: `region-drained:${region}`,
    severity: "note",
    region,
    ...(drainingSince === undefined ? {} : { since: drainingSince }),
    what: `${region} is drained: it takes no new writes.`,
    act: `forebay region undrain ${region} ends it.`,
    runbook: "RegionDrained",
  };
  if (problem === undefined || reports.some(({ is_ready: isReady }) => isReady))
    return isDrained ? [drained] : [];
  const unready: Found = {
    id: `not-ready:${region}`,
    severity: "hurt",
    region,
    what: `${region} is not ready: load balancers send it no requests.`,
    why: problem,
    act: `What /readyz of ${region} says names the next step.`,
    runbook: "LocalWritesFailing",
  };
  return isDrained ? [drained, unready] : [unready];
}

function failingWrites({ region }: RegionFacts, writes: RecentWrites | undefined): Found[] {
  const found: Found[] = [];
  if (writes !== undefined && isMuch(writes.localFailed, writes.localAccepted))
    found.push({
      id: `local-writes-failing:${region}`,
      severity: "hurt",
      region,
      what: `${writes.localFailed} local writes were refused or failed in ${region} in the last ten seconds; ${writes.localAccepted} were accepted.`,
      why: "The region is overloaded, its buffer is full, or its database does not take writes: see what else is found of it.",
      act: `Send clients to another region if this lasts: their Idempotency-Keys keep it safe.`,
      runbook: "LocalWritesFailing",
    });
  if (writes !== undefined && isMuch(writes.decidedFailed, writes.decidedCommitted))
    found.push({
      id: `authoritative-failing:${region}`,
      severity: "hurt",
      region,
      what: `${writes.decidedFailed} writes that the log decides were refused, or have an unknown outcome, in ${region} in the last ten seconds; ${writes.decidedCommitted} were committed.`,
      why: "The log did not take them in time: see leaders, links and breakers.",
      act: "Clients ask for the operation, or send it again with the same Idempotency-Key.",
      runbook: "AuthoritativeUnavailable",
    });
  return found;
}

/** One client's bad luck is no matter of the region's. */
function isMuch(failed: number, others: number): boolean {
  return failed >= FAILED_WRITES_MIN && failed >= FAILED_SHARE_MIN * (failed + others);
}

function buffers({ region, partitions }: RegionFacts): Found[] {
  return [...partitions].flatMap(([partition, { wal }]): Found[] => {
    const found: Found[] = [];
    const filled = wal.filled ?? 0;
    if (filled >= BUFFER_FILLED)
      found.push({
        id: `buffer-near-bound:${region}:${partition}`,
        severity: filled >= BUFFER_FULL ? "hurt" : "risk",
        region,
        partition,
        what: `The buffer of partition ${partition} in ${region} is ${Math.round(filled * 100)} % full${filled >= BUFFER_FULL ? ", and refuses writes" : ""}.`,
        why: `${wal.pending_rows} operations wait for the log, the oldest for ${describeDuration(wal.oldest_age_ms)}.`,
        act: "Get the log to take entries again; raise FOREBAY_WAL_ROWS_MAX where the disk has room.",
        runbook: "BufferNearBound",
      });
    if (wal.oldest_age_ms >= BUFFER_OLD_MS)
      found.push({
        id: `buffer-old:${region}:${partition}`,
        severity: "risk",
        region,
        partition,
        what: `An operation has waited in the buffer of ${region} for ${describeDuration(wal.oldest_age_ms)} (partition ${partition}).`,
        why: `${wal.pending_rows} operations are only in ${region}: they are lost if its database is.`,
        act: "See in the lags what they wait for.",
        runbook: "BufferOld",
      });
    return found;
  });
}

function breakers({ region, partitions }: RegionFacts, { leaders }: Situation): Found[] {
  return [...partitions].flatMap(([partition, { breaker }]): Found[] => {
    if (breaker.state === "closed" || breaker.open_ms < BREAKER_OPEN_MS) return [];
    const leader = leaders.get(partition)?.leader;
    const why = {
      refused: "Nobody takes entries: the log has no leader that this region reaches.",
      "timed-out": "The log does not answer.",
      slow: "The log is much slower to answer than it was.",
    }[breaker.reason ?? "timed-out"];
    return [
      {
        id: `authoritative-unavailable:${region}:${partition}`,
        severity: "hurt",
        region,
        partition,
        what: `${region} refuses what the log of partition ${partition} has to decide; local writes go on.`,
        why: leader === undefined ? why : `${why} It is led by ${leader}.`,
        act: "See leaders and links; what was refused certainly has no effect, and may be sent again.",
        runbook: "AuthoritativeUnavailable",
      },
      {
        id: `breaker-open:${region}:${partition}`,
        severity: "risk",
        region,
        partition,
        what: `The breaker of ${region} is open for ${describeDuration(breaker.open_ms)} (partition ${partition}): its buffer takes what is written.`,
        why,
        runbook: "BreakerOpen",
      },
    ];
  });
}

function databases({ region, partitions }: RegionFacts): Found[] {
  const stale = [...partitions.values()].map(({ staleMs }) => staleMs ?? 0);
  const staleMs = Math.max(0, ...stale);
  const trouble = [...partitions.values()].map(({ wal }) => wal.trouble).find((text) => text !== undefined);
  const found: Found[] = [];
  if (staleMs >= DATABASE_AWAY_MS)
    found.push({
      id: `database-away:${region}`,
      severity: "hurt",
      region,
      what: `The database of ${region} has not answered for ${describeDuration(staleMs)}: the region takes no writes and answers no reads.`,
      why: "It is down, unreachable or overloaded. Other regions don't notice.",
      act: `Look at PostgreSQL in ${region}; send its clients to another region meanwhile.`,
      runbook: "DatabaseAway",
    });
  if (trouble !== undefined)
    found.push({
      id: `wal-trouble:${region}`,
      severity: "hurt",
      region,
      what: `${region} takes no local writes.`,
      why: `${trouble}.`,
      runbook: "LocalWritesFailing",
    });
  return found;
}

function loads({ region, heard }: RegionFacts): Found[] {
  const found: Found[] = [];
  const loadOf = heard.map(({ report }) => report.load);
  const refusing = loadOf.find(({ admission }) => admission === "refusing");
  if (refusing !== undefined)
    found.push({
      id: `admission-refuses:${region}`,
      severity: "hurt",
      region,
      what: `${region} refuses requests, since there are too many.`,
      ...(refusing.admission_reason === undefined ? {} : { why: `Reason: ${refusing.admission_reason}.` }),
      act: "Add processes to the region, or send some of its clients elsewhere.",
      runbook: "AdmissionRefuses",
    });
  const delayMs = Math.max(0, ...loadOf.map((load) => load.event_loop_delay_ms));
  if (delayMs >= EVENT_LOOP_DELAY_MS)
    found.push({
      id: `process-overloaded:${region}`,
      severity: "risk",
      region,
      what: `A process of ${region} is ${Math.round(delayMs)} ms late with everything that it does.`,
      why: "It has more to do than its core allows, or the machine is short of them.",
      act: "Add processes or cores.",
      runbook: "ProcessOverloaded",
    });
  return found;
}
