/**
 * Reading a partition on: ask the consumer for as much as fits → put in order → hand out.
 *
 * One request at a time is open at the server; messages stream in as they are stored, so a batch need not fill. While a
 * request is open the server sends a message or a heartbeat every second. The subscription never repairs itself: any
 * doubt ends it, and the reader subscribes anew from where it is.
 */
import { createInbox, type Msg, type Subscription } from "@nats-io/transport-node";
import { assert } from "../../core/assert.ts";
import {
  LogGapError,
  SubscriptionLostError,
  type LogMessage,
  type LogSubscription,
} from "../../ports/global-log.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Connection } from "../nats/connection.ts";
import { describeError } from "../nats/errors.ts";
import type { JetStreamApi } from "./api.ts";
import { deleteConsumer, type PlacedConsumer } from "./consumer.ts";
import { parseDelivery } from "./delivery.ts";
import { Intake } from "./intake.ts";
import { StallDetector } from "./stall.ts";
import { publisherOf, streamName } from "./stream-config.ts";

const BUFFER_MESSAGES_MAX = 8_192;
const BUFFER_BYTES_MAX = 8 * 1024 * 1024;
const SECOND_NANOS = 1_000_000_000;
const REQUEST_EXPIRES_NANOS = 30 * SECOND_NANOS;
const HEARTBEAT_NANOS = SECOND_NANOS;
const TICK_MS = 1_000;
const SILENT_TICKS_MAX = 4;
const MISPLACED_TICKS_MAX = 60;

/** How a request ends in good order: its time is over, or the buffer it was made for is full. */
const REQUEST_ENDS = new Set(["404", "408", "409 message size exceeds maxbytes", "409 batch completed"]);

export interface SubscriptionOptions {
  readonly connection: Connection;
  readonly api: JetStreamApi;
  readonly partition: number;
  readonly from: number;
  readonly consumer: PlacedConsumer;
  /** Seconds that a misplaced consumer is read from before another is tried; default 60. */
  readonly misplacedTicksMax?: number;
  /** Last position of the log. */
  readonly head: () => Promise<number>;
  /** Called once, when it is closed or lost. */
  readonly ended: (subscription: JetStreamSubscription) => void;
  readonly logger: Logger;
}

