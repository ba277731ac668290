/** One subscription over a plain answer that goes on: lines of JSON, or server-sent events. Begins with the first frame. */
import type { ServerResponse } from "node:http";
import type { FeedFrame, FeedOutlet } from "../feed/outlet.ts";
import { Waiting } from "../feed/waiting.ts";

const WAITING_BYTES_MAX = 256 * 1024;
const BEAT_MS = 15_000;
const STALLED_MS = 30_000;
const HEARTBEAT: FeedFrame = { text: '{"type":"heartbeat"}' };

export type FeedFormat = "lines" | "events";

export const FEED_MEDIA_TYPES: { readonly [Format in FeedFormat]: string } = {
  lines: "application/x-ndjson; charset=utf-8",
  events: "text/event-stream; charset=utf-8",
};

export interface FeedStreamOptions {
  readonly response: ServerResponse;
  readonly format: FeedFormat;
  /** Of the answer, asked for when it begins. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly onSent: (bytes: number) => void;
}

export class FeedStream implements FeedOutlet {
  readonly #options: FeedStreamOptions;
  readonly #over = new AbortController();
  readonly closed: AbortSignal = this.#over.signal;
  readonly #beat: NodeJS.Timeout;
  #hasBegun = false;
  #isAnswerable = false;
  #isStalled = false;
  #sentAtMs = performance.now();
  #takenAtMs = performance.now();
  readonly #waiting = new Waiting();
  /** Says how far it is, where nothing else was said for a time. */
  onQuiet: () => void = () => undefined;

  constructor(options: FeedStreamOptions) {
    this.#options = options;
    options.response.on("close", () => this.#end());
    options.response.on("drain", () => {
      this.#takenAtMs = performance.now();
      void this.#waiting.wake(() => !this.isFull);
    });
    this.#beat = setInterval(() => this.#look(), BEAT_MS);
    // The client may have left while its credential was looked at, which is not told again.
    if (options.response.destroyed) this.#end();
  }

  /** An answer was begun: its status is said. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The client did not take what it was sent, and was cut off. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  get isFull(): boolean {
    return this.#options.response.writableLength > WAITING_BYTES_MAX;
  }

  /** Where nothing is to be told for a time, the answer begins with how far it is; until then a refusal has its status. */
  answerable(): void {
    this.#isAnswerable = true;
  }

  send(frame: FeedFrame): void {
    if (this.closed.aborted) return;
    const { response, onSent } = this.#options;
    this.#begin();
    const text = this.#textOf(frame);
    if (response.writableLength === 0) this.#takenAtMs = performance.now();
    this.#sentAtMs = performance.now();
    response.write(text);
    onSent(text.length);
  }

  drained(): Promise<void> {
    if (!this.isFull || this.closed.aborted) return Promise.resolve();
    return this.#waiting.wait();
  }

  /** Ends the answer where it is; without one that was begun, the connection. */
  end(): void {
    this.#end();
    if (this.#hasBegun) this.#options.response.end();
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#options.response.writeHead(200, this.#options.headers());
  }

  #textOf({ text, cursor }: FeedFrame): string {
    if (this.#options.format === "lines") return `${text}\n`;
    return cursor === undefined ? `data: ${text}\n\n` : `id: ${cursor}\ndata: ${text}\n\n`;
  }

  #look(): void {
    const { response } = this.#options;
    const nowMs = performance.now();
    if (response.writableLength > 0 && nowMs - this.#takenAtMs > STALLED_MS) {
      this.#isStalled = true;
      response.destroy();
      return;
    }
    if (!(this.#hasBegun || this.#isAnswerable) || nowMs - this.#sentAtMs < BEAT_MS * 0.9 || this.isFull)
      return;
    this.onQuiet();
    if (performance.now() - this.#sentAtMs >= BEAT_MS * 0.9) this.send(HEARTBEAT);
  }

  #end(): void {
    clearInterval(this.#beat);
    this.#over.abort();
    this.#waiting.wakeAll();
  }
}
