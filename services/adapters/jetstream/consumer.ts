/**
 * A consumer on the region's own server. The server can't be chosen, so some are made until one has landed there: read from
 * another's, an entry that the own region has ordered goes once more over the link and back.
 */
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

/** Made at once, after a first that has missed; those that are not needed are deleted. */
const TRIES_PER_ROUND = 3;
/** With three servers all tries miss once in 25,000. */
const ROUNDS_MAX = 8;
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

export interface PlacedConsumer {
  readonly name: string;
  /** On another server than the own one, which may be had another time. */
  readonly isMisplaced: boolean;
}

interface MadeConsumer {
  readonly name: string;
  /** Undefined on a server without a cluster. */
  readonly host: string | undefined;
}

/**
 * Makes a consumer that starts at `from`, lives in memory and disappears by itself when nobody asks it for a minute.
 * @throws {LogUnavailableError}
 */
export async function createConsumer(options: ConsumerOptions): Promise<PlacedConsumer> {
  const { api, partition, isElsewhere, logger } = options;
  let made = await makeConsumer(options);
  if (isWhereWanted(made, options)) return { name: made.name, isMisplaced: false };
  // Of more regions than there are replicas, some always read from another's server.
  if (!isElsewhere && !(await holdsReplica(options))) return { name: made.name, isMisplaced: false };
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const more = await makeConsumers(options);
    if (more.length === 0) {
      // The one that is there can be read from; whether more can be made is seen another time.
      if (!isElsewhere) break;
      // That one is the copy which is in doubt: what is wrong with it would be held against the others.
      void deleteConsumer(api, { partition, name: made.name, logger });
      throw new LogUnavailableError(`partition ${partition} can't be read from another server now`);
    }
    made = chooseConsumer([made, ...more], options);
    if (isWhereWanted(made, options)) return { name: made.name, isMisplaced: false };
  }
  const { name, host } = made;
  logger.warn({ partition, host, isElsewhere }, "the log is read from another server than was wanted");
  // Who wants to read elsewhere doesn't for long.
  return { name, isMisplaced: !isElsewhere };
}

function isWhereWanted({ host }: MadeConsumer, { connection, isElsewhere }: ConsumerOptions): boolean {
  return host === undefined || (host === connection.serverName) !== isElsewhere;
}

/** Deletes the others. */
function chooseConsumer(made: readonly MadeConsumer[], options: ConsumerOptions): MadeConsumer {
  const { api, partition, logger } = options;
  const chosen = made.find((one) => isWhereWanted(one, options)) ?? made[0]!;
  for (const { name } of made)
    if (name !== chosen.name) void deleteConsumer(api, { partition, name, logger });
  return chosen;
}

/** @returns those that could be made. Never rejects. */
async function makeConsumers(options: ConsumerOptions): Promise<MadeConsumer[]> {
  const making = Array.from({ length: TRIES_PER_ROUND }, () => makeConsumer(options));
  const outcomes = await Promise.allSettled(making);
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
}

/** Whether the own server may be landed on; where that can't be known, it is tried. */
async function holdsReplica({ api, connection, partition, logger }: ConsumerOptions): Promise<boolean> {
  try {
    const info = await streamInfo(api, partition);
    // Who asks while nobody leads is told of none.
    if (!info.cluster?.leader || countUnknownReplicas(info) > 0) return true;
    const holders: (string | undefined)[] = [
      info.cluster.leader,
      ...toReplicas(info).map(({ region }) => region),
    ];
    return holders.includes(connection.serverName);
  } catch (error) {
    logger.debug({ partition, error: describeError(error) }, "it is not known who holds the log");
    return true;
  }
}

async function makeConsumer({ api, partition, from, region }: ConsumerOptions): Promise<MadeConsumer> {
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
