/**
 * A region process: HTTP listens → database migrated → gateway serves → log connected → roles held; and back again.
 *
 * Only the configuration and the HTTP port can fail the start. Whatever else is missing is waited for, since a region
 * takes local writes as long as its database answers.
 */
import { MonitoredRoutes } from "../adapters/jetstream/routes.ts";
import { NatsBus } from "../adapters/nats/bus.ts";
import { SystemClock } from "../adapters/system/clock.ts";
import { environmentCrashPoints } from "../adapters/system/crash-points.ts";
import { SystemRandom } from "../adapters/system/random.ts";
import { GatewayService } from "../gateway/gateway-service.ts";
import { buildHttpServer, type HttpServer } from "../gateway/http/server.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import type { ToldProcess } from "../ports/entry-versions.ts";
import type { Reconciliation } from "../ports/reconciliation.ts";
import type { RegionStore } from "../ports/region-store.ts";
import { ENTRY_VERSION } from "../protocol/entry-codec.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { LogLevels } from "../runtime/log-levels.ts";
import type { AdjustableLogger } from "../runtime/logger.ts";
import { Meter } from "../runtime/metrics.ts";
import { FoldFeed } from "../runtime/fold-feed.ts";
import { LogBreaker } from "../runtime/log-breaker.ts";
import type { LogStates } from "../runtime/log-states.ts";
import { AppendSignal } from "../runtime/append-signal.ts";
import type { Traces } from "../runtime/traces.ts";
import type { Auditing } from "../runtime/auditor.ts";
import { accessOf } from "./access.ts";
import { startAudit } from "./audit.ts";
import { applierChores, gatewayChores } from "./chores.ts";
import { startBootstrap, type RegionBootstrap } from "./bootstrap.ts";
import { consolePage } from "./console-page.ts";
import { RegionConsole } from "./console.ts";
import { makeDoctor } from "./doctor.ts";
import { depart, makeStop, walIsShipped } from "./departure.ts";
import { Health } from "./health.ts";
import { JudgedClock } from "./judged-clock.ts";
import { LateGateway } from "./late-gateway.ts";
import { LateLog } from "./late-log.ts";
import { LoadControl } from "./load-control.ts";
import { startLogStates } from "./log-states.ts";
import { createRegionMetrics, type RegionMetrics } from "./metrics/all.ts";
import { openRegionLog } from "./open-region-log.ts";
import { migrateStore, openStore } from "./open-store.ts";
import { followSchemas } from "./sql-follower.ts";
import { startTraces } from "./traces.ts";
import { startVerification, type RegionVerification } from "./verification.ts";
import { holdPartitionRoles } from "./partition-roles.ts";
import { persist } from "./persist.ts";
import { Readiness } from "./readiness.ts";
import { RoleNews } from "./role-news.ts";
import { placementOf } from "./placement.ts";
import { checkReadsState, keepTelling } from "./releases.ts";
import { feedOf } from "./feed.ts";
import { softwareVersion } from "../runtime/config-software.ts";
import { SessionTokens } from "../gateway/http/session-tokens.ts";

/** The rest of the connections is for requests: neither can take the other's. */
const ROLES_SHARE_OF_CONNECTIONS = 0.4;

/** What the roles of a process tell each other by. */
interface SharedParts {
  readonly appended: AppendSignal;
  readonly folded: FoldFeed;
  readonly breakers: readonly LogBreaker[];
  readonly verification: RegionVerification;
  readonly bootstrap: RegionBootstrap;
  readonly reconciliation: Reconciliation;
  readonly logStates: LogStates;
  readonly auditor: Auditing;
}

