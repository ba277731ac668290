/** One region on this machine: its database, its nats-server, its region process and further gateways. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../services/runtime/package-root.ts";
import type { Topology } from "../../services/runtime/topology.ts";
import type { CertificateFiles } from "./certificates.ts";
import type { LocalClusterOptions, RegionView } from "./cluster-options.ts";
import { keyOf, type Setup } from "./cluster-setup.ts";
import { writeFileAtomic } from "./files.ts";
import type { LinkProxies } from "./link-proxy.ts";
import { credentialsFor } from "./nats-secrets.ts";
import { NatsServer } from "./nats-server.ts";
import { PostgresServer } from "./postgres-server.ts";
import type { NatsProgram } from "./provision/nats.ts";
import type { PostgresPrograms } from "./provision/postgres.ts";
import { databaseName, GivenDatabase, type RegionDatabase } from "./region-database.ts";
import { RegionProcess, type NatsCredentialFiles } from "./region-process.ts";
import type { RegionPorts } from "./state.ts";

export interface SiteOptions {
  readonly setup: Setup;
  readonly cluster: LocalClusterOptions;
  readonly links: LinkProxies;
  /** Of a region that has come later: the topology that has it. */
  readonly later?: { readonly topology: Topology; readonly path: string } | undefined;
  readonly natsProgram: NatsProgram;
  /** Undefined where nothing speaks TLS. */
  readonly tls: CertificateFiles | undefined;
  /** Undefined when a PostgreSQL was given by URL. */
  readonly postgresPrograms: PostgresPrograms | undefined;
}

export class Site {
  readonly name: string;
  readonly postgres: RegionDatabase;
  readonly nats: NatsServer;
  readonly process: RegionProcess;
  readonly gateways: RegionProcess[] = [];
  /** What should be running now; what ends while it is wanted is started again, if anybody supervises. */
  readonly wanted = { process: false, nats: false, postgres: false };
  readonly #options: SiteOptions;

  constructor(name: string, options: SiteOptions) {
    this.name = name;
    this.#options = options;
    this.postgres = this.#makeDatabase();
    this.nats = this.#makeNats();
    this.process = this.#makeProcess(name, options.setup.httpPorts.get(name) ?? 0);
  }

  /** Makes a further process of this region, not yet started. */
  async addGateway(): Promise<RegionProcess> {
    const name = `${this.name}-gateway-${this.gateways.length + 2}`;
    const gateway = this.#makeProcess(name, await this.#options.setup.ports.choose());
    this.gateways.push(gateway);
    return gateway;
  }

  view(): RegionView {
    const { tls } = this.#options;
    return {
      name: this.name,
      url: this.process.url,
      key: keyOf(this.#options.setup, this.#options.cluster),
      pid: this.process.pid,
      postgres: { url: this.postgres.url, pid: this.postgres.pid },
      nats: {
        url: this.nats.url,
        ...(tls && { tls: { caFile: tls.caFile } }),
        monitorUrl: this.nats.monitorUrl,
        pid: this.nats.pid,
      },
      gateways: this.gateways.map(({ name, url, pid }) => ({ name, url, pid })),
    };
  }

  get #ports(): RegionPorts {
    const ports = this.#options.setup.state.regions[this.name];
    if (ports === undefined) {
      throw new Error(`no ports were chosen for region ${this.name}`);
    }
    return ports;
  }

  #logPath(program: string): string {
    return join(this.#options.setup.folder.logs, `${program}.log`);
  }

  #makeDatabase(): RegionDatabase {
    const { setup, cluster, postgresPrograms } = this.#options;
    if (postgresPrograms === undefined) {
      return new GivenDatabase(
        cluster.postgresAdminUrl ?? "",
        databaseName(setup.state.clusterId, this.name),
      );
    }
    return new PostgresServer({
      region: this.name,
      programs: postgresPrograms,
      folder: join(setup.state.postgresFolder ?? setup.folder.postgres, this.name),
      port: this.#ports.postgresPort,
      password: setup.state.postgresPassword,
      tls: this.#options.tls,
      user: setup.user,
      logPath: this.#logPath(`postgres-${this.name}`),
      records: setup.records,
    });
  }

  #makeNats(): NatsServer {
    const { setup, links, natsProgram, later } = this.#options;
    const { regions } = later?.topology ?? setup.topology;
    return new NatsServer({
      program: natsProgram.path,
      config: {
        region: this.name,
        clusterName: `forebay-${setup.topology.name}`,
        port: this.#ports.natsPort,
        monitorPort: this.#ports.natsMonitorPort,
        clusterPort: this.#ports.natsClusterPort,
        routePorts: new Map(regions.map(({ name }) => [name, links.routePort(this.name, name)])),
        advertisedPort: links.port(this.name),
        tls: this.#options.tls,
        takesAnybody: this.#options.cluster.natsTakesAnybody,
      },
      secrets: () => setup.state.natsPasswords ?? {},
      folder: join(setup.folder.nats, this.name),
      logPath: this.#logPath(`nats-${this.name}`),
      records: setup.records,
    });
  }

  /** In files, as a deployment has them: who looks at the processes of the machine does not see them. */
  #writeCredentials(): NatsCredentialFiles {
    const { setup } = this.#options;
    const { region, maintenance } = credentialsFor(this.name, setup.state.natsPasswords ?? {});
    const folder = join(setup.folder.nats, this.name);
    mkdirSync(folder, { recursive: true });
    const files = {
      region: join(folder, "region.credentials"),
      maintenance: join(folder, "maintenance.credentials"),
    };
    writeFileAtomic(files.region, `${region}\n`);
    writeFileAtomic(files.maintenance, `${maintenance}\n`);
    return files;
  }

  #makeProcess(name: string, httpPort: number): RegionProcess {
    const { setup, cluster, later } = this.#options;
    return new RegionProcess({
      region: this.name,
      name,
      entryPath: cluster.regionEntry ?? join(packageRoot(), "dist", "services", "region", "main.js"),
      topologyPath: later?.path ?? setup.topologyPath,
      httpPort,
      postgresUrl: this.postgres.url,
      natsUrl: this.nats.address,
      natsCredentials: this.#writeCredentials(),
      natsCaFile: this.#options.tls?.caFile,
      natsMonitorUrl: this.nats.monitorUrl,
      sessionSecret: setup.state.sessionSecret,
      logLevel: cluster.logLevel ?? "info",
      environment: cluster.environment ?? {},
      logPath: this.#logPath(name),
      records: setup.records,
    });
  }
}
