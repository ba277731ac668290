/**
 * One keep-alive connection with one request on its way at a time, and the bounded set of them to one address.
 *
 * All are made beforehand where the load is to be measured: a Node server accepts one connection in each turn of its event
 * loop (libuv since 1.45), so a client that opens more just when the server is slow waits for that, and not for its request.
 */
import { connect, type Socket } from "node:net";
import { completeAnswer, type HttpAnswer } from "./answer.ts";

/** How a request ended on a connection: with an answer, or with the reason why there will be none. */
export type Ending =
  | { readonly answer: HttpAnswer }
  /** `isSent` false: the connection was never made, so the server has seen nothing. */
  | { readonly reason: string; readonly isSent: boolean };

interface Exchange {
  readonly giveUpAtMs: number;
  readonly end: (ending: Ending) => void;
}

/** Shorter than servers keep idle connections, Forebay and etcd a minute at least: one that ends must not get a request. */
const IDLE_MS_MAX = 30_000;

class HttpConnection {
  /** Resolves when it is made, or can't be. */
  readonly isMade: Promise<void>;
  readonly #socket: Socket;
  readonly #idle: (connection: HttpConnection) => void;
  #isConnected = false;
  #received = "";
  #exchange: Exchange | undefined;
  idleSinceMs = 0;

  constructor(
    address: { readonly host: string; readonly port: number },
    listeners: {
      idle: (connection: HttpConnection) => void;
      closed: (connection: HttpConnection) => void;
    },
  ) {
    this.#idle = listeners.idle;
    this.#socket = connect(address);
    this.#socket.setNoDelay(true);
    this.isMade = new Promise((resolve) => {
      this.#socket.once("connect", resolve);
      this.#socket.once("close", () => resolve());
    });
    this.#socket.on("connect", () => {
      this.#isConnected = true;
      if (this.#exchange === undefined) this.#idle(this);
    });
    this.#socket.on("data", (chunk) => this.#take(chunk));
    let reason = "connection closed";
    this.#socket.on("error", (error: NodeJS.ErrnoException) => (reason = error.code ?? "connection failed"));
    this.#socket.on("close", () => {
      listeners.closed(this);
      this.#end({ reason, isSent: this.#isConnected });
    });
  }

  send(data: Buffer, exchange: Exchange): void {
    this.#exchange = exchange;
    this.#socket.write(data);
  }

  giveUpWhenLate(nowMs: number): void {
    if (this.#exchange === undefined || nowMs < this.#exchange.giveUpAtMs) return;
    this.#end({ reason: "timeout", isSent: this.#isConnected });
    this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.toString("latin1");
    const answer = completeAnswer(this.#received);
    if (answer === undefined) return;
    this.#received = "";
    if (answer.isLast) this.destroy();
    else this.#idle(this);
    this.#end({ answer });
  }

  #end(ending: Ending): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.end(ending);
  }
}

export class ConnectionPool {
  readonly #address: { readonly host: string; readonly port: number };
  readonly #connectionsMax: number;
  readonly #now: () => number;
  readonly #all = new Set<HttpConnection>();
  readonly #idle: HttpConnection[] = [];
  #isClosed = false;

  constructor(url: string, options: { readonly connectionsMax: number; readonly now: () => number }) {
    const { hostname, port } = new URL(url);
    this.#address = { host: hostname, port: Number(port) };
    this.#connectionsMax = options.connectionsMax;
    this.#now = options.now;
  }

  get hasRoom(): boolean {
    return this.#idle.length > 0 || this.#all.size < this.#connectionsMax;
  }

  /** Makes all connections that there may be, and resolves when they are made or have failed. */
  async warm(): Promise<void> {
    const made: Promise<void>[] = [];
    while (this.#all.size < this.#connectionsMax) made.push(this.#open().isMade);
    await Promise.all(made);
  }

  /** Sends on the connection that was idle longest, so that all are kept warm. Only while there is room. */
  send(data: Buffer, exchange: Exchange): void {
    (this.#idle.shift() ?? this.#open()).send(data, exchange);
  }

  /** To be called every now and then: ends what is late, and what has been idle for long. */
  sweep(): void {
    const nowMs = this.#now();
    for (const connection of this.#all) connection.giveUpWhenLate(nowMs);
    while (this.#idle.length > 0 && nowMs - this.#idle[0]!.idleSinceMs > IDLE_MS_MAX) {
      this.#idle.shift()!.destroy();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#all) connection.destroy();
  }

  #open(): HttpConnection {
    const connection = new HttpConnection(this.#address, {
      idle: (idle) => {
        if (this.#isClosed) return idle.destroy();
        idle.idleSinceMs = this.#now();
        this.#idle.push(idle);
      },
      closed: (closed) => {
        this.#all.delete(closed);
        const place = this.#idle.indexOf(closed);
        if (place !== -1) this.#idle.splice(place, 1);
      },
    });
    this.#all.add(connection);
    return connection;
  }
}
