/** One gateway, or several, of regions on simulated ports; relay and applier run only where a test starts them. */
import { Applier } from "../../../services/applier/applier.ts";
import type { BarrierObserver } from "../../../services/applier/barrier-stop.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { EMPTY_SESSION } from "../../../services/core/session.ts";
import { GatewayError, type GatewayErrorCode } from "../../../services/gateway/errors.ts";
import type { WriteRequest, ReadRequest, ListRequest } from "../../../services/gateway/gateway.ts";
import type { GatewayOptions } from "../../../services/gateway/gateway-options.ts";
import { GatewayService } from "../../../services/gateway/gateway-service.ts";
import { Relay } from "../../../services/relay/relay.ts";
import { holdRole } from "../../../services/runtime/hold-role.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { LogBreaker, type LogMetrics } from "../../../services/runtime/log-breaker.ts";
import { AppendSignal } from "../../../services/runtime/append-signal.ts";
import { NO_BUS_FAULTS, SimulatedBus, SimulatedBusNetwork } from "../../simulation/bus.ts";
import { SimulatedDatabase } from "../../simulation/database.ts";
import {
  NO_LOG_FAULTS,
  SimulatedLog,
  SimulatedLogServers,
  type LogFaults,
} from "../../simulation/global-log.ts";
import { SeededRandom } from "../../simulation/random.ts";
import { silentFeedMetrics, silentMetrics } from "../../simulation/metrics.ts";
import { SimulatedRegionStore, type StoreFaults } from "../../simulation/region-store.ts";
import { Process, SimulatedClock, wallClockMs, World } from "../../simulation/world.ts";

export const TENANT = "acme";
export const COLLECTION = "users";
export const SCHEMA: CollectionSchema = {
  fields: { name: { class: "lww", type: "string" }, likes: { class: "merge", kind: "counter" } },
};
const LIMIT_MS = 60_000;

export class RegionBed {
  readonly name: string;
  readonly database: SimulatedDatabase;
  readonly faults: StoreFaults = { isDown: false, lostAnswers: 0 };
  readonly options: GatewayOptions;
  readonly gateway: GatewayService;
  /** Of appliers that are started from now on. */
  barriers: BarrierObserver | undefined;
  readonly #members: readonly string[];
  #stop = new AbortController();

  constructor(bed: Bed, name: string, limits: BedLimits) {
    this.name = name;
    this.database = new SimulatedDatabase(name, () => wallClockMs(bed.world));
    this.#members = bed.names;
    const process = new Process(bed.world, name);
    const bus = new SimulatedBus({ network: bed.network, process, region: name });
    void bus.connect();
    const options = {
      region: name,
      partitions: bed.partitions,
      software: "test",
      store: new SimulatedRegionStore({ database: this.database, process, faults: this.faults }),
      log: new SimulatedLog({ servers: bed.servers, process, region: name }),
      bus,
      clock: new SimulatedClock(process),
      random: bed.world.random,
      crashPoints: { reach: () => undefined },
      logger: silentLogger,
      metrics: silentMetrics,
      feedMetrics: silentFeedMetrics,
      changesRetentionMs: 3_600_000,
      sessionSecret: "a secret of the beds, of 32 letters",
      appended: new AppendSignal(),
      folded: new FoldFeed(),
      pendingRowsMax: limits.pendingRowsMax ?? 10_000,
      pendingBytesMax: 1 << 30,
    };
    this.options = { ...options, breakers: makeBreakers(options) };
    this.gateway = new GatewayService(this.options);
    this.gateway.serveRegions();
  }

  /** Another gateway process of the region, which may have another way to the store. */
  anotherGateway(changes: Partial<GatewayOptions> = {}): GatewayService {
    const options = { ...this.options, ...changes };
    return new GatewayService({ ...options, breakers: changes.breakers ?? makeBreakers(options) });
  }

  startApplier(): void {
    this.#start("applier");
  }

  startRelay(): void {
    this.#start("relay");
  }

  /** Takes a moment; the roles can be started again. */
  stopRoles(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
  }

  #start(role: "applier" | "relay"): void {
    for (let partition = 0; partition < this.options.partitions; partition += 1) {
      const breaker = this.options.breakers[partition]!;
      const observed = this.barriers === undefined ? {} : { barriers: this.barriers };
      const parts = { members: this.#members, partition, breaker, ...observed };
      const common = { ...this.options, metrics: silentMetrics, ...parts };
      const work = new (role === "applier" ? Applier : Relay)(common);
      const run =
        work instanceof Applier
          ? (_: unknown, stop: AbortSignal) => work.run(stop)
          : (grant: { epoch: number }, stop: AbortSignal) => work.run(grant, stop);
      void holdRole({ ...common, role, holder: this.name, work: run }, this.#stop.signal);
    }
  }
}

/** As the process makes them, for all of its roles. */
export function makeBreakers(
  options: Omit<GatewayOptions, "breakers">,
  metrics: LogMetrics = silentMetrics,
): readonly LogBreaker[] {
  return Array.from(
    { length: options.partitions },
    (_, partition) => new LogBreaker({ ...options, metrics, partition }),
  );
}

interface BedLimits {
  readonly pendingRowsMax?: number;
}

export interface BedOptions extends BedLimits {
  readonly regions?: readonly string[];
  readonly partitions?: number;
  readonly seed?: number;
}

export class Bed {
  readonly world: World;
  readonly servers: SimulatedLogServers;
  readonly network: SimulatedBusNetwork;
  /** Of the log; a test changes them while it runs. */
  readonly faults: LogFaults = { ...NO_LOG_FAULTS };
  readonly names: readonly string[];
  readonly partitions: number;
  readonly regions: readonly RegionBed[];

