/** One service of the bus, as one process serves it: a request arrives → there is room → it is handled → its answer. */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { HANDLED_MAX, PAYLOAD_BYTES_MAX, type BusHandler } from "../../ports/bus.ts";
import type { Logger } from "../../runtime/logger.ts";
import { statusHeaders, subjectOf, type Status } from "./bus-message.ts";
import { describeError } from "./errors.ts";
import { isInbox } from "./inbox.ts";

/** Processes that subscribe with the same name share the requests. */
const QUEUE = "region";

export interface BusServiceOptions {
  readonly region: string;
  readonly service: string;
  readonly handler: BusHandler;
  readonly logger: Logger;
}

export class BusService {
  readonly #options: BusServiceOptions;
  readonly #subject: string;
  readonly #handling = new Set<Promise<void>>();
  #subscription: Subscription | undefined;
  #isEnded = false;

  constructor(options: BusServiceOptions) {
    this.#options = options;
    this.#subject = subjectOf(options.region, options.service);
  }

  /** To be called once for a connection; the client subscribes again by itself after an interruption. */
  listen(client: NatsConnection): void {
    if (this.#isEnded) return;
    this.#subscription = client.subscribe(this.#subject, {
      queue: QUEUE,
      callback: (error, message) => this.#arrive(error, message),
    });
  }

  /** Handles nothing more, and resolves once what is at hand is answered. Never rejects. */
  async end(): Promise<void> {
    this.#isEnded = true;
    // What the server has sent before it learns of this still arrives, and is refused: the requester need not wait.
    const drained = this.#subscription?.drain();
    await Promise.allSettled([drained, ...this.#handling]);
  }

  /** Must not throw: the client would stop reading from the connection. */
  #arrive(error: Error | null, message: Msg): void {
    const { service, logger } = this.#options;
    if (error !== null) {
      logger.error({ service, error: describeError(error) }, "a service of the bus can't be subscribed to");
    } else if (message.reply === undefined || !isInbox(message.reply)) {
      logger.debug(
        { service, reply: message.reply },
        "a message came on the bus that no inbox waits for an answer to",
      );
    } else if (this.#isEnded || this.#handling.size >= HANDLED_MAX || isTooLarge(message.data)) {
      this.#answer(message, { status: "refused" });
    } else {
      this.#begin(message);
    }
  }

  #begin(message: Msg): void {
    const handling = this.#handle(message).finally(() => this.#handling.delete(handling));
    this.#handling.add(handling);
  }

  /** Never rejects. */
  async #handle(message: Msg): Promise<void> {
    const { service, handler, logger } = this.#options;
    try {
      const data = await handler(message.data);
      if (isTooLarge(data)) {
        throw new Error(`an answer of ${data.byteLength} bytes is more than ${PAYLOAD_BYTES_MAX}`);
      }
      this.#answer(message, { status: "ok", data });
    } catch (error) {
      logger.warn({ service, error: describeError(error) }, "a request of the bus could not be handled");
      this.#answer(message, { status: "failed" });
    }
  }

  /** Best effort: an answer that can't be sent leaves the requester with an outcome unknown. */
  #answer(message: Msg, { status, data }: { status: Status; data?: Uint8Array }): void {
    const { service, logger } = this.#options;
    try {
      message.respond(data, { headers: statusHeaders(status) });
    } catch (error) {
      logger.debug({ service, status, error: describeError(error) }, "an answer of the bus was not sent");
    }
  }
}

function isTooLarge(data: Uint8Array): boolean {
  return data.byteLength > PAYLOAD_BYTES_MAX;
}
