/**
 * The bus on core NATS: requests with their replies, and announcements. Nothing of it is stored. A process holds it before
 * it is connected.
 */
import {
  ANNOUNCEMENT_BYTES_MAX,
  type AnnouncementHandler,
  type Announcements,
} from "../../ports/announcements.ts";
import { BusUnavailableError, type Bus, type BusHandler, type BusRequest } from "../../ports/bus.ts";
import type { Clock, Random } from "../../ports/clock.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { NatsAddress } from "./address.ts";
import { AnnouncementListener } from "./announcement-listener.ts";
import { announcementSubject } from "./bus-message.ts";
import { ask } from "./bus-request.ts";
import { BusService } from "./bus-service.ts";
import { openConnection, type Connection } from "./connection.ts";
import { describeError } from "./errors.ts";
import { inboxPrefixOf } from "./inbox.ts";
import { withinMs } from "./wait.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 3_000;
const RETRY_BASE_MS = 250;
const RETRY_MAX_MS = 5_000;

/** With the address of the region's own nats-server. */
export interface NatsBusOptions extends NatsAddress {
  /** The region that this process answers for. */
  readonly region: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Name of the connection, for the server's lists. */
  readonly name?: string;
}

export class NatsBus implements Bus, Announcements {
  readonly #options: NatsBusOptions;
  /** Those that have ended stay until their last request is answered. */
  readonly #services = new Set<BusService>();
  readonly #listeners = new Set<AnnouncementListener>();
  #connection: Connection | undefined;
  #isClosed = false;

  constructor(options: NatsBusOptions) {
    this.#options = options;
  }

  /** Whether the region's own server is connected; says nothing of the others. */
  get isConnected(): boolean {
    return this.#connection?.isOpen ?? false;
  }

  /** Connects, and tries again until it has worked or `stop` is aborted. To be called once. */
  async connect(stop: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options;
    for (let attempt = 0; !stop.aborted && !this.#isClosed; attempt += 1) {
      try {
        return await this.#open(stop);
      } catch (error) {
        if (stop.aborted) return;
        logger.warn({ attempt, error: describeError(error) }, "the bus can't be connected; trying again");
        const delayMs = backoffMs({ attempt, baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random });
        await clock.sleep(delayMs, stop);
      }
    }
  }

  async request(request: BusRequest): Promise<Uint8Array> {
    if (this.#isClosed) throw new BusUnavailableError("the bus is closed");
    if (this.#connection === undefined) throw new BusUnavailableError("the bus is not connected yet");
    return await ask(this.#connection, request);
  }

  serve(service: string, handler: BusHandler): () => void {
    const { region, logger } = this.#options;
    const served = new BusService({ region, service, handler, logger });
    this.#services.add(served);
    if (this.#connection !== undefined && !this.#isClosed) served.listen(this.#connection.client);
    return () => void served.end().then(() => this.#services.delete(served));
  }

  announce(topic: string, data: Uint8Array): boolean {
    const { region, logger } = this.#options;
    const subject = announcementSubject(region, topic);
    // What is sent while the connection is interrupted would be kept, and heard at any later time.
    if (this.#isClosed || this.#connection?.isOpen !== true) return false;
    if (data.byteLength > ANNOUNCEMENT_BYTES_MAX) {
      logger.warn({ topic, bytes: data.byteLength }, "an announcement is too large, and is not sent");
      return false;
    }
    try {
      this.#connection.client.publish(subject, data);
      return true;
    } catch (error) {
      logger.debug({ topic, error: describeError(error) }, "an announcement was not sent");
      return false;
    }
  }

  listen(topic: string, handler: AnnouncementHandler): () => void {
    const listener = new AnnouncementListener({ topic, handler, logger: this.#options.logger });
    this.#listeners.add(listener);
    if (this.#connection !== undefined && !this.#isClosed) listener.listen(this.#connection.client);
    return () => {
      listener.end();
      this.#listeners.delete(listener);
    };
  }

  /** Ends what is served, lets requests at hand finish within a deadline, and closes the connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const listener of this.#listeners) listener.end();
    const ended = [...this.#services].map((served) => served.end());
    await withinMs(Promise.all(ended), CLOSE_TIMEOUT_MS);
    await this.#connection?.close(CLOSE_TIMEOUT_MS);
  }

  async #open(stop: AbortSignal): Promise<void> {
    const { url, credentialsFile, tls, region, name = `forebay-${region}-bus`, logger } = this.#options;
    const connection = await openConnection({
      url,
      credentialsFile,
      tls,
      name,
      inboxPrefix: inboxPrefixOf(region),
      timeoutMs: CONNECT_TIMEOUT_MS,
      stop,
      logger,
    });
    // The process may have been told to stop in the meantime.
    if (this.#isClosed) return await connection.close(CLOSE_TIMEOUT_MS);
    this.#connection = connection;
    for (const served of this.#services) served.listen(connection.client);
    for (const listener of this.#listeners) listener.listen(connection.client);
  }
}
