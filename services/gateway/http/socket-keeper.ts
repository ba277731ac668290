/**
 * Keeps WebSockets: as many as there may be → pinged now and then → sent away with a reason, or cut off when they don't go.
 * What is said on them is their owners' business.
 */
import type { Logger } from "../../runtime/logger.ts";

const HEARTBEAT_EVERY_MS = 15_000;
/** Whoever does not take its leave within this time is cut off. */
const CLOSE_MS = 500;
const GOING_AWAY = 1_001;
const TRY_AGAIN_LATER = 1_013;

/** What a feed needs of a socket of package ws. */
export interface FeedSocket {
  /** Bytes that were given to it and not yet to the network. */
  readonly bufferedAmount: number;
  send(data: string | Buffer, options: { binary: boolean }, done: (error?: Error) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  /** Of messages: the data, and whether they are binary. Of errors: the error. */
  on(
    event: "pong" | "close" | "error" | "message",
    listener: (told: unknown, isBinary: boolean) => void,
  ): unknown;
}

interface Kept {
  isAlive: boolean;
  readonly onBeat: () => void;
}

export interface SocketKeeperOptions {
  readonly socketsMax: number;
  readonly logger: Logger;
  /** A socket was not let in, or did not answer pings. */
  readonly onLost?: (why: "stopping" | "too-many" | "dead") => void;
}

export class SocketKeeper {
  readonly #options: SocketKeeperOptions;
  readonly #sockets = new Map<FeedSocket, Kept>();
  /** Sockets that are asked to go, and have not yet. */
  readonly #leaving = new Set<FeedSocket>();
  #heartbeat: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SocketKeeperOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sockets.size;
  }

  /**
   * @param on.beat now and then, for as long as it is kept; `gone` once it is not. With a `refusal` it is not let in.
   * @returns false where it was sent away instead.
   */
  admit(socket: FeedSocket, on: { beat?: () => void; gone: () => void; refusal?: string }): boolean {
    const { socketsMax, logger, onLost } = this.#options;
    // Without a listener an error would end the process.
    socket.on("error", (error) => logger.debug({ error: String(error) }, "a WebSocket has failed"));
    if (this.#isClosed || this.#sockets.size >= socketsMax || on.refusal !== undefined) {
      onLost?.(this.#isClosed ? "stopping" : "too-many");
      if (this.#isClosed) this.sendAway(socket, GOING_AWAY, "the process is stopping");
      else this.sendAway(socket, TRY_AGAIN_LATER, on.refusal ?? "too many follow this process already");
      return false;
    }
    const kept: Kept = { isAlive: true, onBeat: on.beat ?? (() => undefined) };
    this.#sockets.set(socket, kept);
    socket.on("pong", () => (kept.isAlive = true));
    socket.on("close", () => {
      this.#forget(socket);
      on.gone();
    });
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_EVERY_MS);
    return true;
  }

  /** Closes it; cuts it off where the client does not answer that. */
  sendAway(socket: FeedSocket, code: number, reason: string): void {
    if (this.#leaving.has(socket)) return;
    this.#leaving.add(socket);
    const cutOff = setTimeout(() => socket.terminate(), CLOSE_MS);
    socket.on("close", () => {
      clearTimeout(cutOff);
      this.#leaving.delete(socket);
    });
    socket.close(code, reason);
  }

  /** Takes leave of all; resolves when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const socket of this.#leaving) socket.terminate();
    const gone = Array.from(
      this.#sockets.keys(),
      (socket) => new Promise((resolve) => socket.on("close", resolve)),
    );
    for (const socket of this.#sockets.keys()) {
      this.#options.onLost?.("stopping");
      this.sendAway(socket, GOING_AWAY, "the process is stopping");
    }
    await Promise.all(gone);
  }

  #beat(): void {
    for (const [socket, kept] of this.#sockets) {
      if (!kept.isAlive) {
        this.#options.onLost?.("dead");
        socket.terminate();
        continue;
      }
      kept.isAlive = false;
      socket.ping();
      kept.onBeat();
    }
  }

  #forget(socket: FeedSocket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }
}
