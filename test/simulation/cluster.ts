/** A simulated cluster: the production gateway, relay and applier of every region, on simulated ports. */
import { Applier } from "../../services/applier/applier.ts";
import type { ApplierOptions } from "../../services/applier/options.ts";
import type { Bootstrapper } from "../../services/applier/bootstrapper.ts";
import type { BarrierObserver } from "../../services/applier/barrier-stop.ts";
import { Donor } from "../../services/bootstrap/donor.ts";
import { Joiner } from "../../services/bootstrap/joiner.ts";
import type { GatewayOptions } from "../../services/gateway/gateway-options.ts";
import { GatewayService } from "../../services/gateway/gateway-service.ts";
import type { RegionStore } from "../../services/ports/region-store.ts";
import type { CrashPoint, CrashPoints } from "../../services/ports/crash-points.ts";
import { ENTRY_VERSION } from "../../services/protocol/entry-codec.ts";
import { Checkpoints } from "../../services/reconciler/checkpoints.ts";
import { Reconciler } from "../../services/reconciler/reconciler.ts";
import { Trimmer, type TrimSettings } from "../../services/region/trim/trimmer.ts";
import { Relay, type RelayOptions } from "../../services/relay/relay.ts";
import { holdRole } from "../../services/runtime/hold-role.ts";
import type { Logger } from "../../services/runtime/logger.ts";
import { FoldFeed } from "../../services/runtime/fold-feed.ts";
import { LogBreaker } from "../../services/runtime/log-breaker.ts";
import { LogStates } from "../../services/runtime/log-states.ts";
import { AppendSignal } from "../../services/runtime/append-signal.ts";
import { SimulatedDatabase } from "./database.ts";
import { SimulatedBus, SimulatedBusNetwork, type BusFaults } from "./bus.ts";
import { SimulatedLog, SimulatedLogServers, type LogFaults } from "./global-log.ts";
import { silentFeedMetrics, silentMetrics } from "./metrics.ts";
import { asOlderSoftware } from "./older-software.ts";
import { SimulatedRegionStore, type StoreFaults } from "./region-store.ts";
import { admit, type Slot } from "./releases.ts";
import { Process, SimulatedClock, wallClockMs, type World } from "./world.ts";

const CHECKPOINT_LEAVES = 64;
/** So that there are many, of the few rows that there are. */
const BOOTSTRAP_PAGE_BYTES = 600;

export interface ClusterOptions {
  readonly regions: readonly string[];
  readonly partitions: number;
  readonly processesPerRegion: number;
  readonly logFaults: LogFaults;
  readonly busFaults: BusFaults;
  /** Probability of dying at each crash point. */
  readonly crashes: number;
  readonly pendingRowsMax: number;
  readonly trim: TrimSettings;
  readonly logger: Logger;
  /** Regions load their state from each other, and refuse requests meanwhile. */
  readonly isBootstrapping?: boolean;
  /**
   * What the processes of a region read at first. With it they tell what they read, and don't start on what they can't read;
   * without it all are of one release.
   */
  readonly readsOf?: (region: string) => number;
  /** Puts something between the code under test and the store: how bugs are planted to try the checker. */
  readonly wrapStore?: (store: RegionStore, region: SimulatedRegion, slot: Slot) => RegionStore;
}

/** One region: what outlives its processes. */
export class SimulatedRegion {
  readonly name: string;
  readonly database: SimulatedDatabase;
  readonly machine = { offsetMs: 0 };
  readonly storeFaults: StoreFaults = { isDown: false, lostAnswers: 0 };
  readonly processes: RegionProcess[] = [];
  /** Where its processes run, also those that are being started. */
  readonly slots: Slot[] = [];

  constructor(name: string, world: World) {
    this.name = name;
    this.database = new SimulatedDatabase(name, () => wallClockMs(world));
  }
}

/** A process that is being started, with what it has been given. */
export interface StartedProcess {
  readonly region: SimulatedRegion;
  readonly process: Process;
  readonly ports: Ports & Pick<Signals, "breakers">;
}

interface Starting {
  readonly region: SimulatedRegion;
  readonly process: Process;
  readonly slot: Slot;
  readonly ports: Ports;
}

export interface RegionProcess {
  readonly process: Process;
  readonly slot: Slot;
  /** Why it does not fold, by partition. */
  readonly stopped: ReadonlyMap<number, string>;
  readonly gateway: GatewayService;
  /** A process takes no requests before it knows whether it may. */
  isServing: boolean;
}

export type Ports = Omit<
  ApplierOptions & RelayOptions & GatewayOptions,
  "partition" | "partitions" | "breaker" | "metrics" | keyof Signals | keyof Limits
