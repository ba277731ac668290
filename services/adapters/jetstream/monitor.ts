/** Who leads a partition's stream, in which Raft term, and how far its replicas are behind. */
import type { StreamInfo } from "@nats-io/jetstream";
import type { Logger } from "../../runtime/logger.ts";
import { describeError } from "../nats/errors.ts";

const MONITOR_TIMEOUT_MS = 1_000;
const MILLISECOND_NANOS = 1_000_000;

export interface LogReplica {
  readonly region: string;
  /** Whether it is up and has what the leader has. */
  readonly isCurrent: boolean;
  readonly lagEntries: number;
  /** How long ago the leader heard of it. */
  readonly seenAgoMs: number;
}

export interface LogLeadership {
  /** Name of the region whose server leads; undefined during an election. */
  readonly leader: string | undefined;
  /** Raft term; undefined where the server's monitoring can't be asked. */
  readonly term: number | undefined;
  /** The others that hold the log. */
  readonly replicas: readonly LogReplica[];
}

export function toReplicas(info: StreamInfo): LogReplica[] {
  return (info.cluster?.replicas ?? []).map((peer) => ({
    region: peer.name,
    isCurrent: peer.current && !peer.offline,
    lagEntries: peer.lag ?? 0,
    seenAgoMs: Math.round((peer.active ?? 0) / MILLISECOND_NANOS),
  }));
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
    const response = await fetch(url, { signal: AbortSignal.timeout(MONITOR_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return findTerm(await response.json(), account, group);
  } catch (error) {
    logger.debug({ group, error: describeError(error) }, "the term can't be read");
    return undefined;
  }
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
