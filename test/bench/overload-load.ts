/**
 * Load for `bench overload`, closed or open loop, over a bounded number of connections, with a count of what was
 * acknowledged per key. Runs as a worker thread, so that it waits for nobody but the server.
 *
 * Open loop: requests arrive at a rate, whatever the server does. One that finds no free connection waits; a connection
 * that gets free goes to any of those, since clients know nothing of each other. Who has waited too long goes away.
 */
import { connect, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

export interface OverloadOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** Arrivals per second; closed loop without it. */
  readonly rate?: number;
  /** How long a client waits, its wait for a connection included. */
  readonly patienceMs: number;
  /** Every one is a PATCH that adds 1 to `field` of one of the keys. */
  readonly collection: string;
  readonly field: string;
  readonly keys: readonly string[];
}

export interface OverloadResult {
  readonly seconds: number;
  readonly arrived: number;
  /** Went away before there was a connection. */
  readonly unserved: number;
  /** Answered 2xx, and those of them within the client's patience. */
  readonly accepted: number;
  readonly acceptedInTime: number;
  /** By status, and by the problem's reason or type. */
  readonly refused: Readonly<Record<string, number>>;
  /** Sent and never answered, or answered 504. */
  readonly unknown: number;
  /** From sending to the answer. */
  readonly acceptedP50Ms: number;
  readonly acceptedP99Ms: number;
  readonly refusedP50Ms: number;
  /** By key. */
  readonly acknowledgedByKey: readonly number[];
  readonly unknownByKey: readonly number[];
}

interface Connection {
  socket: Socket;
  /** Index of the key that is being written, while a request is on its way. */
  key: number;
  isBusy: boolean;
  /** Called with the answer to the first request, which only proves that the server has taken the connection. */
  onGreeted: (() => void) | undefined;
  arrivedAtMs: number;
  sentAtMs: number;
  received: string;
}

const HEADER_END = "\r\n\r\n";
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)\r\n/i;
const REASON = /"(?:reason|type)":"(?:urn:forebay:problem:)?([^"]+)"/;
const CLOSES = /\r\nconnection: close\r\n/i;
const TICK_MS = 1;
const SWEEP_MS = 100;
/** For answers that are still on their way when the time is over. */
const LAST_ANSWERS_MS = 5_000;
const RECONNECT_MS = 20;

class OverloadRun {
  readonly #options: OverloadOptions;
  readonly #texts: readonly Buffer[];
  readonly #greeting: Buffer;
  readonly #free: Connection[] = [];
  readonly #acceptedMs: number[] = [];
  readonly #refusedMs: number[] = [];
  readonly #refused: Record<string, number> = {};
  readonly #acknowledged: number[];
  readonly #unknownByKey: number[];
  #waiting: number[] = [];
  #next = 0;
  #arrived = 0;
  #unserved = 0;
  #acceptedInTime = 0;
  #busy = 0;
  #isOver = false;

  constructor(options: OverloadOptions) {
    this.#options = options;
    this.#acknowledged = options.keys.map(() => 0);
    this.#unknownByKey = options.keys.map(() => 0);
    const { host } = new URL(options.url);
    this.#greeting = Buffer.from(`GET /livez HTTP/1.1\r\nHost: ${host}${HEADER_END}`);
    this.#texts = options.keys.map((key) => requestText(options, host, key));
  }

