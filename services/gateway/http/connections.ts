/** Bounds a server's connections so that probes still find one: near the bound, those on which nothing happens are closed. */
import type { Server } from "node:http";
import type { Socket } from "node:net";

const CROWDED_SHARE = 0.9;
/** Looking for idle connections takes time in proportion to all of them. */
const CLEAR_EVERY_MS = 500;

export class Connections {
  readonly #connectionsMax: number;
  readonly #counted = new WeakSet<Socket>();
  #open = 0;
  #clearedAtMs = Number.NEGATIVE_INFINITY;

  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax;
  }

  /** Those that nobody needs at the moment have to make room. */
  get isCrowded(): boolean {
    return this.#open >= this.#connectionsMax * CROWDED_SHARE;
  }

  /** @param onDropped one was dropped beyond the bound. */
  bound(server: Server, onDropped: () => void): void {
    server.maxConnections = this.#connectionsMax;
    server.on("drop", onDropped);
    server.on("connection", (socket: Socket) => {
      // One whose offer of an upgrade is not taken comes back as if it were new.
      if (this.#counted.has(socket)) return;
      this.#counted.add(socket);
      this.#open += 1;
      socket.once("close", () => (this.#open -= 1));
      if (this.isCrowded) this.#clear(server);
    });
  }

  #clear(server: Server): void {
    const nowMs = performance.now();
    if (nowMs - this.#clearedAtMs < CLEAR_EVERY_MS) return;
    this.#clearedAtMs = nowMs;
    server.closeIdleConnections();
  }
}
