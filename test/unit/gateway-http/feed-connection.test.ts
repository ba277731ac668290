/** A client's connection to the feed whose network is the test's: what waits for the client stays within its bound. */
import { describe, expect, it } from "vitest";
import { FeedConnection } from "../../../services/gateway/http/feed-connection.ts";
import type { FeedSocket } from "../../../services/gateway/http/socket-keeper.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";

const FRAME = { text: "x".repeat(1_000) };
const BOUND = 4_000;
/** That each of them tells. */
const FRAMES = 20;

/** Takes nothing until it is told to. */
class StillSocket implements FeedSocket {
  bufferedAmount = 0;
  sent = 0;
  bufferedMost = 0;
  #given: { readonly bytes: number; readonly done: () => void }[] = [];

  send(data: string | Buffer, _options: object, done: () => void): void {
    this.sent += 1;
    this.bufferedAmount += data.length;
    this.bufferedMost = Math.max(this.bufferedMost, this.bufferedAmount);
    this.#given.push({ bytes: data.length, done });
  }
  takeAll(): void {
    for (const { bytes, done } of this.#given.splice(0)) {
      this.bufferedAmount -= bytes;
      done();
    }
  }
  ping(): void {}
  close(): void {}
  terminate(): void {}
  on(): void {}
}

function connect(socket: FeedSocket): FeedConnection {
  return new FeedConnection({
    socket,
    access: { tenant: "acme", checkRead: () => undefined, change: () => Promise.resolve() },
    retryAfterMs: () => undefined,
    feed: () => {
      throw new Error("there is none");
    },
    logger: silentLogger,
    waitingBytesMax: () => BOUND,
    sendAway: () => undefined,
    onSent: () => undefined,
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("subscriptions of one connection that wait for room", () => {
  it("take it one after the other, in turn: what waits is at most the bound and one frame", async () => {
    const socket = new StillSocket();
    const connection = connect(socket);
    while (!connection.isFull) connection.send(FRAME);
    const told = Array.from({ length: 50 }, () => 0);
    const work = told.map(async (_, index) => {
      while (told[index]! < FRAMES) {
        while (connection.isFull) await connection.drained();
        connection.send(FRAME);
        told[index]! += 1;
      }
    });
    for (let round = 0; round < 1_000 && told.some((frames) => frames < FRAMES); round += 1) {
      socket.takeAll();
      await turn();
      if (Math.max(...told) === FRAMES) expect(Math.min(...told)).toBeGreaterThan(0);
    }
    await Promise.all(work);
    expect(socket.bufferedMost).toBe(BOUND + FRAME.text.length);
  });

  it("go on, all of them, once the client has gone", async () => {
    const connection = connect(new StillSocket());
    while (!connection.isFull) connection.send(FRAME);
    const waiting = Array.from({ length: 3 }, () => connection.drained());
    connection.end();
    await Promise.all(waiting);
    expect(connection.closed.aborted).toBe(true);
  });
});
