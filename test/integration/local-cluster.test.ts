/** A cluster of real servers on this machine: JetStream over delayed links, crashes, cuts, and nothing left behind. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectOptions } from "../../services/adapters/nats/address.ts";
import { LocalCluster } from "../../infra/local/cluster.ts";
import { DataFolderInUseError } from "../../infra/local/errors.ts";
import { identifyProcess } from "../../infra/local/process-identity.ts";
import { waitFor } from "../../infra/local/wait.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { linkBetween, readTopology } from "../../services/runtime/topology.ts";

const TOPOLOGY_PATH = join(packageRoot(), "regions", "local.yaml");
const topology = readTopology(TOPOLOGY_PATH);
const names = topology.regions.map((region) => region.name);
const STREAM = "local-cluster-test";
/** Longer than an election and the pause before routes are dialled again, several times over. */
const RECOVERY_TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 120_000;

interface Route {
  readonly remote_name: string;
  readonly rtt: string;
}

let dataFolder = "";
let cluster: LocalCluster;
let published = 0;
/** Every process that was ever part of the cluster. */
const pids = new Set<number>();

beforeAll(async () => {
  dataFolder = mkdtempSync(join(tmpdir(), "forebay-cluster-"));
  rmSync(dataFolder, { recursive: true });
  cluster = await start();
}, TEST_TIMEOUT_MS);

afterAll(async () => {
  await cluster.stop();
  rmSync(dataFolder, { recursive: true, force: true });
}, TEST_TIMEOUT_MS);

async function start(): Promise<LocalCluster> {
  return await LocalCluster.start({
    authentication: "off",
    dataFolder,
    topology: TOPOLOGY_PATH,
    portBase: 0,
    regionProcesses: false,
    migrate: async ({ url }) => {
      await withDatabase(url, (client) => client.query("create table if not exists notes (text text)"));
    },
  });
}

function rememberPids(): void {
  for (const region of cluster.regions) {
    for (const pid of [region.nats.pid, region.postgres.pid]) {
      if (pid !== undefined) {
        pids.add(pid);
      }
    }
  }
}

