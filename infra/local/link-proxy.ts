/** The links between regions: one TCP proxy in front of each region's cluster port, which delays, cuts and heals. */
import { createServer, type Server, type Socket } from "node:net";
import { linkBetween, type Topology } from "../../services/runtime/topology.ts";
import {
  assertFault,
  conditionWith,
  isFaulty,
  NO_FAULT,
  NO_LATENCY,
  type LinkCondition,
  type LinkFault,
  type LinkLatency,
} from "./faults/link-fault.ts";
import { LOOPBACK } from "./ports.ts";
import { RouteConnection, type LinkDirections } from "./route-connection.ts";

export interface LinkProxyOptions {
  readonly topology: Topology;
  /** The port of the loopback interface on which a region's server takes its routes. */
  readonly targetPort: (region: string) => number;
  /** Whether the links have the topology's latency from the start. */
  readonly hasLatency: boolean;
  /** Whether routes are TLS from their first byte: who dials is then known by the port that is dialled alone. */
  readonly isEncrypted?: boolean;
  readonly nowMs?: () => number;
  readonly random?: () => number;
  /** How often living connections of a lossy link are in for a reset. Default 1 s. */
  readonly lossIntervalMs?: number;
}

interface Direction {
  readonly from: string;
  readonly to: string;
  latency: LinkLatency;
  fault: LinkFault;
  /** What the two make together. */
  condition: LinkCondition;
}

/** One direction of a link that something is wrong with. */
export interface FaultyDirection {
  readonly from: string;
  readonly to: string;
  readonly fault: LinkFault;
}

const LOSS_INTERVAL_MS = 1_000;

interface Proxy {
  readonly acceptor: string;
  /** The only one who dials here; undefined where everybody may, and says who it is. */
  readonly dialler: string | undefined;
  readonly listener: Server;
  readonly connections: Set<RouteConnection>;
}

export class LinkProxies {
  readonly #options: LinkProxyOptions;
  readonly #directions: Direction[];
  #topology: Topology;
  #hasLatency: boolean;
  /** By acceptor; with a dialler of their own by `pairName`. */
  readonly #proxies = new Map<string, Proxy>();
  /** Region by server id: a server that is known by it need not be let through to name itself. */
  readonly #regionById = new Map<string, string>();
  #lossTimer: NodeJS.Timeout | undefined;

