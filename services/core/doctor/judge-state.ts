/** Judges where a region is: members that hold others up, verifications that are due. */
import { fail, ok, warn, type Judgement } from "./check.ts";

/** Periods that may pass without a verification. */
const OVERDUE_PERIODS = 2;
const PIN_MS_WARN = 3_600_000;
const MS_PER_MINUTE = 60_000;

export interface PartitionFacts {
  readonly partition: number;
  /** Why its WAL takes nothing. */
  readonly trouble: string | undefined;
  readonly needsBootstrap: boolean;
  readonly away: readonly string[];
  /** Who keeps things from being trimmed, and for how long by log time. */
  readonly pinnedBy: { readonly region: string; readonly forMs: number } | undefined;
  /** Members whose software can't read the newest entries. */
  readonly notReading: readonly string[];
}

export function judgeWal(partitions: readonly PartitionFacts[]): Judgement {
  const troubled = partitions.filter(({ trouble }) => trouble !== undefined);
  const behind = partitions.filter(({ needsBootstrap }) => needsBootstrap);
  if (troubled.length > 0)
    return fail(
      troubled
        .map(({ partition, trouble }) => `partition ${partition}: the WAL takes nothing (${trouble})`)
        .join("; "),
      "see forebay region members; another database of this region may have taken its place",
    );
  if (behind.length === 0) return ok("the WAL takes writes, and the log has what follows");
  return fail("the log no longer holds what this region would have to fold next", "forebay region rejoin");
}

export function judgeTrimming(partitions: readonly PartitionFacts[]): Judgement {
  const away = [...new Set(partitions.flatMap((one) => one.away))];
  if (away.length > 0)
    return warn(
      `${away.join(", ")} was away for too long: nothing is kept for it`,
      "bring it back, or forebay region remove",
    );
  const pins = partitions.flatMap(({ pinnedBy }) => (pinnedBy === undefined ? [] : [pinnedBy]));
  const long = pins.find(({ forMs }) => forMs > PIN_MS_WARN);
  if (long === undefined) return ok("nobody keeps things from being trimmed");
  const minutes = Math.round(long.forMs / MS_PER_MINUTE);
  return warn(
    `${long.region} has folded nothing for ${minutes} min: log and WALs grow`,
    "bring it back, or forebay region remove; FOREBAY_MEMBER_AWAY_SECONDS_MAX bounds the wait",
  );
}

/** @param version the highest that this software writes. */
export function judgeEntryVersions(partitions: readonly PartitionFacts[], version: number): Judgement {
  const old = [...new Set(partitions.flatMap(({ notReading }) => notReading))];
  if (old.length === 0) return ok(`all members read entries of version ${version}`);
  return warn(
    `${old.join(", ")} can't read entries of version ${version}, or has not said so yet`,
    "upgrade the software there: until then what needs them is refused, or goes without",
  );
}

export interface LastVerification {
  readonly partition: number;
  readonly verdict: string | undefined;
  readonly endedAtMs: number;
}

/** @param last the newest of each partition that this region knows. @param everyMs 0: never by itself. */
export function judgeVerification(
  last: readonly LastVerification[],
  { nowMs, everyMs, startedAtMs }: { nowMs: number; everyMs: number; startedAtMs: number },
): Judgement {
  const diverged = last.filter(({ verdict }) => verdict === "diverged");
  if (diverged.length > 0) {
    const which = diverged.map(({ partition }) => partition).join(", ");
    return fail(`partition ${which}: regions hold different things`, "forebay repair; then forebay verify");
  }
  const telling = last.filter(({ verdict }) => verdict === "match");
  const newestMs = Math.max(startedAtMs, ...telling.map(({ endedAtMs }) => endedAtMs));
  const isOverdue = everyMs > 0 && nowMs - newestMs > OVERDUE_PERIODS * everyMs;
  if (isOverdue)
    return warn(
      "no verification has compared the regions for two periods",
      "forebay verify, and see what it says",
    );
  return telling.length === 0 ? ok("none is due yet") : ok("the last verifications found all regions alike");
}