> & { readonly metrics: typeof silentMetrics };
type Signals = Pick<GatewayOptions, "appended" | "folded" | "breakers">;
type Limits = Pick<GatewayOptions, "pendingRowsMax" | "pendingBytesMax" | "memberAwayMsMax">;

export class SimulatedCluster {
  readonly world: World;
  readonly options: ClusterOptions;
  readonly servers: SimulatedLogServers;
  readonly network: SimulatedBusNetwork;
  readonly regions: readonly SimulatedRegion[];
  #processNumber = 0;
  /** Regions whose databases went back, ever. */
  readonly wentBack = new Set<string>();
  /** No process dies by itself any more. */
  isCalm = false;
  /** Processes that did not start, since newer software had folded what they can't read. */
  refusedStarts = 0;
  /** Who looks at the barriers of processes that are started from now on. */
  observerOf: ((started: StartedProcess) => BarrierObserver) | undefined;

  constructor(world: World, options: ClusterOptions) {
    this.world = world;
    this.options = options;
    this.servers = new SimulatedLogServers(world, {
      leader: options.regions[0]!,
      members: options.regions,
      faults: options.logFaults,
    });
    // A region that is cut off from the log's servers is so from the other regions.
    this.network = new SimulatedBusNetwork(world, {
      cutOff: this.servers.cutOff,
      faults: options.busFaults,
    });
    this.regions = options.regions.map((name) => new SimulatedRegion(name, world));
  }

  startAll(): void {
    for (const region of this.regions) {
      for (let count = 0; count < this.options.processesPerRegion; count += 1) this.start(region);
    }
  }

  /** Starts one more process of a region, or the next one in the place of another. */
  start(region: SimulatedRegion, slot: Slot = this.#newSlot(region)): void {
    this.#processNumber += 1;
    const process = new Process(this.world, `${region.name}-${this.#processNumber}`);
    const starting = { region, process, slot, ports: this.#ports(region, process, slot) };
    if (this.options.readsOf === undefined) this.#run(starting);
    else void this.#runOnceAdmitted(starting);
  }

  #newSlot(region: SimulatedRegion): Slot {
    const slot = { reads: this.options.readsOf?.(region.name) ?? ENTRY_VERSION };
    region.slots.push(slot);
    return slot;
  }

