/** The globally ordered log on NATS JetStream: one stream per partition, stretched over the regions' servers. */
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import { assert } from "../../core/assert.ts";
import {
  LogTruncatedError,
  LogUnavailableError,
  type GlobalLog,
  type Leadership,
  type LogInspection,
  type MoveLeaderRequest,
  type PublishRequest,
  type RebuildRequest,
  type RebuiltLog,
  type TrimRequest,
} from "../../ports/global-log.ts";
import { silentLogger, type Logger } from "../../runtime/logger.ts";
import type { NatsAddress } from "../nats/address.ts";
import { openConnection, type Connection, type ConnectionOptions } from "../nats/connection.ts";
import { describeError } from "../nats/errors.ts";
import { inboxPrefixOf, MAINTENANCE_INBOX } from "../nats/inbox.ts";
import { pause, withinMs } from "../nats/wait.ts";
import { JetStreamApi } from "./api.ts";
import { createConsumer } from "./consumer.ts";
import { assertOpen } from "./errors.ts";
import { countUnknownReplicas, leaderSinceMs, raftTerm, toReplicas } from "./monitor.ts";
import { moveLeader } from "./move-leader.ts";
import { isLeaderReached, publish } from "./publish.ts";
import { rebuildStream } from "./rebuild.ts";
import { ensureStream, streamInfo, toInspection } from "./stream.ts";
import { JetStreamSubscription } from "./subscription.ts";
import { trimStream } from "./trim.ts";

const CONNECT_TIMEOUT_MS = 30_000;
const ENSURE_TIMEOUT_MS = 60_000;
const API_TIMEOUT_MS = 3_000;
/** Shorter: while a stream is being made, requests get no answer and are sent again. */
const ENSURE_ATTEMPT_TIMEOUT_MS = 1_000;
const CLOSE_TIMEOUT_MS = 3_000;
const MAINTENANCE_CONNECT_TIMEOUT_MS = 3_000;
const END_CHECKS = 4;
const END_CHECK_PAUSE_MS = 500;

/** With the address of the region's own nats-server. */
export interface JetStreamLogOptions extends NatsAddress {
  /** Address of that server's monitoring, such as `http://127.0.0.1:8222`; without it terms are not known. */
  readonly monitorUrl?: string;
  /** The region, by the name that its server has. */
  readonly region: string;
  /** On how many servers each partition's stream is kept: 1, 3 or 5. */
  readonly streamReplicas: number;
  readonly logger?: Logger;
  /** Name of the connection, for the server's lists. */
  readonly name?: string;
  /** Account of the streams, as the monitoring calls it. */
  readonly account?: string;
  readonly connectTimeoutMs?: number;
  /** As whom streams are made, trimmed and deleted: the same server with a user that may. By default as any other. */
  readonly maintenance?: NatsAddress | undefined;
}

/**
 * Connects to the region's nats-server, which may still be starting.
 * @throws {LogUnavailableError} no connection within the time.
 */
export async function openJetStreamLog(options: JetStreamLogOptions): Promise<JetStreamLog> {
  const logger = options.logger ?? silentLogger;
  const { url, credentialsFile, tls } = options;
  const connection = await connect({
    url,
    credentialsFile,
    tls,
    name: options.name ?? `forebay-${options.region}`,
    inboxPrefix: inboxPrefixOf(options.region),
    timeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    logger,
  });
  const settings = { timeout: API_TIMEOUT_MS, checkAPI: false };
  return new JetStreamLog({
    options,
    logger,
    connection,
    client: jetstream(connection.client, settings),
    api: await JetStreamApi.open(connection),
  });
}

async function connect(options: ConnectionOptions): Promise<Connection> {
  try {
    return await openConnection(options);
  } catch (error) {
    throw new LogUnavailableError(describeError(error), { cause: error });
  }
}

function managerOf({ client }: Connection): Promise<JetStreamManager> {
  return jetstreamManager(client, { timeout: ENSURE_ATTEMPT_TIMEOUT_MS, checkAPI: false });
}

interface Parts {
  readonly options: JetStreamLogOptions;
  readonly logger: Logger;
  readonly connection: Connection;
  readonly client: JetStreamClient;
  readonly api: JetStreamApi;
}

export class JetStreamLog implements GlobalLog {
  readonly #parts: Parts;
  readonly #subscriptions = new Set<JetStreamSubscription>();
  readonly #publishing = new Set<Promise<unknown>>();
  #isClosing = false;

  /** Use `openJetStreamLog`. */
  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether the region's own server is connected; says nothing of the others. */
  get isConnected(): boolean {
    return this.#parts.connection.isOpen;
  }

  /**
   * Makes the partition's stream if there is none, unless `mayMake` is false. Idempotent; all regions may do so at once.
   * @throws {LogConfigurationError} a stream is there that can't hold the log; names what differs.
   * @throws {LogUnavailableError} not within the time.
   */
  async ensureStream(
    partition: number,
    { mayMake = true, timeoutMs = ENSURE_TIMEOUT_MS }: { mayMake?: boolean; timeoutMs?: number } = {},
  ): Promise<void> {
    const { options, connection, client, logger } = this.#parts;
    const probe = { partition, origin: options.region, timeoutMs: ENSURE_ATTEMPT_TIMEOUT_MS };
    await ensureStream({
      connection,
      manager: await managerOf(connection),
      // Most starts find it, and need no other user.
      change: (work) => this.#asMaintenance(async (maintaining) => work(await managerOf(maintaining))),
      isLeaderReached: () => isLeaderReached(client, probe),
      partition,
      replicas: options.streamReplicas,
      mayMake,
      timeoutMs,
      logger,
    });
  }

