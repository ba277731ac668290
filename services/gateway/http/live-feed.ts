/**
 * Sends each new view of the cluster to those who follow it: at once → every second → until they go. A reader that has not
 * taken the last view gets the newest once it has; nothing piles up for it.
 */
import type { ClusterViews } from "../../ports/cluster-views.ts";
import type { Logger } from "../../runtime/logger.ts";

const SOCKETS_MAX = 128;
const HEARTBEAT_EVERY_MS = 15_000;
/** A reader that has taken nothing for so long is gone, whatever its connection says. */
const STUCK_MS = 30_000;
/** Whoever does not take its leave within this time is cut off. */
const CLOSE_MS = 500;
const GOING_AWAY = 1_001;
const TRY_AGAIN_LATER = 1_013;

/** What the feed needs of a socket of package ws. */
export interface FeedSocket {
  /** Bytes that were given to it and not yet to the network. */
  readonly bufferedAmount: number;
  send(text: string, done: (error?: Error) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: "pong" | "close" | "error" | "message", listener: (...told: unknown[]) => void): unknown;
}

interface Reader {
  readonly socket: FeedSocket;
  isAlive: boolean;
  /** The last view has been given to the network. */
  takenAtMs: number;
}

export class LiveFeed {
  readonly #views: ClusterViews;
  readonly #logger: Logger;
  readonly #readers = new Set<Reader>();
  /** Sockets that are asked to go, and have not yet. */
  readonly #refused = new Set<FeedSocket>();
  #unfollow: (() => void) | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(views: ClusterViews, logger: Logger) {
    this.#views = views;
    this.#logger = logger;
  }

  get readers(): number {
    return this.#readers.size;
  }

  add(socket: FeedSocket): void {
    // Without a listener an error would end the process.
    socket.on("error", (error) => this.#logger.debug({ error: String(error) }, "a live feed has failed"));
    if (this.#isClosed) return this.#refuse(socket, GOING_AWAY, "the process is stopping");
    if (this.#readers.size >= SOCKETS_MAX)
      return this.#refuse(socket, TRY_AGAIN_LATER, "too many follow this process already");
    const reader = { socket, isAlive: true, takenAtMs: performance.now() };
    this.#readers.add(reader);
    socket.on("pong", () => (reader.isAlive = true));
    socket.on("close", () => this.#remove(reader));
    this.#unfollow ??= this.#views.follow((text) => this.#tellAll(text));
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_EVERY_MS);
    this.#tell(reader, messageOf(this.#views.viewText()));
  }

  /** Takes leave of all; resolves when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const socket of this.#refused) socket.terminate();
    const leaving = [...this.#readers];
    for (const { socket } of leaving) socket.close(GOING_AWAY, "the process is stopping");
    const cutOff = setTimeout(() => leaving.forEach(({ socket }) => socket.terminate()), CLOSE_MS);
    await Promise.all(leaving.map(({ socket }) => new Promise((resolve) => socket.on("close", resolve))));
    clearTimeout(cutOff);
  }

  #refuse(socket: FeedSocket, code: number, reason: string): void {
    this.#refused.add(socket);
    const cutOff = setTimeout(() => socket.terminate(), CLOSE_MS);
    socket.on("close", () => {
      clearTimeout(cutOff);
      this.#refused.delete(socket);
    });
    socket.close(code, reason);
  }

  #tellAll(viewText: string): void {
    const message = messageOf(viewText);
    for (const reader of this.#readers) this.#tell(reader, message);
  }

  #tell(reader: Reader, message: string): void {
    const { socket } = reader;
    if (socket.bufferedAmount > 0) {
      if (performance.now() - reader.takenAtMs > STUCK_MS) socket.terminate();
      return;
    }
    socket.send(message, (error) => {
      if (error === undefined || error === null) reader.takenAtMs = performance.now();
    });
  }

  #beat(): void {
    for (const reader of this.#readers) {
      if (!reader.isAlive) {
        reader.socket.terminate();
        continue;
      }
      reader.isAlive = false;
      reader.socket.ping();
    }
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#unfollow?.();
    this.#unfollow = undefined;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }
}

function messageOf(viewText: string): string {
  return `{"type":"view","view":${viewText}}`;
}