  async run(): Promise<OverloadResult> {
    const connections = await Promise.all(
      Array.from({ length: this.#options.connections }, () => this.#open()),
    );
    const startedAtMs = performance.now();
    this.#free.push(...connections);
    if (this.#options.rate === undefined) while (this.#free.length > 0) this.#send(performance.now());
    await this.#arrivals(startedAtMs);
    this.#isOver = true;
    this.#unserved += this.#waiting.length;
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const untilMs = performance.now() + LAST_ANSWERS_MS;
    while (this.#busy > 0 && performance.now() < untilMs) await pause(TICK_MS * 10);
    for (const connection of connections) {
      if (connection.isBusy) this.#lost(connection);
      connection.socket.destroy();
    }
    return this.#result(seconds);
  }

  async #arrivals(startedAtMs: number): Promise<void> {
    const { rate, seconds } = this.#options;
    let sweptAtMs = startedAtMs;
    for (let nowMs = startedAtMs; nowMs < startedAtMs + seconds * 1_000; nowMs = performance.now()) {
      if (rate !== undefined) {
        const due = Math.floor(((nowMs - startedAtMs) / 1_000) * rate);
        for (; this.#arrived < due; this.#arrived += 1) {
          if (this.#free.length > 0) this.#send(nowMs);
          else this.#waiting.push(nowMs);
        }
        if (nowMs - sweptAtMs > SWEEP_MS) {
          sweptAtMs = nowMs;
          this.#sweep(nowMs);
        }
      }
      await pause(TICK_MS);
    }
  }

  #sweep(nowMs: number): void {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((atMs) => nowMs - atMs < this.#options.patienceMs);
    this.#unserved += before - this.#waiting.length;
  }

  #open(): Promise<Connection> {
    return new Promise((resolve) => {
      const connection: Connection = {
        socket: undefined as never,
        key: 0,
        isBusy: false,
        onGreeted: () => resolve(connection),
        arrivedAtMs: 0,
        sentAtMs: 0,
        received: "",
      };
      this.#dial(connection);
    });
  }

  /** Node takes one new connection per turn of its loop: one that is merely open may wait for long. */
  #dial(connection: Connection): void {
    const { hostname, port } = new URL(this.#options.url);
    const socket = connect({ host: hostname, port: Number(port) });
    connection.socket = socket;
    socket.setNoDelay(true);
    socket.on("connect", () => socket.write(this.#greeting));
    socket.on("data", (chunk) => this.#receive(connection, chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (connection.isBusy) this.#lost(connection);
      const place = this.#free.indexOf(connection);
      if (place !== -1) this.#free.splice(place, 1);
      if (this.#isOver) return;
      connection.onGreeted = () => this.#release(connection);
      setTimeout(() => this.#dial(connection), RECONNECT_MS);
    });
  }

  #lost(connection: Connection): void {
    connection.isBusy = false;
    connection.received = "";
    this.#busy -= 1;
    this.#unknownByKey[connection.key]! += 1;
  }

  #send(arrivedAtMs: number): void {
    const connection = this.#free.pop()!;
    connection.key = this.#next++ % this.#texts.length;
    connection.arrivedAtMs = arrivedAtMs;
    connection.sentAtMs = performance.now();
    connection.isBusy = true;
    this.#busy += 1;
    connection.socket.write(this.#texts[connection.key]!);
  }

  #receive(connection: Connection, chunk: Buffer): void {
    connection.received += chunk.toString("latin1");
    const text = connection.received;
    const headerEnd = text.indexOf(HEADER_END);
    if (headerEnd === -1) return;
    const length = Number(CONTENT_LENGTH.exec(text)?.[1] ?? Number.NaN);
    if (!(text.length >= headerEnd + HEADER_END.length + length)) return;
    connection.received = "";
    const { onGreeted } = connection;
    connection.onGreeted = undefined;
    if (onGreeted !== undefined) return onGreeted();
    connection.isBusy = false;
    this.#busy -= 1;
    this.#answered(connection, Number(text.slice(9, 12)), text);
    if (CLOSES.test(text.slice(0, headerEnd + 2))) connection.socket.destroy();
    else this.#release(connection);
  }

  #answered(connection: Connection, status: number, text: string): void {
    const nowMs = performance.now();
    if (status >= 200 && status < 300) {
      this.#acknowledged[connection.key]! += 1;
      this.#acceptedMs.push(nowMs - connection.sentAtMs);
      if (nowMs - connection.arrivedAtMs <= this.#options.patienceMs) this.#acceptedInTime += 1;
      return;
    }
    this.#refusedMs.push(nowMs - connection.sentAtMs);
    const name = `${status} ${REASON.exec(text.slice(text.lastIndexOf('"reason"')))?.[1] ?? REASON.exec(text)?.[1] ?? ""}`;
    this.#refused[name] = (this.#refused[name] ?? 0) + 1;
    if (status === 504) this.#unknownByKey[connection.key]! += 1;
  }

  #release(connection: Connection): void {
    this.#free.push(connection);
    if (this.#isOver) return;
    const nowMs = performance.now();
    if (this.#options.rate === undefined) return this.#send(nowMs);
    while (this.#waiting.length > 0) {
      const place = Math.floor(Math.random() * this.#waiting.length);
      const arrivedAtMs = this.#waiting[place]!;
      const last = this.#waiting.pop()!;
      if (place < this.#waiting.length) this.#waiting[place] = last;
      if (nowMs - arrivedAtMs < this.#options.patienceMs) return this.#send(arrivedAtMs);
      this.#unserved += 1;
    }
  }

  #result(seconds: number): OverloadResult {
    const accepted = this.#acceptedMs.toSorted((one, other) => one - other);
    const refused = this.#refusedMs.toSorted((one, other) => one - other);
    return {
      seconds,
      arrived: this.#arrived,
      unserved: this.#unserved,
      accepted: accepted.length,
      acceptedInTime: this.#acceptedInTime,
      refused: this.#refused,
      unknown: this.#unknownByKey.reduce((sum, count) => sum + count, 0),
      acceptedP50Ms: quantile(accepted, 0.5),
      acceptedP99Ms: quantile(accepted, 0.99),
      refusedP50Ms: quantile(refused, 0.5),
      acknowledgedByKey: this.#acknowledged,
      unknownByKey: this.#unknownByKey,
    };
  }
}

function requestText(options: OverloadOptions, host: string, key: string): Buffer {
  const body = JSON.stringify({ inc: { [options.field]: 1 }, set: { name: "Ada Lovelace" } });
  const lines = [
    `PATCH /v1/collections/${options.collection}/records/${key} HTTP/1.1`,
    `Host: ${host}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}${HEADER_END}${body}`);
}

/** @param sorted in rising order. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

if (parentPort !== null) {
  parentPort.postMessage(await new OverloadRun(workerData as OverloadOptions).run());
}