  private constructor(options: LinkProxyOptions) {
    const names = options.topology.regions.map((region) => region.name);
    this.#options = options;
    this.#topology = options.topology;
    this.#hasLatency = options.hasLatency;
    this.#directions = names.flatMap((from) =>
      names.filter((to) => to !== from).map((to) => healthyDirection(from, to)),
    );
  }

  /** Listens in front of every region of the topology, on ports that the system chooses. */
  static async open(options: LinkProxyOptions): Promise<LinkProxies> {
    const proxies = new LinkProxies(options);
    try {
      const names = options.topology.regions.map((region) => region.name);
      for (const [index, name] of names.entries()) await proxies.#listenFor(name, names.slice(0, index));
    } catch (error) {
      await proxies.close();
      throw error;
    }
    proxies.setLatency(options.hasLatency);
    return proxies;
  }

  /** Listens in front of one more region. @param topology has it, and its links. */
  async add(region: string, topology: Topology): Promise<void> {
    const others = this.#topology.regions.map(({ name }) => name);
    this.#topology = topology;
    this.#directions.push(
      ...others.flatMap((other) => [healthyDirection(region, other), healthyDirection(other, region)]),
    );
    await this.#listenFor(region, others);
    this.setLatency(this.#hasLatency);
  }

  /** The port under which the other regions reach this one. */
  port(region: string): number {
    return this.#portOf(region);
  }

  /** The port at which one region's server is to dial another's, or itself. */
  routePort(dialler: string, acceptor: string): number {
    if (this.#options.isEncrypted !== true) return this.#portOf(acceptor);
    return dialler === acceptor
      ? this.#options.targetPort(acceptor)
      : this.#portOf(pairName(dialler, acceptor));
  }

  #portOf(name: string): number {
    const address = this.#proxies.get(name)?.listener.address();
    if (address === undefined || address === null || typeof address === "string") {
      throw new Error(`there is no link to ${name}`);
    }
    return address.port;
  }

  /**
   * Cuts a link: nothing arrives any more, and nobody is told. With `oneWay` only what `one` sends to `other` is held.
   * New connections are accepted and stay silent.
   */
  cut(one: string, other: string, options: { readonly oneWay?: boolean } = {}): void {
    this.impair(one, other, { isCut: true });
    if (options.oneWay !== true) {
      this.impair(other, one, { isCut: true });
    }
  }

  /**
   * Changes what is wrong with one direction of a link, on top of the topology's latency. Loss concerns the connections
   * that `from` has dialled; a longer delay concerns bytes that are still to come, a shorter one also those on their way.
   * @throws {Error} when there is no such link; {RangeError} for a latency, jitter or loss that no link can have.
   */
  impair(from: string, to: string, change: Partial<LinkFault>): void {
    const direction = this.#direction(from, to);
    const fault = { ...direction.fault, ...change };
    assertFault(fault);
    this.#change(direction, { fault });
    this.#updateAll();
  }

  /** Heals both directions of a link of all that `impair` and `cut` did; what was held is delivered now. */
  heal(one: string, other: string): void {
    this.impair(one, other, NO_FAULT);
    this.impair(other, one, NO_FAULT);
  }

  /** What is wrong with which directions now. */
  get faulty(): readonly FaultyDirection[] {
    return this.#directions
      .filter(({ fault }) => isFaulty(fault))
      .map(({ from, to, fault }) => ({ from, to, fault }));
  }

  /** Switches the topology's latency on or off for all links; bytes on their way keep the delay they started with. */
  setLatency(isOn: boolean): void {
    this.#hasLatency = isOn;
    for (const direction of this.#directions) {
      const { roundTripMs, jitterMs } = linkBetween(this.#topology, direction.from, direction.to);
      const latency = isOn ? { delayMs: roundTripMs / 2, jitterMs: jitterMs / 2 } : NO_LATENCY;
      this.#change(direction, { latency });
    }
  }

  /** How many connections that `dialler` made to `acceptor` are carried now. */
  connectionCount(dialler: string, acceptor: string): number {
    const proxies = [...this.#proxies.values()].filter((proxy) => proxy.acceptor === acceptor);
    const connections = proxies.flatMap((proxy) => [...proxy.connections]);
    return connections.filter((connection) => connection.isCarrying && connection.dialler === dialler).length;
  }

  /** Ends all connections and listeners; no timer is left. */
  async close(): Promise<void> {
    clearInterval(this.#lossTimer);
    await Promise.all(
      [...this.#proxies.values()].map(({ listener, connections }) => {
        const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
        for (const connection of connections) {
          connection.close();
        }
        return closed;
      }),
    );
  }

  async #listenFor(region: string, others: readonly string[]): Promise<void> {
    await this.#listen(region);
    if (this.#options.isEncrypted !== true) return;
    for (const other of others) {
      await this.#listen(region, other);
      await this.#listen(other, region);
    }
  }

  async #listen(acceptor: string, dialler?: string): Promise<void> {
    const connections = new Set<RouteConnection>();
    // Half-open, so that the end of one direction can travel at its own time.
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      const onClose = (connection: RouteConnection): unknown => connections.delete(connection);
      connections.add(this.#accept(near, { acceptor, dialler }, onClose));
    });
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen({ port: 0, host: LOOPBACK }, resolve);
    });
    const name = dialler === undefined ? acceptor : pairName(dialler, acceptor);
    this.#proxies.set(name, { acceptor, dialler, listener, connections });
  }

  #accept(
    near: Socket,
    { acceptor, dialler }: Pick<Proxy, "acceptor" | "dialler">,
    onClose: (connection: RouteConnection) => unknown,
  ): RouteConnection {
    const connection: RouteConnection = new RouteConnection({
      near,
      targetPort: () => this.#options.targetPort(acceptor),
      identify: (serverId, serverName) => this.#identify(acceptor, serverId, serverName),
      link: dialler === undefined ? undefined : this.#linkBetween(dialler, acceptor),
      onClose: () => onClose(connection),
      nowMs: this.#options.nowMs ?? (() => performance.now()),
      random: this.#options.random ?? Math.random,
    });
    return connection;
  }

  #identify(
    acceptor: string,
    serverId: string | undefined,
    serverName: string | undefined,
  ): LinkDirections | undefined {
    const dialler = serverName ?? this.#regionById.get(serverId ?? "");
    if (dialler === undefined) {
      return undefined;
    }
    if (serverId !== undefined) {
      this.#regionById.set(serverId, dialler);
    }
    return this.#linkBetween(dialler, acceptor);
  }

  #linkBetween(dialler: string, acceptor: string): LinkDirections | undefined {
    const forth = this.#directions.find(({ from, to }) => from === dialler && to === acceptor);
    const back = this.#directions.find(({ from, to }) => from === acceptor && to === dialler);
    // A server that dials itself finds that out by its own greeting, without a link.
    return forth === undefined || back === undefined
      ? undefined
      : {
          dialler,
          forth: conditionOf(forth),
          back: conditionOf(back),
          lossShare: () => forth.fault.lossShare,
        };
  }

  #direction(from: string, to: string): Direction {
    const direction = this.#directions.find((direction) => direction.from === from && direction.to === to);
    if (direction === undefined) {
      throw new Error(`there is no link from ${from} to ${to}`);
    }
    return direction;
  }

  #change(direction: Direction, change: Partial<Pick<Direction, "latency" | "fault">>): void {
    Object.assign(direction, change);
    direction.condition = conditionWith(direction.latency, direction.fault);
    this.#keepLossTimer();
  }

  /** A timer exists only while a link is lossy. */
  #keepLossTimer(): void {
    const isLossy = this.#directions.some(({ fault }) => fault.lossShare > 0);
    if (!isLossy) {
      clearInterval(this.#lossTimer);
      this.#lossTimer = undefined;
    } else if (this.#lossTimer === undefined) {
      const intervalMs = this.#options.lossIntervalMs ?? LOSS_INTERVAL_MS;
      this.#lossTimer = setInterval(() => this.#lose(), intervalMs);
    }
  }

  #lose(): void {
    for (const { connections } of this.#proxies.values()) {
      for (const connection of connections) {
        connection.resetByChance();
      }
    }
  }

  #updateAll(): void {
    for (const { connections } of this.#proxies.values()) {
      for (const connection of connections) {
        connection.update();
      }
    }
  }
}

function pairName(dialler: string, acceptor: string): string {
  return `${dialler}>${acceptor}`;
}

function healthyDirection(from: string, to: string): Direction {
  const condition = conditionWith(NO_LATENCY, NO_FAULT);
  return { from, to, latency: NO_LATENCY, fault: NO_FAULT, condition };
}

/** A view of the direction that follows its changes. */
function conditionOf(direction: Direction): LinkCondition {
  return {
    get isCut() {
      return direction.condition.isCut;
    },
    get delayMs() {
      return direction.condition.delayMs;
    },
    get jitterMs() {
      return direction.condition.jitterMs;
    },
    get spreadMs() {
      return direction.condition.spreadMs;
    },
  };
}
