/** A whole cluster on one machine: `start` brings it up, methods break and mend it, `stop` leaves no process. */
import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { openLinks, provision, startLater, startProcesses, startServers } from "./bring-up.ts";
import { removeClusterFile, writeClusterFile } from "./cluster-file.ts";
import type { GatewayView, LocalClusterOptions, RegionView } from "./cluster-options.ts";
import { keyOf, setUp, setUpLater, type Setup } from "./cluster-setup.ts";
import { certificateOf } from "./certificates.ts";
import { ControlServer } from "./control/server.ts";
import { ClusterFaults } from "./faults/cluster-faults.ts";
import type { ChildExit } from "./child.ts";
import type { LinkProxies } from "./link-proxy.ts";
import type { PostgresStopMode } from "./postgres-server.ts";
import type { RegionProcess, StartOptions } from "./region-process.ts";
import { Site, type SiteOptions } from "./site.ts";
import { writeState } from "./state.ts";
import { runStep, type OnStep } from "./steps.ts";
import { Supervisor } from "./supervisor.ts";

interface ClusterParts {
  readonly setup: Setup;
  readonly sites: Site[];
  readonly makeSite: (name: string, later?: SiteOptions["later"]) => Promise<Site>;
  readonly options: LocalClusterOptions;
  readonly links: LinkProxies;
  readonly onStep: OnStep;
}

export class LocalCluster {
  /** What can be broken besides, and mended: links in other ways than a cut, pauses, the log's leader. */
  readonly faults: ClusterFaults;
  readonly #setup: Setup;
  readonly #sites: Site[];
  readonly #makeSite: ClusterParts["makeSite"];
  readonly #options: LocalClusterOptions;
  readonly #links: LinkProxies;
  readonly #onStep: OnStep;
  readonly #supervisor: Supervisor;
  #control: ControlServer | undefined;
  #ending: Promise<void> | undefined;

