/** The fault of the comparison: whoever leads is killed every so often, and started again after a pause. */
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { waitFor } from "../../../infra/local/wait.ts";
import { interruption } from "../interruption.ts";
import { progress } from "../report.ts";

/** Something with a leader that can be killed: three nats-servers, or three etcd nodes. */
export interface Killable {
  /** Undefined while there is none, or nobody can tell. */
  leader(): Promise<string | undefined>;
  /** SIGKILL; resolves when the process has ended. */
  kill(server: string): Promise<void>;
  /** Starts it again; resolves when it takes connections. */
  start(server: string): Promise<void>;
}

export interface Kill {
  readonly server: string;
  /** When its process had ended, and when it took connections again, on the load's clock. */
  readonly atMs: number;
  backAtMs: number;
  /** When the next one was due. */
  readonly untilMs: number;
  /** Whether it is the one that was prepared for. */
  readonly isPrepared: boolean;
}

export interface KillOptions {
  /** When the first is due, and from when on none is, on the load's clock. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly everyMs: number;
  readonly awayMs: number;
  readonly elapsedMs: () => number;
  /** Called shortly before each; tells whether it has worked. */
  readonly prepare?: (leader: string) => Promise<boolean>;
  /** Called once its process has ended. */
  readonly onKilled?: (atMs: number) => void;
}

const PREPARE_MS = 2_500;
const LEADER_TIMEOUT_MS = 30_000;

export async function killLeaders(killable: Killable, options: KillOptions): Promise<Kill[]> {
  const { fromMs, toMs, everyMs, awayMs, elapsedMs, prepare, onKilled } = options;
  const kills: Kill[] = [];
  for (let dueMs = fromMs; dueMs < toMs; dueMs += everyMs) {
    await sleepUntil(dueMs - PREPARE_MS, elapsedMs);
    const leader = await findLeader(killable);
    const hasWorked = (await prepare?.(leader)) ?? true;
    await sleepUntil(dueMs, elapsedMs);
    // Leadership may have moved meanwhile.
    const server = await findLeader(killable);
    await killable.kill(server);
    const isPrepared = hasWorked && server === leader;
    const kill = { server, atMs: elapsedMs(), backAtMs: 0, untilMs: dueMs + everyMs, isPrepared };
    onKilled?.(kill.atMs);
    progress(`${kills.length + 1}: killed the leader, ${server}`);
    await sleepUntil(kill.atMs + awayMs, elapsedMs);
    await killable.start(server);
    kill.backAtMs = elapsedMs();
    kills.push(kill);
  }
  return kills;
}

export function findLeader(killable: Killable): Promise<string> {
  const options = { what: "leader to kill", timeoutMs: LEADER_TIMEOUT_MS, signal: interruption };
  return waitFor(() => killable.leader(), options);
}

/** Until then on the load's clock; at once where that is past. */
export async function sleepUntil(untilMs: number, elapsedMs: () => number): Promise<void> {
  const ms = untilMs - elapsedMs();
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** The nats-servers of a cluster, and who leads the log of partition 0. */
export function natsServers(cluster: LocalCluster): Killable {
  return {
    leader: async () => {
      const statuses = await Promise.allSettled(cluster.regions.map(({ url }) => readStatus(url)));
      const leaders = statuses.map((one) => (one.status === "fulfilled" ? one.value.leader : undefined));
      const leader = leaders.find((name) => name !== undefined);
      // Someone who is cut off may still name the last one.
      return leaders.every((name) => name === undefined || name === leader) ? leader : undefined;
    },
    kill: (server) => cluster.killNats(server),
    start: (server) => cluster.startNats(server),
  };
}

export interface PartitionStatus {
  readonly leader?: string;
  readonly position: number;
  readonly wal: { readonly head: number; readonly pending_rows: number };
  readonly regions: readonly { readonly region: string; readonly watermark: number }[];
}

const STATUS_TIMEOUT_MS = 5_000;

/** Partition 0 as a region sees it. */
export async function readStatus(url: string): Promise<PartitionStatus> {
  const response = await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) });
  const { partitions } = (await response.json()) as { partitions: PartitionStatus[] };
  const [first] = partitions;
  if (first === undefined) throw new Error(`${url} has no partition`);
  return first;
}
