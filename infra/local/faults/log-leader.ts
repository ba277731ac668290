/** Whose nats-server leads a partition's log, as a majority of the servers sees it, and moving that elsewhere. */
import { connect } from "@nats-io/transport-node";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { connectOptions } from "../../../services/adapters/nats/address.ts";
import { streamName } from "../../../services/adapters/jetstream/stream-config.ts";
import { FaultError, messageOf } from "../errors.ts";
import { majority } from "../majority.ts";
import { waitFor } from "../wait.ts";

/** A nats-server of the cluster; those that are down or paused are among them, and don't answer. */
export interface LogServer {
  readonly region: string;
  readonly url: string;
  readonly tls?: { readonly caFile: string } | undefined;
  readonly monitorUrl: string;
  readonly isRunning: boolean;
}

const REQUEST_TIMEOUT_MS = 2_000;
const STEP_DOWN_TIMEOUT_MS = 5_000;
const NEXT_LEADER_TIMEOUT_MS = 15_000;
const MONITOR_QUERY = "/jsz?acc=$G&accounts=true&streams=true";

const JszAnswer = Type.Object({
  account_details: Type.Optional(
    Type.Array(
      Type.Object({
        stream_detail: Type.Optional(
          Type.Array(
            Type.Object({
              name: Type.String(),
              cluster: Type.Optional(Type.Object({ leader: Type.Optional(Type.String()) })),
            }),
          ),
        ),
      }),
    ),
  ),
});
const isJszAnswer = Compile(JszAnswer);

/**
 * The region whose server leads; undefined while no majority of all servers agrees on one that runs, as in an election.
 * Until an election's timeout has passed, the others still name a leader that is only cut off.
 */
export async function logLeader(
  servers: readonly LogServer[],
  partition: number,
): Promise<string | undefined> {
  const running = servers.filter(({ isRunning }) => isRunning);
  const votes = await Promise.all(running.map((server) => leaderAsSeenBy(server, partition)));
  const leader = majority(votes, servers.length);
  return running.some(({ region }) => region === leader) ? leader : undefined;
}

/**
 * Has the leader step down; who leads next is to be seen.
 * @returns the region that has led. @throws {FaultError} when there is no leader now, or it refuses.
 */
export async function stepDownLeader(servers: readonly LogServer[], partition: number): Promise<string> {
  const leader = await logLeader(servers, partition);
  const server = servers.find(({ region }) => region === leader);
  if (server === undefined) {
    throw new FaultError(`the log of partition ${partition} has no leader now`);
  }
  await requestStepDown(server, partition);
  return server.region;
}

/** Waits for another leader than the last; the same one may win again, and after some seconds that is the answer. */
export async function nextLeader(
  look: () => Promise<string | undefined>,
  last: string,
): Promise<string | undefined> {
  const other = async (): Promise<string | undefined> => {
    const leader = await look();
    return leader === last ? undefined : leader;
  };
  const wait = { what: "other leader", timeoutMs: NEXT_LEADER_TIMEOUT_MS };
  return (await waitFor(other, wait).catch(() => undefined)) ?? (await look());
}

async function leaderAsSeenBy(server: LogServer, partition: number): Promise<string | undefined> {
  try {
    const response = await fetch(`${server.monitorUrl}${MONITOR_QUERY}`, {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const answer: unknown = await response.json();
    if (!isJszAnswer.Check(answer)) {
      return undefined;
    }
    const streams = (answer.account_details ?? []).flatMap((account) => account.stream_detail ?? []);
    const stream = streams.find(({ name }) => name === streamName(partition));
    // A server without a cluster says of no stream who leads it.
    return stream === undefined
      ? undefined
      : stream.cluster === undefined
        ? server.region
        : stream.cluster.leader;
  } catch {
    return undefined;
  }
}

async function requestStepDown({ region, url, tls }: LogServer, partition: number): Promise<void> {
  try {
    const connection = await connect({
      ...connectOptions({ url, tls }),
      ignoreClusterUpdates: true,
      reconnect: false,
      timeout: STEP_DOWN_TIMEOUT_MS,
    });
    try {
      const subject = `$JS.API.STREAM.LEADER.STEPDOWN.${streamName(partition)}`;
      const answer = (await connection.request(subject, "", { timeout: STEP_DOWN_TIMEOUT_MS })).json<{
        error?: { description?: string };
      }>();
      if (answer.error !== undefined) {
        throw new Error(answer.error.description ?? "it does not say why");
      }
    } finally {
      await connection.close();
    }
  } catch (error) {
    throw new FaultError(`${region} does not step down from partition ${partition}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
