/**
 * One connection to the region's own nats-server: connect → stay connected → tell when it was interrupted.
 *
 * The client library buffers what is sent while it is not connected and may send it much later. Whoever needs to know
 * that nothing was sent therefore asks `isOpen` first.
 */
import { connect, errors, type NatsConnection, type Status } from "@nats-io/transport-node";
import type { Logger } from "../../runtime/logger.ts";
import { connectOptions, placeOf, type NatsAddress } from "./address.ts";
import { describeError, InterruptedError, NotConnectedError } from "./errors.ts";
import { pause, withinMs } from "./wait.ts";

const DIAL_TIMEOUT_MS = 5_000;
const DIAL_PAUSE_MS = 100;
/** An attempt on the region's own server costs little, and all that its clients wait for waits for it. */
const RECONNECT_WAIT_MS = 100;
const RECONNECT_JITTER_MS = 100;
const PING_INTERVAL_MS = 5_000;
const PINGS_UNANSWERED_MAX = 2;
/** Different ones, each in a line of the log. */
const REFUSALS_TOLD_MAX = 100;

/** With the address of the region's server. */
export interface ConnectionOptions extends NatsAddress {
  /** What the subjects of answers begin with (`inbox.ts`). */
  readonly inboxPrefix: string;
  /** Shown in the server's list of connections. */
  readonly name: string;
  readonly logger: Logger;
  readonly timeoutMs: number;
  /** Ends the attempts. */
  readonly stop?: AbortSignal;
}

/** What the server's permissions have refused. */
export interface Refusal {
  /** `publish` or `subscription`. */
  readonly operation: string;
  readonly subject: string;
}

export class Connection {
  readonly client: NatsConnection;
  readonly inboxPrefix: string;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #listeners = new Set<(reason: string) => void>();
  readonly #refusalListeners = new Set<(refusal: Refusal) => void>();
  /** What was refused since the connection was made, and told. */
  readonly #refusals = new Set<string>();
  /** Ends when the connection is closed. */
  readonly #watcher: Promise<void>;
  #isInterrupted = false;
  #isClosing = false;

  constructor(
    client: NatsConnection,
    { name, logger, inboxPrefix }: Pick<ConnectionOptions, "name" | "logger" | "inboxPrefix">,
  ) {
    this.client = client;
    this.inboxPrefix = inboxPrefix;
    this.#name = name;
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

  /**
   * Calls back once, at the next interruption of the connection, whether it heals or not.
   * @returns takes the registration back.
   */
  onInterrupted(listener: (reason: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls back at each refusal by the server's permissions, of whatever is sent or subscribed over this connection.
   * @returns takes the registration back.
   */
  onRefused(listener: (refusal: Refusal) => void): () => void {
    this.#refusalListeners.add(listener);
    return () => this.#refusalListeners.delete(listener);
  }

  /**
   * The answer to what was just sent. Answers don't survive an interruption, so waiting for one any longer is in vain.
   * @throws {InterruptedError} and whatever the answer rejects with.
   */
  async untilInterrupted<T>(answer: Promise<T>): Promise<T> {
    let forget = (): void => undefined;
    const interruption = new Promise<never>((_, reject) => {
      forget = this.onInterrupted((reason) => reject(new InterruptedError(reason)));
    });
    try {
      return await Promise.race([answer, interruption]);
    } finally {
      forget();
    }
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
    const connection = this.#name;
    switch (status.type) {
      case "disconnect":
        // Each failed attempt to connect again is reported as another disconnect.
        if (!this.#isInterrupted)
          this.#logger.warn(
            { connection, server: status.server },
            "the connection to the nats-server was lost",
          );
        this.#isInterrupted = true;
        this.#interrupt("the connection to the nats-server was lost");
        return;
      case "reconnect":
        if (this.#isInterrupted)
          this.#logger.info(
            { connection, server: status.server },
            "the connection to the nats-server is back",
          );
        this.#isInterrupted = false;
        this.#refusals.clear();
        return;
      case "close":
        if (!this.#isClosing)
          this.#logger.error({ connection }, "the connection to the nats-server is closed for good");
        return;
      case "error":
        if (status.error instanceof errors.PermissionViolationError) return this.#refuse(status.error);
        this.#logger.warn(
          { connection, error: describeError(status.error) },
          "the nats-server reports an error",
        );
        return;
      case "staleConnection":
      case "ldm":
        this.#logger.warn(
          { connection, status: status.type },
          "the connection to the nats-server is about to end",
        );
        return;
      default:
        this.#logger.debug({ connection, status: status.type }, "nats-server connection");
    }
  }

  #refuse({ operation, subject }: Refusal): void {
    const connection = this.#name;
    const about = { connection, operation, subject };
    // Once: what is announced every second is refused every second.
    const isNew = !this.#refusals.has(`${operation} ${subject}`) && this.#refusals.size < REFUSALS_TOLD_MAX;
    if (isNew) {
      this.#refusals.add(`${operation} ${subject}`);
      this.#logger.error(about, "the nats-server refuses it: this process's user has no permission for it");
    }
    for (const listener of this.#refusalListeners) listener({ operation, subject });
  }

  #interrupt(reason: string): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener(reason);
  }
}

/**
 * Connects, and tries again until the deadline: the server may still be starting.
 * @throws {NotConnectedError} when there is no connection within the time, or by the time it was told to stop.
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    try {
      return new Connection(await dial(options, deadlineMs - performance.now()), options);
    } catch (error) {
      if (options.stop?.aborted === true || performance.now() + DIAL_PAUSE_MS >= deadlineMs) {
        throw new NotConnectedError(
          `no connection to ${placeOf(options)} within ${options.timeoutMs} ms: ${describeError(error)}`,
          { cause: error },
        );
      }
      await pause(DIAL_PAUSE_MS);
    }
  }
}

function dial(options: ConnectionOptions, remainingMs: number): Promise<NatsConnection> {
  return connect({
    ...connectOptions(options, (error) =>
      options.logger.error(
        { connection: options.name, error: describeError(error) },
        "the credentials can't be read; the last ones are used",
      ),
    ),
    name: options.name,
    inboxPrefix: options.inboxPrefix,
    timeout: Math.max(1, Math.min(DIAL_TIMEOUT_MS, remainingMs)),
    // A region reads and writes through its own server; another region's would hide that it is down.
    ignoreClusterUpdates: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    // Credentials that are being changed must not end the connection for good.
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_UNANSWERED_MAX,
    // Stack traces for each request cost more than the request.
    noAsyncTraces: true,
  });
}