  constructor(options: BedOptions = {}) {
    this.world = new World(options.seed ?? 1);
    this.names = options.regions ?? ["eu"];
    this.partitions = options.partitions ?? 1;
    this.servers = new SimulatedLogServers(this.world, {
      leader: this.names[0]!,
      members: this.names,
      faults: this.faults,
    });
    this.network = new SimulatedBusNetwork(this.world, {
      cutOff: this.servers.cutOff,
      random: new SeededRandom(options.seed ?? 1),
      faults: { ...NO_BUS_FAULTS },
    });
    this.regions = this.names.map((name) => new RegionBed(this, name, options));
  }

  get first(): RegionBed {
    return this.regions[0]!;
  }

  /** Starts appliers and relays everywhere, and makes the collection. */
  async startAll(schema: CollectionSchema = SCHEMA): Promise<void> {
    for (const region of this.regions) {
      region.startApplier();
      region.startRelay();
    }
    await this.runUntil(() => this.regions.every((region) => this.#isJoined(region)), "joined");
    await this.run(this.first.gateway.putCollection({ ...CONTEXT, name: COLLECTION, schema }));
    await this.converge();
  }

  #isJoined({ database }: RegionBed): boolean {
    return Array.from({ length: this.partitions }, (_, partition) => partition).every(
      (partition) => database.readPositions(partition).cluster !== null,
    );
  }

  /** Runs until every region has folded what the others have buffered. */
  async converge(): Promise<void> {
    await this.runUntil(
      () =>
        this.regions.every(({ name, database }) =>
          database.partitionNumbers().every((partition) => {
            const head = database.walHead(partition).sequence;
            return this.regions.every(
              (other) => (other.database.readPositions(partition).origins[name]?.watermark ?? 0) >= head,
            );
          }),
        ),
      "convergence",
    );
  }

  /** Lets virtual time run for so long; what needs no time at all comes first. */
  pass(milliseconds: number): Promise<void> {
    this.world.after(0, () => undefined);
    return this.world.run(this.world.nowMs + milliseconds);
  }

  runUntil(isDone: () => boolean, what: string): Promise<void> {
    return this.world.runUntil(isDone, { limitMs: LIMIT_MS, what });
  }

  /** Lets virtual time run until the promise is settled, and gives its outcome. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => (isSettled = true);
    promise.then(settle, settle);
    await this.pass(0);
    await this.runUntil(() => isSettled, "an answer");
    return promise;
  }

  /** The code of the GatewayError that the promise is rejected with. */
  async refusal(promise: Promise<unknown>): Promise<GatewayErrorCode> {
    return (await this.refused(promise)).code;
  }

  async refused(promise: Promise<unknown>): Promise<GatewayError> {
    const error = await this.run(
      promise.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );
    if (error instanceof GatewayError) return error;
    throw error instanceof Error ? error : new Error("it was not refused");
  }
}

export const CONTEXT = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: 2_000 };

export function write(changes: Partial<WriteRequest> = {}): WriteRequest {
  return {
    ...CONTEXT,
    collection: COLLECTION,
    key: "ada",
    body: { set: { name: "Ada" } },
    idempotencyKey: undefined,
    waitCommitted: false,
    ...changes,
  };
}

export function read(changes: Partial<ReadRequest> = {}): ReadRequest {
  return { ...CONTEXT, collection: COLLECTION, key: "ada", consistency: "local", ...changes };
}

export function list(changes: Partial<ListRequest> = {}): ListRequest {
  return {
    ...CONTEXT,
    collection: COLLECTION,
    prefix: "",
    after: undefined,
    limit: 100,
    consistency: "local",
    ...changes,
  };
}

/** A port of which some methods are the test's. */
export function overriding<S extends object>(store: S, overrides: Partial<S>): S {
  return new Proxy(store, {
    get(target, name) {
      const override = (overrides as Record<string | symbol, unknown>)[name];
      if (override !== undefined) return override;
      const member = Reflect.get(target, name) as unknown;
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}

/** As every machine of the bed tells it, and the log. */
export function wallClock(bed: Bed): number {
  return wallClockMs(bed.world);
}

export function idOf(number: number): string {
  return uuidOf("operation", String(number));
}