export class RegionProcess {
  readonly #config: RegionConfig;
  readonly #logger: AdjustableLogger;
  readonly #clock = new SystemClock();
  /** What stamps and deadlines are made with. */
  readonly #judgedClock = new JudgedClock(this.#clock, () => this.#clusterConsole.clockCorrectionMs);
  readonly #random = new SystemRandom();
  readonly #crashPoints: CrashPoints;
  readonly #software = softwareVersion();
  readonly #readiness = new Readiness({
    clock: this.#clock,
    reasons: () => [...this.#health.reasons(), ...this.#bootstrapReasons()],
    isDrained: () => this.#service?.drainReason !== undefined,
  });
  readonly #id = this.#random.uuid(this.#clock.nowMs());
  readonly #meter: Meter;
  #metrics: RegionMetrics;
  readonly #health: Health;
  readonly #load: LoadControl;
  /** For requests; and for what must go on however many there are: relay, applier, the look at the process's health. */
  readonly #store: RegionStore;
  readonly #roleStore: RegionStore;
  readonly #log: LateLog;
  readonly #bus: NatsBus;
  readonly #routes: MonitoredRoutes;
  readonly #clusterConsole: RegionConsole;
  readonly #gateway: LateGateway;
  readonly #stop = makeStop();
  readonly #traces: Traces;
  #server: HttpServer | undefined;
  #service: GatewayService | undefined;
  #breakers: readonly LogBreaker[] = [];
  #bootstrapReasons: () => readonly string[] = () => [];
  #work: Promise<unknown> = Promise.resolve();

  /** @throws {InvalidCrashPointError} */
  constructor(config: RegionConfig, logger: AdjustableLogger) {
    const { region, postgres, nats, roles } = config;
    this.#config = config;
    this.#logger = logger;
    this.#crashPoints = environmentCrashPoints(config.crashAt);
    this.#meter = new Meter({ region });
    this.#metrics = createRegionMetrics(this.#meter, {
      config,
      isReady: () => this.#readiness.reasons().length === 0,
      onStopped: (partition, reason) => this.#health.stopped(partition, reason),
    });
    this.#gateway = new LateGateway(
      roles.includes("gateway")
        ? "this region process is starting; its database does not answer yet"
        : "this process of the region runs no gateway",
    );
    const forRoles = Math.max(1, Math.floor(postgres.connectionsMax * ROLES_SHARE_OF_CONNECTIONS));
    const stores = { config, logger, metrics: this.#metrics.process };
    this.#store = openStore("requests", {
      ...stores,
      connectionsMax: postgres.connectionsMax - forRoles,
    });
    this.#roleStore = openStore("roles", { ...stores, connectionsMax: forRoles });
    const ports = { clock: this.#clock, random: this.#random, logger };
    this.#log = new LateLog({ ...ports, open: () => openRegionLog(config, logger) });
    this.#bus = new NatsBus({ ...ports, ...nats, region });
    this.#routes = new MonitoredRoutes({ monitorUrl: nats.monitorUrl, logger });
    this.#load = new LoadControl({ ...ports, config, metrics: this.#metrics.admission });
    this.#traces = startTraces({ ...this.#ports(), config }, this.#stop.signal);
    this.#health = this.#makeHealth();
    this.#clusterConsole = this.#makeConsole();
    this.#metrics = this.#clusterConsole.roles.all(this.#metrics);
  }

  #makeConsole(): RegionConsole {
    return new RegionConsole({
      ...this.#ports(),
      clock: this.#clock,
      config: this.#config,
      routes: this.#routes,
      health: this.#health,
      load: this.#load,
      httpMetrics: this.#metrics.http,
      problems: () => [...this.#health.reasons(), ...this.#bootstrapReasons()],
      drainingSinceMs: () => this.#service?.drainingSinceMs,
    });
  }

  #makeHealth(): Health {
    const { region, topology } = this.#config;
    return new Health({
      region,
      partitions: topology.partitions,
      clock: this.#clock,
      clockSkewMs: () => this.#clusterConsole.clockSkewMs,
      metrics: this.#metrics.health,
      walPressure: this.#load.walPressure,
      logProblem: () => this.#log.problem,
    });
  }

  /** Resolves with the port as soon as HTTP listens; the rest goes on in the background. `onFailure` hears of bugs in it. */
  async start(onFailure: (error: unknown) => void): Promise<number> {
    const { region, http, sessionSecret, logLevel: configured } = this.#config;
    this.#server = await buildHttpServer({
      gateway: this.#gateway,
      ...accessOf({
        clock: this.#clock,
        logger: this.#logger,
        access: this.#config.access,
        gateway: this.#gateway,
      }),
      region,
      software: this.#software,
      sessionTokens: new SessionTokens(sessionSecret),
      logger: this.#logger,
      metrics: this.#clusterConsole.outcomes,
      feedMetrics: this.#metrics.feed,
      clusterViews: this.#clusterConsole.views,
      logLevels: new LogLevels({ logger: this.#logger, configured, clock: this.#clock }),
      doctor: makeDoctor(this.#config, {
        ...this.#ports(),
        clock: this.#clock,
        store: this.#roleStore,
        gateway: this.#gateway,
      }),
      metricsText: () => this.#meter.text(),
      readiness: () => this.#readiness.reasons(),
      drainReason: () => this.#service?.drainReason,
      admission: this.#load.admission,
      connectionsMax: http.connectionsMax,
      ...consolePage(this.#config),
      onConnectionDropped: () => this.#load.connectionDropped(),
    });
    const port = await this.#server.listen(http);
    const stop = this.#stop.signal;
    void this.#load.watch(stop);
    this.#logger.info({ host: http.host, port }, "HTTP listens");
    // Whatever else is missing, the others are told, and seen.
    this.#work = Promise.all([this.#run(), this.#bus.connect(stop), this.#clusterConsole.run(stop)]);
    this.#work.catch(onFailure);
    return port;
  }

  /** @param options.isUrgent without a notice: there are no balancers to notice it. */
  async stop({ isUrgent = false }: { readonly isUrgent?: boolean } = {}): Promise<void> {
    await depart({
      clock: this.#clock,
      logger: this.#logger,
      server: this.#server,
      noticeMs: isUrgent ? 0 : this.#readiness.noticeMs(this.#config.http.stopNoticeMs),
      shipped: () => this.#shipped(),
      endWork: () => {
        this.#stop.abort();
        return Promise.allSettled([this.#work]);
      },
      close: () =>
        Promise.allSettled([
          this.#service?.close(),
          this.#log.close(),
          this.#bus.close(),
          this.#store.close(),
          this.#roleStore.close(),
        ]),
    });
  }

  /** Only a process that relays can see to it. */
  async #shipped(): Promise<void> {
    const { region, roles } = this.#config;
    if (!roles.includes("relay")) return;
    await walIsShipped({ ...this.#ports(), region, store: this.#roleStore, breakers: this.#breakers });
  }

  async #run(): Promise<void> {
    const stop = this.#stop.signal;
    await this.#persist("the database can't be brought to this version's schema", () =>
      migrateStore({ config: this.#config, logger: this.#logger }),
    );
    const told = { ...this.#ports(), store: this.#roleStore, process: this.#told() };
    await this.#persist("this software can't take part", async () => {
      await checkReadsState(this.#roleStore, this.#software);
      await this.#roleStore.tellProcess(told.process);
    });
    if (stop.aborted) return;
    const appended = new AppendSignal();
    const folded = new FoldFeed();
    const breakers = this.#makeBreakers(folded);
    this.#breakers = breakers;
    this.#clusterConsole.attach({ breakers, folded });
    const about = { config: this.#config, metrics: this.#metrics, store: this.#roleStore };
    const auditor = startAudit({ ...about, ...this.#ports() }, stop);
    const verification = startVerification({ ...this.#ports(), ...about, breakers, auditor }, stop);
    const reconciliation = verification.reconciler;
    const bootstrap = startBootstrap({ ...this.#ports(), ...about, reconciliation }, stop);
    const logStates = startLogStates({ ...this.#ports(), ...about, health: this.#health }, stop);
    const views = { reconciliation, logStates, auditor };
    const shared = { appended, folded, breakers, verification, bootstrap, ...views };
    const service = this.#makeGateway(shared);
    // A region that was drained before it was stopped takes no write in between.
    await this.#persist("whether the region is drained can't be read", () => service.lookAtDrain());
    if (stop.aborted) return;
    this.#service = service;
    this.#bootstrapReasons = () => [...service.bootstrapReasons, ...bootstrap.problems()];
    if (this.#config.roles.includes("gateway")) {
      this.#gateway.arrive(service);
      service.serveRegions();
    }
    this.#health.starting(undefined);
    await Promise.all([
      keepTelling(told, stop),
      this.#health.watch(this.#roleStore, stop),
      service.watchDrain(stop),
      followSchemas({ ...this.#ports(), store: this.#roleStore, roles: this.#config.roles }, stop),
      this.#workOnLog({ ...shared, service }, stop),
    ]);
  }

  #told(): ToldProcess {
    const mayFold = this.#config.roles.includes("applier");
    return { id: this.#id, software: this.#software, reads: ENTRY_VERSION, mayFold };
  }

  #persist(what: string, work: () => Promise<void>): Promise<void> {
    const onFailure = (reason: string) => this.#health.starting(reason);
    return persist({ what, work }, { ...this.#ports(), onFailure }, this.#stop.signal);
  }

  #makeBreakers(folded: FoldFeed): readonly LogBreaker[] {
    const { region, topology } = this.#config;
    const options = { ...this.#ports(), region, folded, metrics: this.#metrics.log };
    return Array.from(
      { length: topology.partitions },
      (_, partition) => new LogBreaker({ ...options, partition }),
    );
  }

  #makeGateway(shared: SharedParts): GatewayService {
    const { region, topology, wal } = this.#config;
    return new GatewayService({
      ...this.#ports(),
      ...shared,
      clockDoubt: () => this.#health.clockDoubt(),
      drainStore: this.#roleStore,
      region,
      partitions: topology.partitions,
      metrics: this.#metrics.gateway,
      ...feedOf(this.#config, this.#metrics),
      pendingRowsMax: wal.rowsMax,
      pendingBytesMax: wal.bytesMax,
      lastFigures: (partition) => this.#health.lastFigures(partition),
      memberAwayMsMax: this.#config.trim.awayMsMax,
      walPressure: this.#load.walPressure,
      refusals: this.#load.refusals,
      traces: this.#traces,
    });
  }

  async #workOnLog(
    parts: SharedParts & { readonly service: GatewayService },
    stop: AbortSignal,
  ): Promise<void> {
    const { partitions } = this.#config.topology;
    await this.#log.connect(stop);
    const numbers = Array.from({ length: partitions }, (_, partition) => partition);
    const held = this.#holdRoles(numbers, parts, stop);
    const { service, breakers } = parts;
    const chores = { ...this.#ports(), config: this.#config, trimMetrics: this.#metrics.trim };
    if (this.#config.roles.includes("gateway")) held.push(...gatewayChores({ ...chores, service }, stop));
    if (this.#config.roles.includes("applier")) {
      held.push(...applierChores({ ...chores, breakers, roleStore: this.#roleStore }, stop));
    }
    await Promise.all(held);
  }

  #holdRoles(
    partitions: readonly number[],
    { appended, folded, breakers, verification, bootstrap, logStates }: SharedParts,
    stop: AbortSignal,
  ): Promise<void>[] {
    const { region, topology, roles } = this.#config;
    const holder = this.#id;
    const members = topology.regions.map(({ name }) => name);
    const placement = placementOf(this.#config, this.#routes);
    const news = new RoleNews(this.#bus, region);
    return partitions.map(async (partition) => {
      const hasFolded = async () => (await this.#roleStore.logCreatedAtMs(partition)) !== undefined;
      await this.#log.ensureStream(partition, hasFolded, stop);
      const options = { region, partition, partitions: partitions.length, members, holder, roles };
      await holdPartitionRoles(
        {
          ...this.#ports(),
          ...options,
          store: this.#roleStore,
          appended,
          folded,
          breaker: breakers[partition]!,
          relayMetrics: this.#metrics.relay(partition),
          applierMetrics: this.#metrics.applier(partition),
          news,
          onHeld: (...held) => this.#clusterConsole.held(...held),
          placement,
          placementMetrics: this.#metrics.placement,
          verification,
          traces: this.#traces,
          bootstrapperOf: bootstrap.bootstrapperOf,
          witnesses: (number) => logStates.witnesses(number),
        },
        stop,
      );
    });
  }

  #ports() {
    return {
      software: this.#software,
      store: this.#store,
      log: this.#log,
      bus: this.#bus,
      clock: this.#judgedClock,
      random: this.#random,
      crashPoints: this.#crashPoints,
      logger: this.#logger,
    };
  }
}