async function withDatabase<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, query_timeout: 10_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function withNats<T>(region: string, use: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const { nats } = cluster.region(region);
  const connection = await connect({ ...connectOptions(nats), ignoreClusterUpdates: true });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** Publishes one message through a region, trying again until the stream acknowledges it. */
async function publishThrough(region: string): Promise<void> {
  published += 1;
  const messageId = `message-${published}`;
  await waitFor(
    () =>
      withNats(region, async (connection) => {
        const stream = jetstream(connection, { timeout: 2_000 });
        return (await stream.publish("test.log", `number ${published}`, { msgID: messageId })).seq;
      }),
    { what: `acknowledgement through ${region}`, timeoutMs: RECOVERY_TIMEOUT_MS, intervalMs: 250 },
  );
}

async function messageCount(region: string): Promise<number> {
  return await waitFor(
    () =>
      withNats(region, async (connection) => {
        const manager = await jetstreamManager(connection, { timeout: 2_000 });
        return (await manager.streams.info(STREAM)).state.messages;
      }),
    { what: `stream information through ${region}`, timeoutMs: RECOVERY_TIMEOUT_MS, intervalMs: 250 },
  );
}

async function routes(region: string): Promise<readonly Route[]> {
  const response = await fetch(`${cluster.region(region).nats.monitorUrl}/routez`);
  return ((await response.json()) as { routes: readonly Route[] }).routes;
}

/** Reads a duration as Go prints it, such as `87.5ms`, `1.02s` or `0s`. */
function milliseconds(duration: string): number {
  const value = Number.parseFloat(duration);
  if (duration.endsWith("ms")) {
    return value;
  }
  return duration.endsWith("µs") ? value / 1000 : value * 1000;
}

test(
  "a stream with a replica in every region takes messages through every region",
  { timeout: TEST_TIMEOUT_MS },
  async () => {
    rememberPids();
    await withNats("eu", async (connection) => {
      const manager = await jetstreamManager(connection, { timeout: 10_000 });
      const info = await manager.streams.add({
        name: STREAM,
        subjects: ["test.>"],
        num_replicas: 3,
        storage: StorageType.File,
        retention: RetentionPolicy.Limits,
      });
      const members = [
        info.cluster?.leader,
        ...(info.cluster?.replicas ?? []).map((replica) => replica.name),
      ];
      expect(new Set(members)).toEqual(new Set(names));
    });
    for (const name of names) {
      await publishThrough(name);
    }
    expect(await messageCount("ap")).toBe(published);
  },
);

test("every route takes the topology's round trip or longer", { timeout: TEST_TIMEOUT_MS }, async () => {
  for (const name of names) {
    const measured = await waitFor(
      async () => {
        const all = await routes(name);
        const isComplete = all.every(
          (route) => milliseconds(route.rtt) >= linkBetween(topology, name, route.remote_name).roundTripMs,
        );
        return isComplete && new Set(all.map((route) => route.remote_name)).size === names.length - 1
          ? all
          : undefined;
      },
      // Servers measure again with each ping; before the first one, or from before the latency, they tell less.
      { what: `measured round trips at ${name}`, timeoutMs: RECOVERY_TIMEOUT_MS, intervalMs: 500 },
    );
    expect(measured.length).toBeGreaterThan(0);
  }
});

test(
  "cluster.json tells where everything is, and a second start says who runs it",
  { timeout: TEST_TIMEOUT_MS },
  async () => {
    const document = JSON.parse(readFileSync(join(dataFolder, "cluster.json"), "utf8"));
    expect(document.regions.map((region: { name: string }) => region.name)).toEqual(names);
    expect(document.regions[0].nats.pid).toBe(cluster.region("eu").nats.pid);
    const second = start();
    await expect(second).rejects.toThrow(DataFolderInUseError);
    await expect(second).rejects.toThrow(`process ${process.pid} `);
  },
);

test("a nats-server that was killed comes back with everything", { timeout: TEST_TIMEOUT_MS }, async () => {
  const { pid } = cluster.region("us").nats;
  await cluster.killNats("us");
  expect(identifyProcess(pid ?? 0)).toBeUndefined();
  expect(cluster.region("us").nats.pid).toBeUndefined();
  await publishThrough("eu");
  await cluster.startNats("us");
  rememberPids();
  await publishThrough("us");
  expect(await messageCount("us")).toBe(published);
});

test("a link that is cut and healed loses nothing", { timeout: TEST_TIMEOUT_MS }, async () => {
  cluster.cutLink("eu", "us");
  await publishThrough("ap");
  cluster.healLink("eu", "us");
  cluster.cutLink("ap", "eu", { oneWay: true });
  cluster.healLink("ap", "eu");
  for (const name of names) {
    await publishThrough(name);
  }
  expect(await messageCount("eu")).toBe(published);
});

test(
  "PostgreSQL keeps what was committed, over a restart and over a crash",
  { timeout: TEST_TIMEOUT_MS },
  async () => {
    const { url } = cluster.region("ap").postgres;
    for (const mode of ["fast", "immediate"] as const) {
      await withDatabase(url, (client) => client.query("insert into notes values ($1)", [mode]));
      await cluster.restartPostgres("ap", { mode });
      rememberPids();
    }
    const { rows } = await withDatabase(url, (client) =>
      client.query("select text from notes order by text"),
    );
    expect(rows).toEqual([{ text: "fast" }, { text: "immediate" }]);
  },
);

test(
  "a stop leaves no process, and the next start goes on from there",
  { timeout: TEST_TIMEOUT_MS },
  async () => {
    await cluster.stop();
    expect(pids.size).toBeGreaterThan(names.length * 2);
    expect([...pids].filter((pid) => identifyProcess(pid) !== undefined)).toEqual([]);
    expect(existsSync(join(dataFolder, "cluster.json"))).toBe(false);
    cluster = await start();
    expect(await messageCount("eu")).toBe(published);
    const { rows } = await withDatabase(cluster.region("ap").postgres.url, (client) =>
      client.query("select text from notes"),
    );
    expect(rows).toHaveLength(2);
  },
);
