/** A partition's stream: its name, how it has to be configured, making it, and what the server says of it. */
import {
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";
import { LogMissingError, LogUnavailableError, type LogInspection } from "../../ports/global-log.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Connection } from "../nats/connection.ts";
import { describeError } from "../nats/errors.ts";
import { pause } from "../nats/wait.ts";
import type { JetStreamApi } from "./api.ts";
import { apiErrorCode, assertOpen } from "./errors.ts";

const RETRY_PAUSE_MS = 100;

export const STREAM_NOT_FOUND = 10_059;
export const STREAM_EXISTS_OTHERWISE = 10_058;

/** The stream that is there is not one that a log can be kept in. */
export class LogConfigurationError extends Error {
  override readonly name = "LogConfigurationError";
}

export function streamName(partition: number): string {
  return `FOREBAY_LOG_${partition}`;
}

/** The last token is the origin, so that the server's permissions can keep a region from publishing as another. */
export function subjectOf(partition: number, origin: string): string {
  return `forebay.log.${partition}.${origin}`;
}

/** What a log relies on. A limit on messages or bytes is not named: with `discard: new` it refuses and loses nothing. */
export function requiredConfig(partition: number, replicas: number): Partial<StreamConfig> {
  return {
    subjects: [subjectOf(partition, "*")],
    storage: StorageType.File,
    num_replicas: replicas,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_age: 0,
    max_msgs_per_subject: -1,
    deny_delete: true,
    allow_rollup_hdrs: false,
    allow_msg_ttl: false,
    sealed: false,
  };
}

/** What differs, in words: `num_replicas is 1 instead of 3`. */
export function configDifferences(actual: StreamConfig, partition: number, replicas: number): string[] {
  const differences: string[] = [];
  for (const [key, required] of Object.entries(requiredConfig(partition, replicas))) {
    // A server that does not know a setting leaves it out, which means the same as false.
    const found = JSON.stringify(actual[key as keyof StreamConfig] ?? false);
    const wanted = JSON.stringify(required);
    if (found !== wanted) differences.push(`${key} is ${found} instead of ${wanted}`);
  }
  return differences;
}

export interface EnsureStreamOptions {
  readonly connection: Connection;
  readonly manager: JetStreamManager;
  readonly partition: number;
  readonly replicas: number;
  /** Whether to make it. A region that has folded a log makes none in its place: it would be empty. */
  readonly mayMake: boolean;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/**
 * Makes the partition's stream if there is none and it may, and resolves once it has a leader. Any number of regions may do so at
 * the same time, and as often as they like.
 * @throws {LogConfigurationError} names what contradicts.
 * @throws {LogUnavailableError} not within the time; the stream may have been made.
 */
export async function ensureStream(options: EnsureStreamOptions): Promise<void> {
  const { partition, timeoutMs, logger } = options;
  const deadlineMs = performance.now() + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      assertOpen(options.connection);
      const info = await findOrCreate(options);
      if (info === undefined) return;
      checkConfig(info.config, options);
      if (info.cluster === undefined || info.cluster.leader) return;
      throw new LogUnavailableError(`the stream of partition ${partition} has no leader yet`);
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

async function findOrCreate({
  manager,
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
    const info = await manager.streams.add({ ...requiredConfig(partition, replicas), name });
    logger.info({ partition, stream: name, replicas }, "the log's stream is there");
    return info;
  } catch (error) {
    // Another region has made it in between, with other settings: they say what differs.
    if (apiErrorCode(error) === STREAM_EXISTS_OTHERWISE) return await manager.streams.info(name);
    throw error;
  }
}

function checkConfig(config: StreamConfig, { partition, replicas }: EnsureStreamOptions): void {
  const differences = configDifferences(config, partition, replicas);
  if (differences.length === 0) return;
  throw new LogConfigurationError(
    `stream ${streamName(partition)} can't hold the log of partition ${partition}: ${differences.join("; ")}`,
  );
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
export function toInspection(info: StreamInfo, server: string | undefined): LogInspection {
  return {
    createdAtMs: Date.parse(info.created),
    firstPosition: Math.max(1, info.state.first_seq),
    lastPosition: info.state.last_seq,
    leader: info.cluster === undefined ? server : info.cluster.leader || undefined,
  };
}
