/** A partition's stream: making it, bringing it to more servers, and what the server says of it. */
import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { LogMissingError, LogUnavailableError, type LogInspection } from "../../ports/global-log.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Connection } from "../nats/connection.ts";
import { describeError } from "../nats/errors.ts";
import { pause } from "../nats/wait.ts";
import type { JetStreamApi } from "./api.ts";
import { apiErrorCode, assertOpen } from "./errors.ts";
import { configDifferences, isClosedFor, requiredConfig, streamName } from "./stream-config.ts";

const RETRY_PAUSE_MS = 100;
/** A server that has just joined takes a moment to be known; a log on fewer servers works, and is not waited for longer. */
const WIDEN_MS_MAX = 20_000;

export const STREAM_NOT_FOUND = 10_059;
export const STREAM_EXISTS_OTHERWISE = 10_058;

/** The stream that is there is not one that a log can be kept in. */
export class LogConfigurationError extends Error {
  override readonly name = "LogConfigurationError";
}

export interface EnsureStreamOptions {
  readonly connection: Connection;
  readonly manager: JetStreamManager;
  /** Runs what makes or changes a stream, as the user that may. */
  readonly change: <T>(work: (manager: JetStreamManager) => Promise<T>) => Promise<T>;
  /** Whether what is published here gets to the stream's leader. */
  readonly isLeaderReached: () => Promise<boolean>;
  readonly partition: number;
  readonly replicas: number;
  /** Whether to make it. A region that has folded a log makes none in its place: it would be empty. */
  readonly mayMake: boolean;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/**
 * Makes the partition's stream if there is none and it may, and resolves once it has a leader that is reached from here. One that
 * is kept on fewer servers than are asked for is brought to more. One that is closed, since making it anew was cut off, stays so.
 * Any number of regions may do so at the same time, and as often as they like.
 * @throws {LogConfigurationError} names what contradicts.
 * @throws {LogUnavailableError} not within the time; the stream may have been made.
 */
export async function ensureStream(options: EnsureStreamOptions): Promise<void> {
  const { partition, timeoutMs, logger } = options;
  const startedAtMs = performance.now();
  const deadlineMs = startedAtMs + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      assertOpen(options.connection);
      const info = await findOrCreate(options);
      if (info === undefined) return;
      checkConfig(info, options);
      // What a rebuild opens meanwhile would be closed again, with the rest of the settings seen here.
      if (info.config.num_replicas < options.replicas && !isClosedFor(info.config, partition)) {
        const isPatient = performance.now() - startedAtMs < WIDEN_MS_MAX;
        await widen(info, { ...options, isPatient });
      }
      await checkLeader(info, options);
      return;
    } catch (error) {
      if (error instanceof LogConfigurationError) throw error;
      if (performance.now() + RETRY_PAUSE_MS >= deadlineMs) {
        throw new LogUnavailableError(
          `the stream of partition ${partition} is not ready after ${timeoutMs} ms: ${describeError(error)}`,
          { cause: error },
        );
      }
      logger.debug({ partition, attempt, error: describeError(error) }, "the log is not ready yet");
      await pause(RETRY_PAUSE_MS);
    }
  }
}

/** @throws {LogUnavailableError} */
async function checkLeader(
  { config, cluster }: StreamInfo,
  { partition, isLeaderReached }: EnsureStreamOptions,
): Promise<void> {
  if (cluster !== undefined && !cluster.leader)
    throw new LogUnavailableError(`the stream of partition ${partition} has no leader yet`);
  // Nobody can publish to one that is closed.
  if (isClosedFor(config, partition) || (await isLeaderReached())) return;
  throw new LogUnavailableError(`the leader of partition ${partition} is not reached from here yet`);
}

async function findOrCreate({
  manager,
  change,
  partition,
  replicas,
  mayMake,
  logger,
}: EnsureStreamOptions): Promise<StreamInfo | undefined> {
  const name = streamName(partition);
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (apiErrorCode(error) !== STREAM_NOT_FOUND) throw error;
  }
  if (!mayMake) {
    logger.error({ partition, stream: name }, "the log's stream is gone, and is not made anew by itself");
    return undefined;
  }
  try {
    const config = { ...requiredConfig(partition, replicas), name };
    const info = await change((maintaining) => maintaining.streams.add(config));
    logger.info({ partition, stream: name, replicas }, "the log's stream is there");
    return info;
  } catch (error) {
    // Another region has made it in between, with other settings: they say what differs.
    if (apiErrorCode(error) === STREAM_EXISTS_OTHERWISE) return await manager.streams.info(name);
    throw error;
  }
}

function checkConfig({ config }: StreamInfo, { partition, replicas, logger }: EnsureStreamOptions): void {
  const stream = streamName(partition);
  const isClosed = isClosedFor(config, partition);
  if (isClosed)
    logger.error(
      { partition, stream },
      'the log is closed: "forebay log rebuild" was cut off, and goes on with it',
    );
  const required = {
    ...config,
    ...(isClosed && { subjects: requiredConfig(partition, replicas).subjects! }),
  };
  // Where it is kept can be changed.
  const differences = configDifferences({ ...required, num_replicas: replicas }, partition, replicas);
  if (differences.length === 0) return;
  throw new LogConfigurationError(
    `stream ${stream} can't hold the log of partition ${partition}: ${differences.join("; ")}`,
  );
}

/** On more servers, as the cluster has grown. @throws where it did not work, and there is patience left. */
async function widen(
  { config }: StreamInfo,
  options: EnsureStreamOptions & { readonly isPatient: boolean },
): Promise<void> {
  const { change, partition, replicas, logger, isPatient } = options;
  const about = { partition, from: config.num_replicas, to: replicas };
  try {
    const wanted = { ...config, num_replicas: replicas };
    await change((maintaining) => maintaining.streams.update(streamName(partition), wanted));
    logger.info(about, "the log is kept on more servers");
  } catch (error) {
    if (isPatient) throw error;
    logger.error(
      { ...about, error: describeError(error) },
      "the log is kept on fewer servers than it should be; the next start tries again",
    );
  }
}

/**
 * Asks the stream's leader.
 * @throws {LogMissingError} no such stream. @throws {LogUnavailableError} no answer within the API's time.
 */
export async function streamInfo(api: JetStreamApi, partition: number): Promise<StreamInfo> {
  try {
    return await api.ask((manager) => manager.streams.info(streamName(partition)));
  } catch (error) {
    if (error instanceof LogUnavailableError) throw error;
    if (apiErrorCode(error) === STREAM_NOT_FOUND)
      throw new LogMissingError(`there is no stream ${streamName(partition)}`, { cause: error });
    throw new LogUnavailableError(`partition ${partition} can't be inspected: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** @param server the connected server, which leads where there is no cluster. */
export function toInspection(
  info: StreamInfo,
  { partition, server }: { partition: number; server: string | undefined },
): LogInspection {
  return {
    isClosed: isClosedFor(info.config, partition),
    createdAtMs: Date.parse(info.created),
    firstPosition: Math.max(1, info.state.first_seq),
    lastPosition: info.state.last_seq,
    leader: info.cluster === undefined ? server : info.cluster.leader || undefined,
  };
}
