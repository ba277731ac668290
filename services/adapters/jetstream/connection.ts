/**
 * One connection to the region's own nats-server: connect → stay connected → tell when it was interrupted.
 *
 * The client library buffers what is sent while it is not connected and may send it much later. Whoever needs to know
 * that nothing was sent therefore asks `isOpen` first.
 */
import { connect, type NatsConnection, type Status } from "@nats-io/transport-node";
import { LogUnavailableError } from "../../ports/global-log.ts";
import type { Logger } from "../../runtime/logger.ts";
import { describeError } from "./errors.ts";
import { pause, withinMs } from "./wait.ts";

const DIAL_TIMEOUT_MS = 5_000;
const DIAL_PAUSE_MS = 100;
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 250;
const PING_INTERVAL_MS = 5_000;
const PINGS_UNANSWERED_MAX = 2;

export interface ConnectionOptions {
  /** Address of the region's server, such as `nats://127.0.0.1:4222`. */
  readonly url: string;
  /** Shown in the server's list of connections. */
  readonly name: string;
  readonly logger: Logger;
  readonly timeoutMs: number;
}

export class Connection {
  readonly client: NatsConnection;
  readonly #logger: Logger;
  readonly #listeners = new Set<(reason: string) => void>();
  /** Ends when the connection is closed. */
  readonly #watcher: Promise<void>;
  #isInterrupted = false;
  #isClosing = false;

  constructor(client: NatsConnection, logger: Logger) {
    this.client = client;
    this.#logger = logger;
    this.#watcher = this.#watch();
  }

  /** Whether what is sent now goes to the server at once. */
  get isOpen(): boolean {
    return !this.#isInterrupted && !this.#isClosing && !this.client.isClosed();
  }

  /** Name of the connected server; the last one's while the connection is interrupted. */
  get serverName(): string | undefined {
    return this.client.info?.server_name;
  }

  /** @throws {LogUnavailableError} when the connection is not open: nothing can have been sent. */
  assertOpen(): void {
    if (!this.isOpen) throw new LogUnavailableError("the region's nats-server is not connected");
  }

  /**
   * Calls back once, at the next interruption of the connection, whether it heals or not.
   * @returns takes the registration back.
   */
  onInterrupted(listener: (reason: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes at once; waits at most for the time until it is done. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosing = true;
    await withinMs(Promise.all([this.client.close(), this.#watcher]), timeoutMs);
    this.#interrupt("the connection was closed");
  }

  async #watch(): Promise<void> {
    for await (const status of this.client.status()) this.#handle(status);
  }

  #handle(status: Status): void {
    switch (status.type) {
      case "disconnect":
        // Each failed attempt to connect again is reported as another disconnect.
        if (!this.#isInterrupted) this.#logger.warn({ server: status.server }, "the log connection was lost");
        this.#isInterrupted = true;
        this.#interrupt("the connection to the nats-server was lost");
        return;
      case "reconnect":
        if (this.#isInterrupted) this.#logger.info({ server: status.server }, "the log connection is back");
        this.#isInterrupted = false;
        return;
      case "close":
        if (!this.#isClosing) this.#logger.error({}, "the log connection is closed for good");
        return;
      case "error":
        this.#logger.warn({ error: describeError(status.error) }, "the nats-server reports an error");
        return;
      case "staleConnection":
      case "ldm":
        this.#logger.warn({ status: status.type }, "the log connection is about to end");
        return;
      default:
        this.#logger.debug({ status: status.type }, "log connection");
    }
  }

  #interrupt(reason: string): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener(reason);
  }
}

/**
 * Connects, and tries again until the deadline: the server may still be starting.
 * @throws {LogUnavailableError} when there is no connection within the time.
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    try {
      return new Connection(await dial(options, deadlineMs - performance.now()), options.logger);
    } catch (error) {
      if (performance.now() + DIAL_PAUSE_MS >= deadlineMs) {
        throw new LogUnavailableError(
          `no connection to ${options.url} within ${options.timeoutMs} ms: ${describeError(error)}`,
          { cause: error },
        );
      }
      await pause(DIAL_PAUSE_MS);
    }
  }
}

function dial(options: ConnectionOptions, remainingMs: number): Promise<NatsConnection> {
  return connect({
    servers: options.url,
    name: options.name,
    timeout: Math.max(1, Math.min(DIAL_TIMEOUT_MS, remainingMs)),
    // A region reads and writes through its own server; another region's would hide that it is down.
    ignoreClusterUpdates: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    // Credentials that are being changed must not end the connection for good.
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_UNANSWERED_MAX,
    // Stack traces for each request cost more than the request.
    noAsyncTraces: true,
  });
}
