/** One topic of announcements, as one process hears it: from every region, each process by itself. */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import type { AnnouncementHandler } from "../../ports/announcements.ts";
import type { Logger } from "../../runtime/logger.ts";
import { announcementsSubject, announcingRegion } from "./bus-message.ts";
import { describeError } from "./errors.ts";

export interface AnnouncementListenerOptions {
  readonly topic: string;
  readonly handler: AnnouncementHandler;
  readonly logger: Logger;
}

export class AnnouncementListener {
  readonly #options: AnnouncementListenerOptions;
  readonly #subject: string;
  #subscription: Subscription | undefined;
  #isEnded = false;

  constructor(options: AnnouncementListenerOptions) {
    this.#options = options;
    this.#subject = announcementsSubject(options.topic);
  }

  /** To be called once for a connection; the client subscribes again by itself after an interruption. */
  listen(client: NatsConnection): void {
    if (this.#isEnded) return;
    this.#subscription = client.subscribe(this.#subject, {
      callback: (error, message) => this.#arrive(error, message),
    });
  }

  end(): void {
    this.#isEnded = true;
    if (this.#subscription?.isClosed() === false) this.#subscription.unsubscribe();
  }

  /** Must not throw: the client would stop reading from the connection. */
  #arrive(error: Error | null, message: Msg): void {
    const { topic, handler, logger } = this.#options;
    if (error !== null) {
      logger.error({ topic, error: describeError(error) }, "announcements can't be subscribed to");
      return;
    }
    const region = announcingRegion(message.subject);
    if (this.#isEnded || region === undefined) return;
    try {
      handler(region, message.data);
    } catch (thrown) {
      logger.warn({ topic, region, error: describeError(thrown) }, "an announcement could not be handled");
    }
  }
}
