/** A consumer on the region's own server. The server can't be chosen, so it is tried until one lands there. */
import { AckPolicy, DeliverPolicy, ReplayPolicy } from "@nats-io/jetstream";
import { nuid } from "@nats-io/transport-node";
import { LogUnavailableError } from "../../ports/global-log.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Connection } from "../nats/connection.ts";
import { describeError } from "../nats/errors.ts";
import { withinMs } from "../nats/wait.ts";
import type { JetStreamApi } from "./api.ts";
import { countUnknownReplicas, toReplicas } from "./monitor.ts";
import { streamName } from "./stream-config.ts";
import { streamInfo } from "./stream.ts";

/** With three servers all tries miss once in 130. */
const TRIES_MAX = 12;
const INACTIVE_NANOS = 60 * 1_000_000_000;
const DELETE_TIMEOUT_MS = 1_000;

export interface ConsumerOptions {
  readonly connection: Connection;
  readonly api: JetStreamApi;
  readonly partition: number;
  readonly from: number;
  readonly region: string;
  /** On another server than the region's own. */
  readonly isElsewhere: boolean;
  readonly logger: Logger;
}

/**
 * Makes a consumer that starts at `from`, lives in memory and disappears by itself when nobody asks it for a minute.
 * @returns its name.
 * @throws {LogUnavailableError}
 */
export async function createConsumer(options: ConsumerOptions): Promise<string> {
  const { connection, api, partition, isElsewhere, logger } = options;
  for (let tries = 1; ; tries += 1) {
    const { name, host } = await tryConsumer(options);
    if (host === undefined || (host === connection.serverName) !== isElsewhere) return name;
    // Of more regions than there are replicas, some always read from another's server.
    if (!isElsewhere && tries === 1 && !(await holdsReplica(options))) return name;
    if (tries === TRIES_MAX) {
      logger.warn(
        { partition, host, tries, isElsewhere },
        "the log is read from another server than was wanted",
      );
      return name;
    }
    void deleteConsumer(api, { partition, name, logger });
  }
}

/** Whether the own server may be landed on; where that can't be known, it is tried. */
async function holdsReplica({ api, connection, partition, logger }: ConsumerOptions): Promise<boolean> {
  try {
    const info = await streamInfo(api, partition);
    if (countUnknownReplicas(info) > 0) return true;
    const holders = [info.cluster?.leader, ...toReplicas(info).map(({ region }) => region)];
    return holders.includes(connection.serverName);
  } catch (error) {
    logger.debug({ partition, error: describeError(error) }, "it is not known who holds the log");
    return true;
  }
}

async function tryConsumer(options: ConsumerOptions): Promise<{ name: string; host: string | undefined }> {
  const { api, partition, from, region } = options;
  const name = `${region}-${nuid.next()}`;
  try {
    const config = {
      name,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: INACTIVE_NANOS,
    };
    // Under one name and configuration it is the same consumer, however often it is made.
    const info = await api.ask((manager) => manager.consumers.add(streamName(partition), config));
    return { name, host: info.cluster?.leader };
  } catch (error) {
    if (error instanceof LogUnavailableError) throw error;
    throw new LogUnavailableError(`partition ${partition} can't be read: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** Best effort within a short time; what is left behind disappears by itself. Never rejects. */
export async function deleteConsumer(
  api: JetStreamApi,
  options: { partition: number; name: string; logger: Logger },
): Promise<void> {
  const { partition, name, logger } = options;
  const deleting = api.ask((manager) => manager.consumers.delete(streamName(partition), name));
  const deleted = deleting.catch((error: unknown) => {
    logger.debug({ partition, consumer: name, error: describeError(error) }, "a consumer was not deleted");
  });
  await withinMs(deleted, DELETE_TIMEOUT_MS);
}
