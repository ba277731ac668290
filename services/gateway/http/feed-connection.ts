/**
 * A client's WebSocket to the feed: frames in → subscriptions → frames out.
 *
 * What waits for a slow client is bounded. Beyond that its subscriptions give nothing more, and go on from the database once
 * it has taken what there was; a client that takes nothing at all for a time is sent away, with how to go on.
 */
import { Compile } from "typebox/compile";
import { isObject } from "../../core/json.ts";
import {
  ClientFrame,
  FEED_CLOSE_CODES,
  type ClientFrame as ClientFrameType,
  type ProblemFrame,
  type SubscribeFrame,
} from "../../protocol/http/feed.ts";
import type { Logger } from "../../runtime/logger.ts";
import { GatewayError } from "../errors.ts";
import type { Feed } from "../feed/feed.ts";
import type { FeedCloseReason } from "../feed/metrics.ts";
import type { FeedFrame, FeedOutlet } from "../feed/outlet.ts";
import type { Subscription } from "../feed/subscription.ts";
import { Waiting } from "../feed/waiting.ts";
import type { LastingAccess } from "./lasting-access.ts";
import { ProblemError, problemAnswer, problemOf } from "./problem.ts";
import type { FeedSocket } from "./socket-keeper.ts";

const SUBSCRIPTIONS_MAX = 256;
/** Frames of the client that wait for those before them. */
const FRAMES_WAITING_MAX = 512;
const HEARTBEAT_MS = 15_000;
const STALLED_MS = 30_000;
/** A part of what may wait: whoever was full takes more when so little is left. */
const DRAINED_PART = 1 / 4;
const RETRY_AFTER_MS = 5_000;

const clientFrames = Compile(ClientFrame);
const RIGHT =
  'a frame is {"type":"subscribe","id":…,"collection":…,"key" or "prefix":…,"cursor":…,"pending":…}, {"type":"unsubscribe","id":…} or {"type":"authenticate","token":…}';
const SLOW_REASON = "nothing was taken for 30 s: connect again, and go on from the last cursor";

export interface FeedConnectionOptions {
  readonly socket: FeedSocket;
  /** Whose it is, and what that lets read. */
  readonly access: Pick<LastingAccess, "tenant" | "checkRead" | "change">;
  /** Takes note of a frame of the client; when the next one may come, where this one may not. */
  readonly retryAfterMs: () => number | undefined;
  /** Once the gateway is there. @throws {GatewayError} starting. */
  readonly feed: () => Feed;
  readonly logger: Logger;
  /** Bytes that may wait for the client. */
  readonly waitingBytesMax: () => number;
  readonly sendAway: (code: number, reason: string, why: FeedCloseReason) => void;
  /** Frames were given to the network. */
  readonly onSent: (bytes: number) => void;
}

/** Frames that many are sent are encoded once. */
const encoded = new WeakMap<FeedFrame, Buffer>();

export class FeedConnection implements FeedOutlet {
  readonly #options: FeedConnectionOptions;
  /** By the client's names; undefined while it is opened. One that has ended may be at work for a moment longer. */
  readonly #subscriptions = new Map<string, Subscription | undefined>();
  /** Subscriptions at work: also whoever ends and begins them all the time has no more than may be. */
  #working = 0;
  readonly #over = new AbortController();
  readonly closed: AbortSignal = this.#over.signal;
  #frames: Promise<void> = Promise.resolve();
  #framesWaiting = 0;
  #sentAtMs = performance.now();
  #takenAtMs = performance.now();
  readonly #waiting = new Waiting();

  constructor(options: FeedConnectionOptions) {
    this.#options = options;
    options.socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
  }

  get isFull(): boolean {
    return this.#options.socket.bufferedAmount > this.#options.waitingBytesMax();
  }

