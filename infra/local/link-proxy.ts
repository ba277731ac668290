/** The links between regions: one TCP proxy in front of each region's cluster port, which delays, cuts and heals. */
import { createServer, type Server, type Socket } from "node:net";
import { linkBetween, type Topology } from "../../services/runtime/topology.ts";
import type { LinkCondition } from "./delayed-pipe.ts";
import { LOOPBACK } from "./ports.ts";
import { RouteConnection, type LinkDirections } from "./route-connection.ts";

export interface LinkProxyOptions {
  readonly topology: Topology;
  /** The port of the loopback interface on which a region's server takes its routes. */
  readonly targetPort: (region: string) => number;
  /** Whether the links have the topology's latency from the start. */
  readonly hasLatency: boolean;
  readonly nowMs?: () => number;
  readonly random?: () => number;
}

interface Direction {
  readonly from: string;
  readonly to: string;
  condition: LinkCondition;
}

interface Proxy {
  readonly acceptor: string;
  readonly listener: Server;
  readonly connections: Set<RouteConnection>;
}

export class LinkProxies {
  readonly #options: LinkProxyOptions;
  readonly #directions: readonly Direction[];
  readonly #proxies = new Map<string, Proxy>();
  /** Region by server id: a server that is known by it need not be let through to name itself. */
  readonly #regionById = new Map<string, string>();

  private constructor(options: LinkProxyOptions) {
    const names = options.topology.regions.map((region) => region.name);
    this.#options = options;
    this.#directions = names.flatMap((from) =>
      names
        .filter((to) => to !== from)
        .map((to) => ({ from, to, condition: { isCut: false, delayMs: 0, jitterMs: 0 } })),
    );
  }

  /** Listens in front of every region of the topology, on ports that the system chooses. */
  static async open(options: LinkProxyOptions): Promise<LinkProxies> {
    const proxies = new LinkProxies(options);
    try {
      for (const region of options.topology.regions) {
        await proxies.#listen(region.name);
      }
    } catch (error) {
      await proxies.close();
      throw error;
    }
    proxies.setLatency(options.hasLatency);
    return proxies;
  }

  /** The port under which the other regions reach this one. */
  port(region: string): number {
    const address = this.#proxies.get(region)?.listener.address();
    if (address === undefined || address === null || typeof address === "string") {
      throw new Error(`there is no link to ${region}`);
    }
    return address.port;
  }

  /**
   * Cuts a link: nothing arrives any more, and nobody is told. With `oneWay` only what `one` sends to `other` is held.
   * New connections are accepted and stay silent.
   */
  cut(one: string, other: string, options: { readonly oneWay?: boolean } = {}): void {
    this.#change(this.#direction(one, other), { isCut: true });
    if (options.oneWay !== true) {
      this.#change(this.#direction(other, one), { isCut: true });
    }
  }

  /** Heals both directions of a link; what was held is delivered now. */
  heal(one: string, other: string): void {
    this.#change(this.#direction(one, other), { isCut: false });
    this.#change(this.#direction(other, one), { isCut: false });
    this.#updateAll();
  }

  /** Switches the topology's latency on or off for all links; bytes on their way keep the delay they started with. */
  setLatency(isOn: boolean): void {
    for (const direction of this.#directions) {
      const { roundTripMs, jitterMs } = linkBetween(this.#options.topology, direction.from, direction.to);
      this.#change(direction, { delayMs: isOn ? roundTripMs / 2 : 0, jitterMs: isOn ? jitterMs / 2 : 0 });
    }
  }

  /** How many connections that `dialler` made to `acceptor` are carried now. */
  connectionCount(dialler: string, acceptor: string): number {
    const connections = [...(this.#proxies.get(acceptor)?.connections ?? [])];
    return connections.filter((connection) => connection.isCarrying && connection.dialler === dialler).length;
  }

  /** Ends all connections and listeners; no timer is left. */
  async close(): Promise<void> {
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

  async #listen(acceptor: string): Promise<void> {
    const connections = new Set<RouteConnection>();
    // Half-open, so that the end of one direction can travel at its own time.
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      connections.add(this.#accept(near, acceptor, (connection) => connections.delete(connection)));
    });
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen({ port: 0, host: LOOPBACK }, resolve);
    });
    this.#proxies.set(acceptor, { acceptor, listener, connections });
  }

  #accept(near: Socket, acceptor: string, onClose: (connection: RouteConnection) => void): RouteConnection {
    const connection: RouteConnection = new RouteConnection({
      near,
      targetPort: () => this.#options.targetPort(acceptor),
      identify: (serverId, serverName) => this.#identify(acceptor, serverId, serverName),
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
    const forth = this.#directions.find(({ from, to }) => from === dialler && to === acceptor);
    const back = this.#directions.find(({ from, to }) => from === acceptor && to === dialler);
    // A server that dials itself finds that out by its own greeting, without a link.
    return forth === undefined || back === undefined
      ? undefined
      : { dialler, forth: conditionOf(forth), back: conditionOf(back) };
  }

  #direction(from: string, to: string): Direction {
    const direction = this.#directions.find((direction) => direction.from === from && direction.to === to);
    if (direction === undefined) {
      throw new Error(`there is no link from ${from} to ${to}`);
    }
    return direction;
  }

  #change(direction: Direction, change: Partial<LinkCondition>): void {
    direction.condition = { ...direction.condition, ...change };
  }

  #updateAll(): void {
    for (const { connections } of this.#proxies.values()) {
      for (const connection of connections) {
        connection.update();
      }
    }
  }
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
  };
}