export class JetStreamSubscription implements LogSubscription {
  readonly #options: SubscriptionOptions;
  readonly #intake: Intake;
  readonly #stall: StallDetector;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #ticker: NodeJS.Timeout;
  readonly #forgetConnection: () => void;
  /** The request that is open at the server. */
  #request: { readonly id: number; messagesLeft: number } | undefined;
  #requests = 0;
  #silentTicks = 0;
  #ticks = 0;
  #lostBecause: string | undefined;
  /** The position that the log has and this consumer does not send. */
  #gap: number | undefined;
  #released: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#inbox = createInbox(options.connection.inboxPrefix);
    this.#intake = new Intake(options.from);
    this.#stall = new StallDetector(options.head);
    this.#subscription = options.connection.client.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => this.#arrive(error, message),
    });
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    const forgetInterruption = options.connection.onInterrupted((reason) => this.#lose(reason));
    // A request that is refused gets no answer.
    const forgetRefusal = options.connection.onRefused(({ operation, subject }) => {
      if (subject === this.#nextSubject) this.#lose(`no permission: ${operation} to ${subject}`);
    });
    this.#forgetConnection = () => [forgetInterruption, forgetRefusal].forEach((forget) => forget());
    this.#requestMore();
  }

  /** Messages that the server delivered again. */
  get duplicatesDropped(): number {
    return this.#intake.duplicatesDropped;
  }

  async receive(options: {
    messagesMax: number;
    bytesMax: number;
    timeoutMs: number;
  }): Promise<LogMessage[]> {
    assert(options.messagesMax >= 1, "receive has to allow at least one message");
    assert(this.#wake === undefined, "one receive at a time");
    if (this.#intake.messagesHeld === 0 && this.#lostBecause === undefined)
      await this.#arrival(options.timeoutMs);
    const messages = this.#intake.take(options);
    if (messages.length === 0 && this.#lostBecause !== undefined) {
      const reason = `partition ${this.#options.partition}: ${this.#lostBecause}`;
      throw this.#gap === undefined ? new SubscriptionLostError(reason) : new LogGapError(this.#gap, reason);
    }
    this.#requestMore();
    return messages;
  }

  async close(): Promise<void> {
    this.#end("the subscription is closed");
    await this.#released;
  }

  get #nextSubject(): string {
    const { partition, consumer } = this.#options;
    return `$JS.API.CONSUMER.MSG.NEXT.${streamName(partition)}.${consumer.name}`;
  }

  #arrival(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      this.#wake = finish;
    });
  }

  #requestMore(): void {
    if (this.#request !== undefined || this.#lostBecause !== undefined) return;
    const messages = BUFFER_MESSAGES_MAX - this.#intake.messagesHeld;
    const bytes = BUFFER_BYTES_MAX - this.#intake.bytesHeld;
    // Half of the buffer at least: requests stay rare, and any message fits into one.
    if (messages < BUFFER_MESSAGES_MAX / 2 || bytes < BUFFER_BYTES_MAX / 2) return;
    this.#requests += 1;
    this.#request = { id: this.#requests, messagesLeft: messages };
    try {
      this.#options.connection.client.publish(
        this.#nextSubject,
        JSON.stringify({
          batch: messages,
          max_bytes: bytes,
          expires: REQUEST_EXPIRES_NANOS,
          idle_heartbeat: HEARTBEAT_NANOS,
        }),
        { reply: `${this.#inbox}.${this.#requests}` },
      );
    } catch (error) {
      this.#lose(`messages can't be asked for: ${describeError(error)}`);
    }
  }

  #arrive(error: Error | null, message: Msg): void {
    if (this.#lostBecause !== undefined) return;
    this.#silentTicks = 0;
    if (error !== null) this.#lose(describeError(error));
    else if (message.reply === "") this.#takeStatus(message);
    else this.#takeMessage(message);
  }

  #takeMessage(message: Msg): void {
    const delivery = parseDelivery(message.reply ?? "");
    if (delivery === undefined) return this.#lose(`a message without a position came: ${message.reply}`);
    this.#stall.sawMessage();
    const expected = this.#intake.expected;
    const publisher = publisherOf(this.#options.partition, message.subject);
    const fate = this.#intake.offer({ ...delivery, data: message.data, publisher, receivedAtMs: Date.now() });
    if (fate === "gap") return this.#loseForGap(`position ${delivery.position} came instead of ${expected}`);
    if (this.#request !== undefined) {
      this.#request.messagesLeft -= 1;
      if (this.#request.messagesLeft === 0) this.#endRequest();
    }
    if (fate === "taken") this.#wake?.();
  }

  #takeStatus(message: Msg): void {
    const code = message.headers?.code ?? 0;
    const description = message.headers?.description?.toLowerCase() ?? "";
    if (code === 100) return this.#takeHeartbeat(message);
    const id = Number(message.subject.slice(this.#inbox.length + 1));
    if (REQUEST_ENDS.has(`${code}`) || REQUEST_ENDS.has(`${code} ${description}`)) {
      if (this.#request?.id === id) this.#endRequest();
      return;
    }
    this.#lose(
      code === 503 ? "the consumer is gone" : `the server ended the request: ${code} ${description}`,
    );
  }

  /** A heartbeat names the last position that the consumer has sent; all of it has arrived before. */
  #takeHeartbeat(message: Msg): void {
    const sent = Number(message.headers?.get("Nats-Last-Stream") ?? "");
    if (sent >= this.#intake.expected) {
      this.#lose(`position ${this.#intake.expected} was sent, up to ${sent}, and has not arrived`);
    }
  }

  #endRequest(): void {
    this.#request = undefined;
    this.#requestMore();
  }

  /** Counts ticks and not time: after a pause of this process, what came meanwhile is read before the next tick. */
  #tick(): void {
    const { consumer, misplacedTicksMax = MISPLACED_TICKS_MAX } = this.#options;
    this.#ticks += 1;
    if (consumer.isMisplaced && this.#ticks >= misplacedTicksMax)
      return this.#lose("another server than was wanted sends it, and the wanted one is tried once more");
    // Without an open request, because the reader is slow, nothing is due from the server.
    if (this.#request === undefined) {
      this.#silentTicks = 0;
      this.#stall.sawMessage();
      return;
    }
    this.#silentTicks += 1;
    if (this.#silentTicks > SILENT_TICKS_MAX) return this.#lose("the server is silent");
    void this.#stall.tick(this.#intake.expected).then((isStalled) => {
      if (isStalled) this.#loseForGap(`position ${this.#intake.expected} is in the log and does not come`);
    });
  }

  #loseForGap(reason: string): void {
    if (this.#lostBecause === undefined) this.#gap = this.#intake.expected;
    this.#lose(reason);
  }

  #lose(reason: string): void {
    if (this.#lostBecause !== undefined) return;
    const { partition, logger } = this.#options;
    logger.warn({ partition, expected: this.#intake.expected, reason }, "the log subscription is lost");
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#lostBecause !== undefined) return;
    this.#lostBecause = reason;
    clearInterval(this.#ticker);
    this.#forgetConnection();
    this.#subscription.unsubscribe();
    this.#wake?.();
    const { connection, api, partition, consumer, logger } = this.#options;
    if (connection.isOpen) this.#released = deleteConsumer(api, { partition, name: consumer.name, logger });
    this.#options.ended(this);
  }
}