  send(frame: FeedFrame): void {
    if (this.closed.aborted) return;
    let bytes = encoded.get(frame);
    if (bytes === undefined) encoded.set(frame, (bytes = Buffer.from(frame.text)));
    this.#sentAtMs = performance.now();
    this.#options.socket.send(bytes, { binary: false }, (error) => {
      if (error !== undefined && error !== null) return;
      this.#takenAtMs = performance.now();
      this.#wakeDrained();
    });
    this.#options.onSent(bytes.length);
  }

  drained(): Promise<void> {
    if (!this.isFull || this.closed.aborted) return Promise.resolve();
    return this.#waiting.wait();
  }

  /** Now and then: says that it lives, and looks whether the client does. */
  beat(): void {
    const nowMs = performance.now();
    if (this.#options.socket.bufferedAmount > 0 && nowMs - this.#takenAtMs > STALLED_MS) {
      return this.#options.sendAway(FEED_CLOSE_CODES.slowConsumer, SLOW_REASON, "slow-consumer");
    }
    if (this.isFull) return;
    // Each of them, whatever the others tell: a cursor that stands still falls out of what changes are kept.
    for (const subscription of this.#subscriptions.values()) subscription?.tellPlace();
    // The scale of timers: a beat is never exactly on time.
    if (nowMs - this.#sentAtMs >= HEARTBEAT_MS * 0.9) this.send({ text: '{"type":"heartbeat"}' });
  }

  /** What may be read has changed: subscriptions to what may not are over. */
  checkAccess(): void {
    for (const [id, subscription] of this.#subscriptions) {
      try {
        if (subscription !== undefined) this.#options.access.checkRead(subscription.filter.collection);
      } catch (error) {
        this.#tellProblem(error, id);
        this.#leave(id);
      }
    }
  }

  /** The socket has gone. */
  end(): void {
    this.#over.abort();
    this.#waiting.wakeAll();
    for (const subscription of this.#subscriptions.values()) subscription?.close();
    this.#subscriptions.clear();
  }

  #wakeDrained(): void {
    if (this.#options.socket.bufferedAmount > this.#options.waitingBytesMax() * DRAINED_PART) return;
    void this.#waiting.wake(() => !this.isFull);
  }

  #receive(data: unknown, isBinary: boolean): void {
    if (this.closed.aborted) return;
    const { sendAway } = this.#options;
    let frame: unknown;
    try {
      if (isBinary) throw new Error("it is binary");
      frame = JSON.parse(String(data));
    } catch {
      return sendAway(FEED_CLOSE_CODES.malformedFrame, "a frame is a JSON text", "malformed-frame");
    }
    const retryAfterMs = this.#options.retryAfterMs();
    if (retryAfterMs !== undefined) {
      const reason = `the tenant sends too much: again in ${Math.ceil(retryAfterMs / 1_000)} s`;
      return sendAway(FEED_CLOSE_CODES.rateLimited, reason, "refused");
    }
    if (this.#framesWaiting >= FRAMES_WAITING_MAX) {
      const reason = "too many frames at once: wait for the answers";
      return sendAway(FEED_CLOSE_CODES.rateLimited, reason, "refused");
    }
    this.#framesWaiting += 1;
    // One after the other: a client's hundred subscriptions are a hundred looks at the database.
    this.#frames = this.#frames
      .then(() => this.#take(frame))
      .catch((error: unknown) => this.#tellProblem(error, idOf(frame)))
      .finally(() => (this.#framesWaiting -= 1));
  }

  async #take(frame: unknown): Promise<void> {
    if (this.closed.aborted) return;
    if (!clientFrames.Check(frame)) throw new ProblemError("malformed-body", RIGHT);
    const told = frame as ClientFrameType;
    switch (told.type) {
      case "subscribe":
        return this.#subscribe(told);
      case "unsubscribe":
        return this.#leave(told.id);
      case "authenticate":
        return this.#options.access.change(told.token);
    }
  }

  async #subscribe({ pending = true, type: _, ...wanted }: SubscribeFrame): Promise<void> {
    const { id } = wanted;
    if (this.#subscriptions.has(id)) {
      throw new ProblemError("malformed-body", `the connection has a subscription "${id}" already`, {
        field: "id",
      });
    }
    if (this.#working >= SUBSCRIPTIONS_MAX) {
      const message = `a connection has at most ${SUBSCRIPTIONS_MAX} subscriptions, also of those that are just ending`;
      throw new GatewayError("too-many-subscriptions", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    const { access } = this.#options;
    access.checkRead(wanted.collection);
    const request = { ...wanted, tenant: access.tenant, withPending: pending, isPage: false };
    this.#subscriptions.set(id, undefined);
    this.#working += 1;
    try {
      const subscription = await this.#options.feed().open(request, this);
      this.#subscriptions.set(id, subscription);
      void this.#follow(subscription);
    } catch (error) {
      this.#subscriptions.delete(id);
      this.#working -= 1;
      throw error;
    }
  }

  async #follow(subscription: Subscription): Promise<void> {
    const { id } = subscription;
    // Another one may have its name by then: what went wrong with one that was ended is no news of that.
    const isKnown = () => this.#subscriptions.get(id) === subscription;
    try {
      await subscription.run();
    } catch (error) {
      if (isKnown()) this.#tellProblem(error, id);
    }
    if (isKnown()) this.#subscriptions.delete(id);
    this.#working -= 1;
  }

  /** Its name is free at once, though what it has begun to read comes to its end first. */
  #leave(id: string): void {
    this.#subscriptions.get(id)?.close();
    this.#subscriptions.delete(id);
  }

  #tellProblem(error: unknown, id: string | undefined): void {
    if (this.closed.aborted) return;
    const problem = problemOf(error);
    if (problem.code === "internal") {
      const stack = error instanceof Error ? error.stack : String(error);
      this.#options.logger.error({ stack }, "unforeseen error of the feed");
    }
    this.send({ text: JSON.stringify(problemFrame(error, id)) });
  }
}

export function problemFrame(error: unknown, id: string | undefined): ProblemFrame {
  const { type, title, status, detail, retry } = problemAnswer(problemOf(error));
  return {
    type: "problem",
    ...(id !== undefined && { id }),
    problem: { type, title, status, detail, retry },
  };
}

function idOf(frame: unknown): string | undefined {
  const id = isObject(frame) ? (frame as { id?: unknown }).id : undefined;
  return typeof id === "string" && id.length > 0 && id.length <= 64 ? id : undefined;
}