  /** Where it is refused, somebody starts the newest release there. */
  async #runOnceAdmitted(starting: Starting): Promise<void> {
    const { region, process, slot, ports } = starting;
    const { reads } = slot;
    const isAdmitted = await admit({ ...ports, process, reads });
    if (isAdmitted && slot.reads === reads) return this.#run(starting);
    if (!isAdmitted) {
      this.refusedStarts += 1;
      slot.reads = ENTRY_VERSION;
    }
    this.world.trace(`${process.name} of release ${reads} ${isAdmitted ? "is too late" : "is refused"}`);
    process.kill();
    this.start(region, slot);
  }

  #run({ region, process, slot, ports }: Starting): void {
    const { partitions } = this.options;
    const folded = new FoldFeed();
    const breakers = Array.from(
      { length: partitions },
      (_, partition) => new LogBreaker({ ...ports, folded, partition }),
    );
    const signals = { appended: new AppendSignal(), folded, breakers };
    const stopped = new Map<number, string>();
    const logStates = new LogStates({ ...ports, stopReason: (partition) => stopped.get(partition) });
    logStates.serve();
    const bootstrapping = this.options.isBootstrapping === true ? this.#bootstrapping(ports, breakers) : {};
    const barriers = this.observerOf?.({ region, process, ports: { ...ports, breakers } });
    for (let partition = 0; partition < partitions; partition += 1) {
      const metrics = { ...ports.metrics, stopped: noteIn(stopped, partition) };
      const witnesses = (number: number) => logStates.witnesses(number);
      const parts = { ...ports, ...bootstrapping, ...(barriers && { barriers }), metrics, witnesses };
      this.#startRoles({ partition, process, ports: parts, signals });
    }
    const { pendingRowsMax, trim } = this.options;
    const limits = { pendingRowsMax, pendingBytesMax: 1 << 30, memberAwayMsMax: trim.awayMsMax };
    const gateway = new GatewayService({ ...ports, ...signals, ...limits, partitions, logStates });
    gateway.serveRegions();
    void this.#sweep(process, gateway);
    void this.#trim(process, { ...ports, breakers });
    const started = { process, slot, gateway, stopped, isServing: this.options.isBootstrapping !== true };
    if (!started.isServing) void this.#serveOnceKnown(started);
    region.processes.push(started);
    this.world.trace(`start ${process.name}`);
  }

  async #serveOnceKnown(started: RegionProcess): Promise<void> {
    const { process, gateway } = started;
    while (!started.isServing) {
      await gateway.lookAtDrain().then(
        () => (started.isServing = true),
        () => process.pass(100),
      );
    }
    await gateway.watchDrain(new AbortController().signal);
  }

  #bootstrapping(ports: Ports, breakers: readonly LogBreaker[]) {
    const { partitions, regions } = this.options;
    const checkpoints = new Checkpoints({ ...ports, leaves: CHECKPOINT_LEAVES });
    checkpoints.servePlace();
    const reconciliation = new Reconciler({ ...ports, breakers, checkpoints, partitions });
    new Donor({ ...ports, pageBytes: BOOTSTRAP_PAGE_BYTES }).serve();
    const bootstrapperOf = (partition: number): Bootstrapper =>
      new Joiner({ ...ports, regions, partition, reconciliation });
    return { barriers: checkpoints, bootstrapperOf };
  }

  /** What a region process does now and then. */
  async #sweep(process: Process, gateway: GatewayService): Promise<void> {
    for (;;) {
      await process.pass(this.world.random.integer(500, 1_500));
      await gateway.sweep().catch(() => undefined);
    }
  }

  /** At its own pace, as each process does. */
  async #trim(process: Process, ports: Ports & Pick<Signals, "breakers">): Promise<void> {
    const { partitions, trim: settings } = this.options;
    const trimmer = new Trimmer({ ...ports, partitions, settings });
    const never = new AbortController().signal;
    for (;;) {
      await process.pass(settings.everyMs * (0.5 + this.world.random.fraction()));
      await trimmer.trim(never).catch(() => undefined);
    }
  }

  #ports(region: SimulatedRegion, process: Process, slot: Slot): Ports {
    const { database, storeFaults: faults } = region;
    const { store, log } = asOlderSoftware(
      {
        store: new SimulatedRegionStore({ database, process, faults }),
        log: new SimulatedLog({ servers: this.servers, process, region: region.name }),
      },
      slot.reads,
    );
    const bus = new SimulatedBus({ network: this.network, process, region: region.name });
    void bus.connect();
    return {
      region: region.name,
      software: "simulation",
      members: this.options.regions,
      store: this.options.wrapStore?.(store, region, slot) ?? store,
      log,
      bus,
      clock: new SimulatedClock(process, region.machine),
      random: this.world.random,
      crashPoints: this.#crashPoints(region, process),
      logger: this.options.logger,
      metrics: silentMetrics,
      feedMetrics: silentFeedMetrics,
      changesRetentionMs: 3_600_000,
      sessionSecret: "a secret of the simulation, of 32 letters",
    };
  }

  #startRoles(input: {
    partition: number;
    process: Process;
    ports: Ports & { readonly bootstrapperOf?: (partition: number) => Bootstrapper };
    signals: Signals;
  }): void {
    const { partition, process, ports, signals } = input;
    const never = new AbortController().signal;
    const breaker = signals.breakers[partition]!;
    const options = { ...ports, ...signals, breaker, partition, partitions: this.options.partitions };
    const applier = new Applier({ ...options, bootstrapper: ports.bootstrapperOf?.(partition) });
    const relay = new Relay(options);
    const held = { ...options, holder: process.name };
    void holdRole({ ...held, role: "applier", work: (_, stop) => applier.run(stop) }, never);
    void holdRole({ ...held, role: "relay", work: (grant, stop) => relay.run(grant, stop) }, never);
  }

  #crashPoints(region: SimulatedRegion, process: Process): CrashPoints {
    return {
      reach: (point: CrashPoint) => {
        if (this.isCalm || !process.isAlive || !this.world.random.chance(this.options.crashes)) return;
        this.kill(region, process, point);
        throw new Error(`${process.name} died ${point}`);
      },
    };
  }

  /** Kills a process; another takes its place after a while. */
  kill(region: SimulatedRegion, process: Process, why: string): void {
    this.world.trace(`kill ${process.name} ${why}`);
    process.kill();
    const index = region.processes.findIndex((candidate) => candidate.process === process);
    const [killed] = region.processes.splice(index, 1);
    this.world.after(this.world.random.integer(100, 2_500), () => this.start(region, killed!.slot));
  }
}

function noteIn(stopped: Map<number, string>, partition: number): (reason: string | undefined) => void {
  return (reason) => {
    if (reason === undefined) stopped.delete(partition);
    else stopped.set(partition, reason);
  };
}
