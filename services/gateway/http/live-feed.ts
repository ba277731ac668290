/**
 * Sends each new view of the cluster to those who follow it: at once → every second → until they go. A reader that has not
 * taken the last view gets the newest once it has; nothing piles up for it.
 */
import type { ClusterViews } from "../../ports/cluster-views.ts";
import type { Logger } from "../../runtime/logger.ts";
import { SocketKeeper, type FeedSocket } from "./socket-keeper.ts";

const SOCKETS_MAX = 128;
/** A reader that has taken nothing for so long is gone, whatever its connection says. */
const STUCK_MS = 30_000;

interface Reader {
  readonly socket: FeedSocket;
  /** The last view has been given to the network. */
  takenAtMs: number;
}

export class LiveFeed {
  readonly #views: ClusterViews;
  readonly #keeper: SocketKeeper;
  readonly #readers = new Set<Reader>();
  #unfollow: (() => void) | undefined;

  constructor(views: ClusterViews, logger: Logger) {
    this.#views = views;
    this.#keeper = new SocketKeeper({ socketsMax: SOCKETS_MAX, logger });
  }

  get readers(): number {
    return this.#readers.size;
  }

  add(socket: FeedSocket): void {
    const reader = { socket, takenAtMs: performance.now() };
    if (!this.#keeper.admit(socket, { gone: () => this.#remove(reader) })) return;
    this.#readers.add(reader);
    this.#unfollow ??= this.#views.follow((text) => this.#tellAll(text));
    this.#tell(reader, messageOf(this.#views.viewText()));
  }

  /** Takes leave of all; resolves when they are gone. */
  close(): Promise<void> {
    return this.#keeper.close();
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
    socket.send(message, { binary: false }, (error) => {
      if (error === undefined || error === null) reader.takenAtMs = performance.now();
    });
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#unfollow?.();
    this.#unfollow = undefined;
  }
}

function messageOf(viewText: string): string {
  return `{"type":"view","view":${viewText}}`;
}
