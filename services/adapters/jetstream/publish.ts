/**
 * Publishing, and what may be concluded from its outcome.
 *
 * While leadership moves, a message can reach the old and the new leader, and the old one's refusal can arrive although
 * the new one stores the message. So a refusal proves something only if every server of the stream would give it.
 */
import type { JetStreamClient, JetStreamPublishOptions } from "@nats-io/jetstream";
import { JetStreamApiError } from "@nats-io/jetstream";
import {
  LogUnavailableError,
  PublishTimeoutError,
  WrongLastPositionError,
  type PublishRequest,
} from "../../ports/global-log.ts";
import type { Connection } from "../nats/connection.ts";
import { describeError, isUnsent, isWithoutResponders } from "../nats/errors.ts";
import { apiErrorCode, assertOpen } from "./errors.ts";
import { streamName, subjectOf } from "./stream-config.ts";

const WRONG_LAST_SEQUENCE = 10_071;
const WRONG_LAST_SEQUENCE_UNTOLD = 10_164;
const STORE_FAILED = 10_077;
const MESSAGE_TOO_LARGE = 10_054;
const OTHER_STREAM = 10_060;

/**
 * Resolves with the position once a quorum has stored the message.
 * @throws {LogUnavailableError} certainly not stored.
 * @throws {WrongLastPositionError} certainly not stored.
 * @throws {PublishTimeoutError} unknown.
 */
export async function publish(
  connection: Connection,
  client: JetStreamClient,
  request: PublishRequest,
): Promise<{ position: number }> {
  const { partition, origin, data, timeoutMs, expectedLastPosition } = request;
  // What is sent while the connection is interrupted would be kept and stored at any later time.
  assertOpen(connection);
  const options: Partial<JetStreamPublishOptions> = {
    timeout: Math.max(1, timeoutMs),
    // A second attempt of the library's own would store the message twice.
    retries: 1,
    expect: {
      streamName: streamName(partition),
      ...(expectedLastPosition === undefined ? {} : { lastSequence: expectedLastPosition }),
    },
  };
  try {
    const publishing = client.publish(subjectOf(partition, origin), data, options);
    const stored = await connection.untilInterrupted(publishing);
    return { position: stored.seq };
  } catch (error) {
    throw toPublishError(error, partition);
  }
}

/**
 * Whether what is published at the own server gets to the partition's leader: other servers learn a moment after an election where
 * to send it. Stores nothing, since the message is meant for a stream that is not this one, which the leader refuses.
 */
export async function isLeaderReached(
  client: JetStreamClient,
  { partition, origin, timeoutMs }: Pick<PublishRequest, "partition" | "origin" | "timeoutMs">,
): Promise<boolean> {
  const expect = { streamName: `not_${streamName(partition)}` };
  try {
    await client.publish(subjectOf(partition, origin), "", { timeout: timeoutMs, retries: 1, expect });
  } catch (error) {
    return !isWithoutResponders(error);
  }
  return true;
}

/** What the outcome proves; everything that is not known to be certain is unknown. */
export function toPublishError(error: unknown, partition: number): Error {
  const reason = `publishing to partition ${partition}: ${describeError(error)}`;
  if (isWrongLastPosition(error)) return new WrongLastPositionError(reason, { cause: error });
  if (isWithoutResponders(error)) {
    return new LogUnavailableError(`partition ${partition} has no leader to publish to`, { cause: error });
  }
  if (isUnsent(error) || isRefusedByAll(error)) return new LogUnavailableError(reason, { cause: error });
  return new PublishTimeoutError(reason, { cause: error });
}

function isWrongLastPosition(error: unknown): boolean {
  const code = apiErrorCode(error);
  return code === WRONG_LAST_SEQUENCE || code === WRONG_LAST_SEQUENCE_UNTOLD;
}

/** Refusals that follow from the message and the stream's settings alone, whichever server leads. */
function isRefusedByAll(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  switch (apiErrorCode(error)) {
    case MESSAGE_TOO_LARGE:
    case OTHER_STREAM:
      return true;
    case STORE_FAILED:
      // Other failures of the leader's own disk say nothing about its followers, which may store the message.
      return /^maximum (messages|bytes) exceeded/.test(error.message);
    default:
      return false;
  }
}
