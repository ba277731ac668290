/** A consumer on the region's own server. The server can't be chosen, so it is tried until one lands there. */
import { AckPolicy, DeliverPolicy, ReplayPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { nuid } from "@nats-io/transport-node";
import { LogUnavailableError } from "../../ports/global-log.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Connection } from "../nats/connection.ts";
import { describeError } from "../nats/errors.ts";
import { withinMs } from "../nats/wait.ts";
import { assertOpen } from "./errors.ts";
import { streamName } from "./stream.ts";

/** With three servers all tries miss once in 130. */
const TRIES_MAX = 12;
const INACTIVE_NANOS = 60 * 1_000_000_000;
const DELETE_TIMEOUT_MS = 1_000;

export interface ConsumerOptions {
  readonly connection: Connection;
  readonly manager: JetStreamManager;
  readonly partition: number;
  readonly from: number;
  readonly region: string;
  readonly logger: Logger;
}

/**
 * Makes a consumer that starts at `from`, lives in memory and disappears by itself when nobody asks it for a minute.
 * @returns its name.
 * @throws {LogUnavailableError}
 */
export async function createConsumer(options: ConsumerOptions): Promise<string> {
  const { connection, manager, partition, logger } = options;
  for (let tries = 1; ; tries += 1) {
    const { name, host } = await tryConsumer(options);
    if (host === undefined || host === connection.serverName) return name;
    if (tries === TRIES_MAX) {
      logger.warn({ partition, host, tries }, "the log is read from another region's server");
      return name;
    }
    void deleteConsumer(manager, { partition, name, logger });
  }
}

async function tryConsumer(options: ConsumerOptions): Promise<{ name: string; host: string | undefined }> {
  const { connection, manager, partition, from, region } = options;
  const name = `${region}-${nuid.next()}`;
  try {
    assertOpen(connection);
    const info = await manager.consumers.add(streamName(partition), {
      name,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: INACTIVE_NANOS,
    });
    return { name, host: info.cluster?.leader };
  } catch (error) {
    throw new LogUnavailableError(`partition ${partition} can't be read: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** Best effort within a short time; what is left behind disappears by itself. Never rejects. */
export async function deleteConsumer(
  manager: JetStreamManager,
  options: { partition: number; name: string; logger: Logger },
): Promise<void> {
  const { partition, name, logger } = options;
  const deleted = manager.consumers.delete(streamName(partition), name).catch((error: unknown) => {
    logger.debug({ partition, consumer: name, error: describeError(error) }, "a consumer was not deleted");
  });
  await withinMs(deleted, DELETE_TIMEOUT_MS);
}
