/** The sockets of a database's connections, so that all of them can be cut: the driver waits for a peer that is gone. */
import { Socket } from "node:net";

export class Sockets {
  readonly #open = new Set<Socket>();

  /** Makes a socket for one connection. */
  make(): Socket {
    const socket = new Socket();
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    return socket;
  }

  /** Ends all connections at once; the server learns of it from the kernel, when it can. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Resolves once all are closed. */
  async closed(): Promise<void> {
    await Promise.all(
      [...this.#open].map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))),
    );
  }
}
