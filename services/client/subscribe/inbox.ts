/** What has arrived over one connection and was not taken yet, up to a bound: a connection that can't wait for room is given up then. */
import type { ServerFrame } from "../../protocol/http/feed.ts";
import type { Platform } from "../platform.ts";

export type Arrival =
  { readonly type: "frame"; readonly frame: ServerFrame } | { readonly type: "end"; readonly code: number };

/** Frames; a server's frame is bounded itself. */
const WAITING_MAX = 256;
const ROOM = WAITING_MAX / 2;
/** Servers send a heartbeat after 15 s. */
const SILENCE_MS_MAX = 45_000;
/** Of an end that the client itself has made. */
export const OVERFULL = -1;

export class Inbox {
  readonly #platform: Platform;
  readonly #waiting: Arrival[] = [];
  #isOver = false;
  #close: () => void = () => undefined;
  #cancelWatch: () => void = () => undefined;
  #wake: () => void = () => undefined;
  #makeRoom: () => void = () => undefined;

  constructor(platform: Platform) {
    this.#platform = platform;
    this.#watch();
  }

  /** @param close of the connection. */
  attach(close: () => void): void {
    this.#close = close;
    if (this.#isOver) close();
  }

  frame(frame: ServerFrame): void {
    if (this.#isOver) return;
    this.#watch();
    if (frame.type === "heartbeat") return;
    this.#push({ type: "frame", frame });
    if (this.#waiting.length >= WAITING_MAX) this.end(OVERFULL);
  }

  /** A frame that waits for it is no silence of the server. */
  async room(): Promise<void> {
    while (!this.#isOver && this.#waiting.length >= ROOM) {
      this.#cancelWatch();
      await new Promise<void>((resolve) => (this.#makeRoom = resolve));
      if (!this.#isOver) this.#watch();
    }
  }

  /** What has arrived before is still to be taken. */
  end(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelWatch();
    this.#close();
    this.#push({ type: "end", code });
    this.#makeRoom();
  }

  async next(): Promise<Arrival> {
    while (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#makeRoom();
    return this.#waiting.shift()!;
  }

  #push(arrival: Arrival): void {
    this.#waiting.push(arrival);
    this.#wake();
  }

  #watch(): void {
    this.#cancelWatch();
    this.#cancelWatch = this.#platform.after(SILENCE_MS_MAX, () => this.end(0));
  }
}
