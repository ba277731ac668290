/** One region's nats-server: write the configuration → start → wait until it answers. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Child, describeExit, type ChildExit } from "./child.ts";
import { StartError, messageOf } from "./errors.ts";
import { writeFileAtomic } from "./files.ts";
import { natsServerConfig, variablesText, type NatsServerTls } from "../nats/server-config.ts";
import { operatorUser } from "../nats/users.ts";
import { credentialsFor, serverVariables, type NatsSecrets } from "./nats-secrets.ts";
import { LOOPBACK } from "./ports.ts";
import type { RunRecords } from "./run-records.ts";
import { GiveUpError, waitFor, type WaitOptions } from "./wait.ts";

export interface NatsServerPlace {
  readonly region: string;
  readonly clusterName: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly clusterPort: number;
  /** By region, this one's included: where the link proxies take routes. One alone is no cluster. */
  readonly routePorts: ReadonlyMap<string, number>;
  /** This region's own link proxy: what other servers learn as its address. */
  readonly advertisedPort: number;
  readonly tls?: NatsServerTls | undefined;
  /** Whether whoever comes without a name may do everything: as software of before there were users. Default false. */
  readonly takesAnybody?: boolean | undefined;
}

export interface NatsServerOptions {
  readonly program: string;
  readonly config: NatsServerPlace;
  /** As they are now, at each start. */
  readonly secrets: () => NatsSecrets;
  /** Holds the configuration and the store. */
  readonly folder: string;
  readonly logPath: string;
  readonly records: RunRecords;
}

const VARIABLES_FILE = "variables.conf";
const START_TIMEOUT_MS = 30_000;
const HEALTH_TIMEOUT_MS = 45_000;
const STOP_GRACE_MS = 10_000;
const REQUEST_TIMEOUT_MS = 2_000;

export class NatsServer {
  readonly region: string;
  /** `nats://127.0.0.1:port`, or `tls://…`. */
  readonly address: string;
  /** For `/varz`, `/jsz`, `/routez` and the like. */
  readonly monitorUrl: string;
  readonly #options: NatsServerOptions;
  #child: Child | undefined;

  constructor(options: NatsServerOptions) {
    this.#options = options;
    this.region = options.config.region;
    const protocol = options.config.tls === undefined ? "nats" : "tls";
    this.address = `${protocol}://${LOOPBACK}:${options.config.port}`;
    this.monitorUrl = `http://${LOOPBACK}:${options.config.monitorPort}`;
  }

  /** As somebody who may do everything: for tests, and for whoever breaks the cluster. */
  get url(): string {
    return this.#urlOf("operator");
  }

  /** As the region, with nothing but its rights. */
  get regionUrl(): string {
    return this.#urlOf("region");
  }

  /** As the one who makes, trims and deletes streams. */
  get maintenanceUrl(): string {
    return this.#urlOf("maintenance");
  }

  #urlOf(user: "region" | "maintenance" | "operator"): string {
    const credentials = credentialsFor(this.region, this.#options.secrets())[user];
    return this.address.replace("://", `://${credentials}@`);
  }

  /** Of whoever has signed its certificate, where it speaks TLS. */
  get tls(): { readonly caFile: string } | undefined {
    return this.#options.config.tls;
  }