  private constructor(parts: ClusterParts) {
    this.#setup = parts.setup;
    this.#sites = parts.sites;
    this.#makeSite = parts.makeSite;
    this.#options = parts.options;
    this.#links = parts.links;
    this.#onStep = parts.onStep;
    this.#supervisor = new Supervisor(parts.onStep);
    this.faults = new ClusterFaults({ ...parts, onChange: () => this.#writeFile() });
  }

  /**
   * Brings a cluster up. If anything fails, or the signal aborts, all that was started is stopped first.
   * @throws {DataFolderInUseError} when another process runs a cluster on the data folder.
   * @throws {DataFolderMismatchError} when the folder is not forebay's, or was made with another topology.
   * @throws {ProvisionError} when a server binary can't be had.
   * @throws {StartError} when a server or region process does not come up.
   */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const onStep = options.onStep ?? (() => undefined);
    if (options.signal !== undefined) {
      // Every wait of a bring-up listens to it, which is no leak.
      setMaxListeners(0, options.signal);
    }
    const setup = await runStep(onStep, {
      name: "open data folder",
      run: () => setUp(options),
      describe: describeSetup,
    });
    let cluster: LocalCluster | undefined;
    let control: ControlServer | undefined;
    try {
      const programs = await provision(setup, { options, onStep });
      const links = await openLinks(setup, { isEncrypted: options.tls === true });
      // Region processes are told where it is: their consoles order faults there.
      if (options.control === true) control = await ControlServer.open(() => cluster?.faults);
      const siteOptions = {
        ...options,
        environment: {
          ...accessEnvironment(keyOf(setup, options)),
          ...options.environment,
          ...chaosEnvironment(control),
        },
      };
      const makeSite: ClusterParts["makeSite"] = async (name, later) => {
        const tls = options.tls === true ? await certificateOf(setup.folder.tls, name) : undefined;
        return new Site(name, { setup, cluster: siteOptions, links, later, tls, ...programs });
      };
      const sites: Site[] = [];
      for (const { name } of setup.topology.regions) sites.push(await makeSite(name));
      cluster = new LocalCluster({ setup, sites, makeSite, options, links, onStep });
      cluster.#control = control;
      cluster.#listenForForce(options.forceSignal);
      await startServers(sites, links, { options, onStep });
      writeState(setup.folder.state, { ...setup.state, hasStarted: true });
      if (options.regionProcesses ?? true) {
        await startProcesses(sites, { options, onStep });
      }
      options.signal?.throwIfAborted();
      cluster.#writeFile();
      if (options.supervise === true) {
        cluster.#supervise();
      }
      return cluster;
    } catch (error) {
      if (cluster === undefined) {
        await control?.close();
        setup.lock.release();
      } else {
        await cluster.stop();
      }
      // Whatever was interrupted has its own words for it; the caller knows its own reason.
      options.signal?.throwIfAborted();
      throw error;
    }
  }

  /** All regions, in the topology's order. */
  get regions(): readonly RegionView[] {
    return this.#sites.map((site) => site.view());
  }

  /** The development key; undefined where nobody is asked for one. */
  get key(): string | undefined {
    return keyOf(this.#setup, this.#options);
  }

  /** A region as it is now. @throws {Error} when the topology has no such region. */
  region(name: string): RegionView {
    return this.#site(name).view();
  }

  /**
   * Starts servers and process of one more region; nothing that runs is touched. It takes part once it is added.
   * @param topology path of a YAML file that has the region besides all others.
   * @throws {StartError}
   */
  async addRegion(name: string, topology: string): Promise<void> {
    const later = await setUpLater(this.#setup, name, topology);
    await this.#links.add(name, later.topology);
    const site = await this.#makeSite(name, later);
    this.#sites.push(site);
    await startLater(site, { options: this.#options, onStep: this.#onStep });
    this.#writeFile();
  }

  /** Starts the region's process again after `killRegion`; the options are for this start alone. */
  async startRegion(name: string, options: StartOptions = {}): Promise<void> {
    const site = this.#site(name);
    try {
      await site.process.start(options);
      site.wanted.process = true;
    } finally {
      this.#writeFile();
    }
  }

  /** Ends the region's process at once, as a crash would. */
  async killRegion(name: string): Promise<void> {
    const site = this.#site(name);
    site.wanted.process = false;
    await site.process.kill();
    this.#writeFile();
  }

  /** Stops the region's process gracefully. */
  async stopRegion(name: string): Promise<void> {
    const site = this.#site(name);
    site.wanted.process = false;
    await site.process.stop();
    this.#writeFile();
  }

  /** Stops the region's process gracefully and starts it again. */
  async restartRegion(name: string, options: StartOptions = {}): Promise<void> {
    await this.stopRegion(name);
    await this.startRegion(name, options);
  }

  /** Resolves when the region's process that runs now has ended by itself, as it does at a crash point. */
  async regionExit(name: string): Promise<ChildExit | undefined> {
    return this.#site(name).process.exited;
  }

  /** Starts a further process of a region, on the same database and nats-server, with an HTTP port of its own. */
  async addGateway(
    name: string,
    options: StartOptions = {},
  ): Promise<GatewayView & { start(): Promise<void>; stop(): Promise<void>; kill(): Promise<void> }> {
    const gateway: RegionProcess = await this.#site(name).addGateway();
    await gateway.start(options);
    return {
      name: gateway.name,
      url: gateway.url,
      get pid() {
        return gateway.pid;
      },
      start: () => gateway.start(options.environment),
      stop: () => gateway.stop(),
      kill: () => gateway.kill(),
    };
  }

  /** Ends the region's nats-server at once, as a crash would. */
  async killNats(name: string): Promise<void> {
    const site = this.#site(name);
    site.wanted.nats = false;
    await site.nats.kill();
    this.#writeFile();
  }

  /** Stops the region's nats-server in good order. */
  async stopNats(name: string): Promise<void> {
    const site = this.#site(name);
    site.wanted.nats = false;
    await site.nats.stop();
    this.#writeFile();
  }

  /** Starts the region's nats-server again; returns once it takes connections. */
  async startNats(name: string): Promise<void> {
    const site = this.#site(name);
    await site.nats.start();
    site.wanted.nats = true;
    this.#writeFile();
  }

  /** Waits until JetStream has a metadata leader and every nats-server that runs has caught up with it. */
  async waitForJetStream(): Promise<void> {
    const running = this.#sites.filter((site) => site.nats.pid !== undefined);
    await Promise.all(running.map((site) => site.nats.waitUntilHealthy()));
  }

  /**
   * Stops the region's PostgreSQL and starts it again.
   * @throws {StartError} when PostgreSQL was given by URL.
   */
  async restartPostgres(name: string, options: { readonly mode?: PostgresStopMode } = {}): Promise<void> {
    const site = this.#site(name);
    site.wanted.postgres = false;
    await site.postgres.stop(options.mode ?? "fast");
    await site.postgres.start();
    site.wanted.postgres = true;
  }

  /** Cuts the link between two regions; with `oneWay` only what `one` sends to `other` is held. */
  cutLink(one: string, other: string, options: { readonly oneWay?: boolean } = {}): void {
    this.#links.cut(one, other, options);
  }

  /** Heals both directions of a link, of cuts and of what `faults.impair` did. */
  healLink(one: string, other: string): void {
    this.#links.heal(one, other);
  }

  /** Switches the topology's latency on or off on all links. */
  setLatency(isOn: boolean): void {
    this.#links.setLatency(isOn);
  }

  /** Stops everything in good order: region processes, then nats-servers, then PostgreSQL. */
  async stop(): Promise<void> {
    this.#ending ??= this.#end(false);
    await this.#ending;
  }

  /** Ends everything at once; also cuts a `stop` short that is under way. */
  async kill(): Promise<void> {
    await Promise.allSettled(
      this.#sites.flatMap((site) => processesOf(site).map((process) => process.kill())),
    );
    this.#ending ??= this.#end(true);
    await this.#ending;
  }

  async #end(isForced: boolean): Promise<void> {
    await this.#control?.close();
    await this.faults.release();
    for (const site of this.#sites) {
      Object.assign(site.wanted, { process: false, nats: false, postgres: false });
    }
    await this.#supervisor.stop();
    const end = (process: { stop(): Promise<void>; kill(): Promise<void> }): Promise<void> =>
      isForced ? process.kill() : process.stop();
    const failures: unknown[] = [];
    const stages: readonly (readonly [string, (site: Site) => readonly Promise<void>[]])[] = [
      ["stop region processes", (site) => [site.process, ...site.gateways].map(end)],
      ["stop nats-servers", (site) => [end(site.nats)]],
      ["stop PostgreSQL", (site) => [end(site.postgres)]],
    ];
    for (const [name, stage] of stages) {
      const run = async (): Promise<void> => {
        const results = await Promise.allSettled(this.#sites.flatMap(stage));
        failures.push(...results.flatMap((result) => (result.status === "rejected" ? [result.reason] : [])));
      };
      await runStep(this.#onStep, { name, run });
    }
    await this.#links.close();
    removeClusterFile(this.#setup.folder.clusterFile);
    this.#setup.lock.release();
    if (failures.length > 0) {
      throw new AggregateError(failures, "not everything could be stopped");
    }
  }

  #listenForForce(signal: AbortSignal | undefined): void {
    // Whoever waits for the start or the stop hears of a failure there.
    signal?.addEventListener("abort", () => void this.kill().catch(() => undefined), { once: true });
  }

  #supervise(): void {
    for (const site of this.#sites) {
      const kinds = { process: site.process, nats: site.nats, postgres: site.postgres };
      for (const kind of ["process", "nats", "postgres"] as const) {
        this.#supervisor.watch({
          name: `${{ process: "region", nats: "nats-server", postgres: "PostgreSQL" }[kind]} ${site.name}`,
          isWanted: () => site.wanted[kind],
          exited: () => kinds[kind].exited,
          restart: async (signal) => {
            await (kind === "process" ? site.process.start({}, signal) : kinds[kind].start(signal));
            this.#writeFile();
          },
        });
      }
    }
  }

  #writeFile(): void {
    if (this.#ending === undefined) {
      const control = this.#control?.address;
      writeClusterFile(this.#setup.folder.clusterFile, { regions: this.regions, key: this.key, control });
    }
  }

  #site(name: string): Site {
    const site = this.#sites.find((site) => site.name === name);
    if (site === undefined) {
      throw new Error(
        `there is no region ${name}; known are ${this.#sites.map((site) => site.name).join(", ")}`,
      );
    }
    return site;
  }
}

/** Metrics are open: whoever is on this machine may scrape them. */
function accessEnvironment(key: string | undefined): Readonly<Record<string, string>> {
  if (key === undefined) return { FOREBAY_AUTHENTICATION: "off" };
  const hash = createHash("sha256").update(key).digest("hex");
  return { FOREBAY_ADMIN_KEY_SHA256: hash, FOREBAY_METRICS: "open" };
}

function chaosEnvironment(control: ControlServer | undefined): Readonly<Record<string, string>> {
  if (control === undefined) return {};
  const { url, key } = control.address;
  return { FOREBAY_CHAOS_URL: url, FOREBAY_CHAOS_KEY: key };
}

function processesOf(site: Site): readonly { kill(): Promise<void> }[] {
  return [site.process, ...site.gateways, site.nats, site.postgres];
}

function describeSetup(setup: Setup): string {
  const ended =
    setup.ended.length === 0 ? "" : `; ended what an earlier run left behind: ${setup.ended.join(", ")}`;
  const { postgresFolder } = setup.state;
  const outside =
    postgresFolder === undefined || postgresFolder === setup.folder.postgres
      ? ""
      : `; PostgreSQL's files are in ${postgresFolder}, since user ${setup.user?.name ?? ""} can't get here`;
  return `${setup.folder.root}${outside}${ended}`;
}