  async inspect(partition: number): Promise<LogInspection> {
    const { connection, api } = this.#parts;
    return toInspection(await streamInfo(api, partition), { partition, server: connection.serverName });
  }

  /**
   * Who leads the partition, since when by Raft's count, and how the others keep up.
   * @throws {LogUnavailableError}
   */
  async leadership(partition: number): Promise<Leadership> {
    const { options, connection, api, logger } = this.#parts;
    const info = await streamInfo(api, partition);
    const { monitorUrl, account = "$G" } = options;
    const group = info.cluster?.raft_group;
    const term =
      monitorUrl === undefined || group === undefined
        ? undefined
        : await raftTerm({ monitorUrl, account, group, logger });
    const { leader, lastPosition } = toInspection(info, { partition, server: connection.serverName });
    const replicas = toReplicas(info);
    const unknownReplicas = countUnknownReplicas(info);
    return { leader, term, leaderSinceMs: leaderSinceMs(info), lastPosition, replicas, unknownReplicas };
  }

  moveLeader(request: MoveLeaderRequest): Promise<{ leader: string | undefined }> {
    return moveLeader(this.#parts.connection, request);
  }

  async publish(request: PublishRequest): Promise<{ position: number }> {
    if (this.#isClosing) throw new LogUnavailableError("the log is closed");
    const publishing = publish(this.#parts.connection, this.#parts.client, request);
    this.#publishing.add(publishing);
    try {
      return await publishing;
    } finally {
      this.#publishing.delete(publishing);
    }
  }

  async subscribe(asked: Parameters<GlobalLog["subscribe"]>[0]): Promise<JetStreamSubscription> {
    const { partition, from, isElsewhere = false } = asked;
    assert(Number.isSafeInteger(from) && from >= 1, "a log is read from position 1 or later");
    const { options, connection, api, logger } = this.#parts;
    await this.#checkRange(partition, from);
    const consumer = await createConsumer({
      connection,
      api,
      partition,
      from,
      region: options.region,
      isElsewhere,
      logger,
    });
    const head = async (): Promise<number> => (await this.inspect(partition)).lastPosition;
    const ended = (subscription: JetStreamSubscription): void =>
      void this.#subscriptions.delete(subscription);
    // From here to the end nothing is awaited, so the connection can't be interrupted unnoticed.
    assertOpen(connection);
    const subscription = new JetStreamSubscription({
      connection,
      api,
      partition,
      from,
      consumer,
      head,
      ended,
      logger,
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async trim(request: TrimRequest): Promise<{ firstPosition: number }> {
    assert(Number.isSafeInteger(request.below) && request.below >= 1, "a log is trimmed below a position");
    return this.#asMaintenance((_connection, api) => trimStream(api, request));
  }

  async rebuild(request: RebuildRequest): Promise<RebuiltLog> {
    assert(Number.isSafeInteger(request.after) && request.after >= 1, "a log is made anew after a position");
    const { streamReplicas: replicas } = this.#parts.options;
    return this.#asMaintenance((connection, api) => rebuildStream({ connection, api, replicas }, request));
  }

  /** For the moment that it takes: nothing else needs the rights of that user. */
  async #asMaintenance<T>(work: (connection: Connection, api: JetStreamApi) => Promise<T>): Promise<T> {
    const { options, logger, connection: own, api } = this.#parts;
    if (options.maintenance === undefined) return work(own, api);
    const connection = await connect({
      ...options.maintenance,
      name: `forebay-${options.region}-maintenance`,
      inboxPrefix: MAINTENANCE_INBOX,
      timeoutMs: MAINTENANCE_CONNECT_TIMEOUT_MS,
      logger,
    });
    try {
      return await work(connection, await JetStreamApi.open(connection));
    } finally {
      await connection.close(CLOSE_TIMEOUT_MS);
    }
  }

  /** Ends the subscriptions, lets publishes on their way finish within a deadline, and closes the connection. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const subscriptions = [...this.#subscriptions].map((subscription) => subscription.close());
    await withinMs(Promise.allSettled([...subscriptions, ...this.#publishing]), CLOSE_TIMEOUT_MS);
    await this.#parts.connection.close(CLOSE_TIMEOUT_MS);
  }

  /** The server would start silently at the next position that it has. */
  async #checkRange(partition: number, from: number): Promise<void> {
    for (let check = 1; ; check += 1) {
      const { firstPosition, lastPosition } = await this.inspect(partition);
      if (from >= firstPosition && from <= lastPosition + 1) return;
      // A leader that has been cut off answers with an old end for some time; the beginning never goes back.
      if (from < firstPosition || check === END_CHECKS) {
        throw new LogTruncatedError(
          `partition ${partition} can't be read from ${from}: the log holds ${firstPosition} to ${lastPosition}`,
        );
      }
      await pause(END_CHECK_PAUSE_MS);
    }
  }
}