  /** Where JetStream keeps what it stores. */
  get storeFolder(): string {
    return join(this.#options.folder, "jetstream");
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.isRunning === true ? this.#child.pid : undefined;
  }

  /** Resolves when the process that was started last has ended. */
  get exited(): Promise<ChildExit> | undefined {
    return this.#child?.exited;
  }

  /**
   * Starts the server and returns once it takes connections; JetStream may still be looking for a leader.
   * @throws {StartError} when it ends or does not answer, with the end of its log.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.pid !== undefined) {
      return;
    }
    const { program, logPath, records } = this.#options;
    const child = await Child.spawn({
      command: program,
      args: ["--config", this.#writeConfiguration()],
      logPath,
      environment: process.env,
    });
    this.#child = child;
    records.add(this.#recordName, child.pid, "SIGTERM");
    const probe = (): Promise<string> => this.#request("/healthz?js-enabled-only=true");
    await this.#waitFor(probe, { what: "answer", timeoutMs: START_TIMEOUT_MS, signal });
  }

  #writeConfiguration(): string {
    const { folder, config, secrets } = this.#options;
    const { region, clusterName, port, monitorPort, clusterPort, routePorts, advertisedPort, tls } = config;
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "nats.conf");
    const text = natsServerConfig({
      region,
      regions: [...routePorts.keys()],
      clusterName,
      listen: `${LOOPBACK}:${port}`,
      monitor: `${LOOPBACK}:${monitorPort}`,
      routes: { listen: `${LOOPBACK}:${clusterPort}`, advertise: `${LOOPBACK}:${advertisedPort}` },
      storeFolder: this.storeFolder,
      variablesFile: VARIABLES_FILE,
      tls,
      hasOperator: true,
    });
    const variables = serverVariables(secrets(), { region, routePorts });
    writeFileAtomic(join(folder, VARIABLES_FILE), variablesText(variables));
    // Nothing that is deployed has this line: the generator does not know it.
    const anybody =
      config.takesAnybody === true ? `no_auth_user: ${JSON.stringify(operatorUser.name)}\n` : "";
    writeFileAtomic(path, `${text}${anybody}`);
    return path;
  }

  /**
   * Waits until JetStream has a leader for its metadata and this server has caught up with it.
   * @throws {StartError} when that does not happen in time.
   */
  async waitUntilHealthy(signal?: AbortSignal): Promise<void> {
    const probe = async (): Promise<string | undefined> => {
      // Asked for first, since every failed health check is a warning in the server's log.
      const leader = metadataLeader(JSON.parse(await this.#request("/jsz")));
      return leader === "" ? undefined : await this.#request("/healthz?js-meta-only=true");
    };
    await this.#waitFor(probe, {
      what: "metadata leader of JetStream",
      timeoutMs: HEALTH_TIMEOUT_MS,
      signal,
    });
  }

  get isPaused(): boolean {
    return this.#child?.isPaused === true;
  }

  /** Freezes the server: connections are accepted by the system, and nothing answers. */
  pause(): void {
    this.#child?.pause();
  }

  resume(): void {
    this.#child?.resume();
  }

  /** Stops it in good order: it hands over its leaderships first. */
  async stop(): Promise<void> {
    await this.#child?.stop("SIGTERM", STOP_GRACE_MS);
    this.#options.records.remove(this.#recordName);
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#options.records.remove(this.#recordName);
  }

  get #recordName(): string {
    return `nats-${this.region}`;
  }

  async #request(path: string): Promise<string> {
    const response = await fetch(`${this.monitorUrl}${path}`, {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(text.trim());
    }
    return text;
  }

  async #waitFor(probe: () => Promise<string | undefined>, wait: WaitOptions): Promise<void> {
    const child = this.#child;
    const probeLiving = async (): Promise<string | undefined> => {
      if (child !== undefined && !child.isRunning) {
        throw new GiveUpError(new StartError(`it ${describeExit(await child.exited)}`));
      }
      return await probe();
    };
    try {
      await waitFor(probeLiving, wait);
    } catch (error) {
      wait.signal?.throwIfAborted();
      throw new StartError(
        `nats-server of region ${this.region} did not come up: ${messageOf(error)}; ` +
          `its log ${this.#options.logPath} ends with:\n${child?.lastWords() ?? ""}`,
        { cause: error },
      );
    }
  }
}

/** The leader's name in an answer of `/jsz`; undefined for a server without a cluster, empty while there is none. */
function metadataLeader(answer: unknown): string | undefined {
  const cluster = (answer as { meta_cluster?: { leader?: string } }).meta_cluster;
  return cluster === undefined ? undefined : (cluster.leader ?? "");
}
