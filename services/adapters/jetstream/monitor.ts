/** Who leads a partition's stream, in which Raft term, and how far its replicas are behind. */
import type { StreamInfo } from "@nats-io/jetstream";
import type { LogReplica } from "../../ports/global-log.ts";
import type { Logger } from "../../runtime/logger.ts";
import { describeError } from "../nats/errors.ts";

const MONITOR_TIMEOUT_MS = 1_000;
const MILLISECOND_NANOS = 1_000_000;
/** The leader hears of its followers every second; the server itself takes its time to call one offline. */
const SILENT_AFTER_NANOS = 5_000 * MILLISECOND_NANOS;

export function toReplicas(info: StreamInfo): LogReplica[] {
  return (info.cluster?.replicas ?? []).filter(isNamed).map((peer) => ({
    region: peer.name,
    isOnline: !peer.offline && isHeard(peer),
    isCurrent: peer.current && !peer.offline,
    lagEntries: peer.lag ?? 0,
    seenAgoMs: Math.round((peer.active ?? 0) / MILLISECOND_NANOS),
  }));
}

/** Of those that should hold the stream; who asks while nobody leads is told of none. */
export function countUnknownReplicas({ config, cluster }: StreamInfo): number {
  if (!cluster?.leader) return 0;
  const named = (cluster.replicas ?? []).filter(isNamed).length;
  return Math.max(0, config.num_replicas - 1 - named);
}

/** A server that has just started may know others of its group by their ids alone, and says so where the name should be. */
export function isNamed({ name }: { readonly name: string }): boolean {
  return !name.startsWith("Server name unknown");
}

/** A leader that has heard nothing of a server since it was elected says 0 of it, as if that were now. */
function isHeard({ current, active = 0 }: { current: boolean; active?: number }): boolean {
  return active === 0 ? current : active < SILENT_AFTER_NANOS;
}

/**
 * Asks the region's own server for the term of a Raft group, which no other interface tells.
 * @returns undefined when it does not answer, or does not hold the group.
 */
export async function raftTerm(options: {
  monitorUrl: string;
  account: string;
  group: string;
  logger: Logger;
}): Promise<number | undefined> {
  const { monitorUrl, account, group, logger } = options;
  const url = new URL("/raftz", monitorUrl);
  url.search = new URLSearchParams({ acc: account, group }).toString();
  try {
    return findTerm(await fetchMonitor(url), account, group);
  } catch (error) {
    logger.debug({ group, error: describeError(error) }, "the term can't be read");
    return undefined;
  }
}

/** Asks a server's monitoring. @throws whatever goes wrong. */
export async function fetchMonitor(url: URL): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(MONITOR_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return await response.json();
}

/** When the leader was elected; servers before 2.12 don't say. */
export function leaderSinceMs(info: StreamInfo): number | undefined {
  const text = info.cluster?.leader_since;
  const parsed = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** `{"<account>": {"<group>": {"term": 3, …}}}` */
function findTerm(document: unknown, account: string, group: string): number | undefined {
  const groups = member(document, account);
  const term = member(member(groups, group), "term");
  return typeof term === "number" ? term : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
