/** Judges the nats-server of a region, and the streams that logs are in. */
import { fail, formatBytes, isOlder, ok, warn, type Judgement } from "./check.ts";

const VERSION_LEAST = "2.11";
const VERSION_GOOD = "2.15";
const STORE_SHARE_WARN = 0.8;
const STORE_SHARE_FAIL = 0.95;

export interface LogServerFacts {
  readonly version: string;
  readonly streams: readonly StreamFacts[];
  /** Undefined where the server's monitoring is not configured, or does not answer. */
  readonly store: StoreFacts | undefined;
  /** Why the log can't be trimmed as who trims it; undefined where it can. */
  readonly trimProblem: string | undefined;
}

export interface StoreFacts {
  readonly usedBytes: number;
  readonly maxBytes: number;
  /** Each write is synced before it is acknowledged; undefined where the server does not say. */
  readonly isSyncedAlways: boolean | undefined;
}

export interface StreamFacts {
  readonly partition: number;
  /** Undefined where there is no stream. */
  readonly differences: readonly string[] | undefined;
  readonly bytesMax: number;
  readonly messagesMax: number;
  /** It was made anew, and that was cut off before anybody could publish to it. */
  readonly isClosed: boolean;
  readonly bytes: number;
  readonly duplicateWindowMs: number;
  /** Copies that are away or behind, by server. */
  readonly lagging: readonly string[];
  readonly hasLeader: boolean;
}

export function judgeLogServer({ version }: LogServerFacts): Judgement {
  if (isOlder(version, VERSION_LEAST))
    return fail(`nats-server ${version}`, `upgrade to ${VERSION_GOOD}; ${VERSION_LEAST} is the least`);
  if (isOlder(version, VERSION_GOOD))
    return warn(`nats-server ${version}`, `upgrade to ${VERSION_GOOD}: it is what Forebay is tested with`);
  return ok(`nats-server ${version}`);
}

export function judgeStreams({ streams }: LogServerFacts): Judgement {
  const gone = streams.filter(({ differences }) => differences === undefined);
  if (gone.length > 0) return fail(`no stream for partition ${partitionsOf(gone)}`, "see forebay log status");
  const closed = streams.filter(({ isClosed }) => isClosed);
  if (closed.length > 0)
    return fail(
      `the log of partition ${partitionsOf(closed)} is closed: making it anew was cut off`,
      "give the order again: forebay log rebuild --yes opens it, once its first entry is there",
    );
  const different = streams.flatMap(({ partition, differences }) =>
    (differences ?? []).map((text) => `partition ${partition}: ${text}`),
  );
  if (different.length > 0)
    return fail(
      different.join("; "),
      "set it back with nats stream edit: as it is, the log may lose entries or fill up",
    );
  const limited = streams.filter(({ bytesMax, messagesMax }) => bytesMax > 0 || messagesMax > 0);
  const full = limited.filter(({ bytes, bytesMax }) => bytesMax > 0 && bytes > bytesMax * STORE_SHARE_WARN);
  if (full.length > 0)
    return warn(
      `the stream of partition ${partitionsOf(full)} is near its limit`,
      "raise max_bytes, or FOREBAY_LOG_RETENTION_SECONDS lower",
    );
  return ok(`${streams.length} streams, configured as a log has to be`);
}

export function judgeReplicas({ streams }: LogServerFacts): Judgement {
  const leaderless = streams.filter(({ hasLeader }) => !hasLeader);
  if (leaderless.length > 0)
    return fail(
      `partition ${partitionsOf(leaderless)} has no leader`,
      "see which nats-servers run: a majority has to",
    );
  const lagging = streams.flatMap(({ partition, lagging: servers }) =>
    servers.map((server) => `partition ${partition}: the copy of ${server} is away or behind`),
  );
  if (lagging.length === 0) return ok("all copies of the log are current");
  return warn(lagging.join("; "), "look at those nats-servers; with one more lost the log may stop");
}

export function judgeStore({ store }: LogServerFacts): Judgement {
  if (store === undefined)
    return warn(
      "the nats-server's store can't be looked at",
      "set FOREBAY_NATS_MONITOR_URL to its monitoring address",
    );
  const { usedBytes, maxBytes, isSyncedAlways } = store;
  const found = `${formatBytes(usedBytes)} of ${formatBytes(maxBytes)} used`;
  if (maxBytes > 0 && usedBytes > maxBytes * STORE_SHARE_FAIL)
    return fail(found, "raise max_file_store, or have the log trimmed: a full store takes no entries");
  if (isSyncedAlways === false)
    return fail(
      "sync_interval is not always: a power loss loses acknowledged entries",
      "set sync_interval: always",
    );
  if (maxBytes > 0 && usedBytes > maxBytes * STORE_SHARE_WARN)
    return warn(found, "raise max_file_store, or lower FOREBAY_LOG_RETENTION_SECONDS");
  return ok(found);
}

/** @param isTrimmed the log has a retention, so that somebody has to purge it. */
export function judgeTrimRight({ trimProblem }: LogServerFacts, isTrimmed: boolean): Judgement {
  if (trimProblem === undefined) return ok("the log may be purged by who trims it");
  const advice =
    "give the process the maintenance user (FOREBAY_NATS_TRIM_CREDENTIALS_FILE), which may purge the log";
  return isTrimmed
    ? fail(trimProblem, advice)
    : ok(`${trimProblem}; the log is kept for ever, so nobody has to`);
}

function partitionsOf(streams: readonly StreamFacts[]): string {
  return streams.map(({ partition }) => partition).join(", ");
}
