/** Real nats-servers on loopback, without latency: what tests of the adapters on NATS run against. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completeSecrets } from "../../../infra/local/nats-secrets.ts";
import { NatsServer } from "../../../infra/local/nats-server.ts";
import { PortChooser } from "../../../infra/local/ports.ts";
import { provisionNats } from "../../../infra/local/provision/nats.ts";
import { RunRecords } from "../../../infra/local/run-records.ts";

export const REGIONS = ["eu", "us", "ap"] as const;

export interface NatsCluster {
  /** By region. */
  server(region: string): NatsServer;
  /** Ends all servers and removes their folder. */
  close(): Promise<void>;
}

/** Starts the servers and returns once JetStream has elected a leader for its metadata. */
export async function startNatsCluster(regions: readonly string[] = REGIONS): Promise<NatsCluster> {
  const { path: program } = await provisionNats();
  const folder = mkdtempSync(join(tmpdir(), "forebay-nats-"));
  const records = new RunRecords(join(folder, "run"));
  const ports = new PortChooser();
  const secrets = completeSecrets({}, regions);
  const clusterPorts = await Promise.all(regions.map(() => ports.choose()));
  const servers = new Map<string, NatsServer>();
  for (const [index, region] of regions.entries()) {
    const config = {
      region,
      clusterName: "nats-test",
      port: await ports.choose(),
      monitorPort: await ports.choose(),
      clusterPort: clusterPorts[index]!,
      routePorts: new Map(regions.map((name, at) => [name, clusterPorts[at]!])),
      advertisedPort: clusterPorts[index]!,
    };
    const logPath = join(folder, `${region}.log`);
    const files = { folder: join(folder, region), logPath, records };
    servers.set(region, new NatsServer({ program, config, secrets: () => secrets, ...files }));
  }
  const close = async (): Promise<void> => {
    await Promise.all([...servers.values()].map((server) => server.kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([...servers.values()].map((server) => server.start()));
    await Promise.all([...servers.values()].map((server) => server.waitUntilHealthy()));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    server(region) {
      const server = servers.get(region);
      if (server === undefined) throw new Error(`no server of region ${region}`);
      return server;
    },
    close,
  };
}
