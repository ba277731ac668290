/** What a region's nats-server says of itself, and of the streams that logs are in. */
import {
  jetstreamManager,
  JetStreamApiError,
  type JetStreamManager,
  type StreamInfo,
} from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { LogServerFacts, StoreFacts, StreamFacts } from "../../core/doctor/judge-log.ts";
import { connectOptions, type NatsAddress } from "../nats/address.ts";
import { describeError } from "../nats/errors.ts";
import { inboxPrefixOf, MAINTENANCE_INBOX } from "../nats/inbox.ts";
import { apiErrorCode } from "./errors.ts";
import { countUnknownReplicas, isNamed } from "./monitor.ts";
import { STREAM_NOT_FOUND } from "./stream.ts";
import { configDifferences, isClosedFor, streamName, subjectOf } from "./stream-config.ts";

const LAG_MAX = 1_000;
const NANOSECONDS_PER_MS = 1_000_000;
/** A stream that is never there: whoever may purge it may purge logs, and purges nothing. */
const NO_PARTITION = 2 ** 31;

/** With the address of the region's own nats-server. */
export interface LogFactsOptions extends NatsAddress {
  readonly region: string;
  /** As whom streams are trimmed; undefined as any other. */
  readonly maintenance: NatsAddress | undefined;
  readonly monitorUrl: string | undefined;
  readonly partitions: number;
  readonly replicas: number;
  readonly timeoutMs: number;
}

export async function readLogFacts(options: LogFactsOptions): Promise<LogServerFacts> {
  const { region, maintenance, timeoutMs } = options;
  const store = readStore(options);
  const own = { address: options, inboxPrefix: inboxPrefixOf(region), timeoutMs };
  const trimProblem = whyNoTrim(
    maintenance === undefined ? own : { address: maintenance, inboxPrefix: MAINTENANCE_INBOX, timeoutMs },
  );
  const { version, streams } = await connected(own, async (client, manager) => {
    const numbers = Array.from({ length: options.partitions }, (_, partition) => partition);
    const found = await Promise.all(numbers.map((partition) => readStream(manager, partition, options)));
    return { version: client.info?.version ?? "unknown", streams: found };
  });
  return { version, streams, store: await store, trimProblem: await trimProblem };
}

interface As {
  readonly address: NatsAddress;
  readonly inboxPrefix: string;
  readonly timeoutMs: number;
}

async function connected<T>(
  { address, inboxPrefix, timeoutMs }: As,
  look: (client: NatsConnection, manager: JetStreamManager) => Promise<T>,
): Promise<T> {
  const name = "forebay doctor";
  const client = await connect({
    ...connectOptions(address),
    name,
    inboxPrefix,
    timeout: timeoutMs,
    reconnect: false,
    ignoreClusterUpdates: true,
  });
  try {
    return await look(client, await jetstreamManager(client, { timeout: timeoutMs, checkAPI: false }));
  } finally {
    await client.close();
  }
}

async function readStream(
  manager: JetStreamManager,
  partition: number,
  { replicas }: LogFactsOptions,
): Promise<StreamFacts> {
  try {
    return toStreamFacts(await manager.streams.info(streamName(partition)), partition, replicas);
  } catch (error) {
    if (apiErrorCode(error) !== STREAM_NOT_FOUND) throw error;
    const none = {
      isClosed: false,
      bytesMax: 0,
      messagesMax: 0,
      bytes: 0,
      duplicateWindowMs: 0,
      lagging: [],
      hasLeader: true,
    };
    return { partition, differences: undefined, ...none };
  }
}

function toStreamFacts(info: StreamInfo, partition: number, replicas: number): StreamFacts {
  const { config, state, cluster } = info;
  const isClosed = isClosedFor(config, partition);
  const open = isClosed ? { ...config, subjects: [subjectOf(partition, "*")] } : config;
  return {
    partition,
    isClosed,
    differences: configDifferences(open, partition, replicas),
    bytesMax: config.max_bytes,
    messagesMax: config.max_msgs,
    bytes: state.bytes,
    duplicateWindowMs: config.duplicate_window / NANOSECONDS_PER_MS,
    lagging: laggingServers(info),
    hasLeader: cluster === undefined || (cluster.leader ?? "") !== "",
  };
}

/** With those that the leader does not know, of which nobody can say more. */
function laggingServers(info: StreamInfo): string[] {
  const copies = (info.cluster?.replicas ?? []).filter(isNamed);
  const behind = copies.filter(({ offline, lag }) => offline === true || lag > LAG_MAX);
  const unknown = Array.from(
    { length: countUnknownReplicas(info) },
    () => "one that its leader does not know",
  );
  return [...behind.map(({ name }) => name), ...unknown];
}

/** @returns why not; undefined where it may. */
async function whyNoTrim(as: As): Promise<string | undefined> {
  try {
    await connected(as, (_, manager) => manager.streams.purge(streamName(NO_PARTITION), { seq: 1 }));
    return undefined;
  } catch (error) {
    if (apiErrorCode(error) === STREAM_NOT_FOUND) return undefined;
    if (error instanceof JetStreamApiError) return `the log can't be purged: ${describeError(error)}`;
    return `who trims the log may not, or can't connect: ${describeError(error)}`;
  }
}

interface Monitored {
  readonly storage?: number;
  readonly config?: { readonly max_storage?: number; readonly sync_always?: boolean };
}

/** By the server's monitoring, which needs no right of the user. */
async function readStore({ monitorUrl, timeoutMs }: LogFactsOptions): Promise<StoreFacts | undefined> {
  if (monitorUrl === undefined) return undefined;
  try {
    const answer = await fetch(new URL("/jsz", monitorUrl), { signal: AbortSignal.timeout(timeoutMs) });
    const { storage = 0, config } = (await answer.json()) as Monitored;
    // A server leaves out what is false.
    const isSyncedAlways = config === undefined ? undefined : config.sync_always === true;
    return { usedBytes: storage, maxBytes: config?.max_storage ?? 0, isSyncedAlways };
  } catch {
    return undefined;
  }
}
