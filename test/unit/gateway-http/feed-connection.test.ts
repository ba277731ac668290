/** A client's connection to the feed whose network is the test's: what waits for the client stays within its bound. */
import { describe, expect, it } from "vitest";
import type { Subscription } from "../../../services/gateway/feed/subscription.ts";
import { FeedConnection } from "../../../services/gateway/http/feed-connection.ts";
import type { FeedSocket } from "../../../services/gateway/http/socket-keeper.ts";
import type { Feed } from "../../../services/gateway/feed/feed.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";

const FRAME = { text: "x".repeat(1_000) };
const BOUND = 4_000;
/** That each of them tells. */
const FRAMES = 20;

/** Takes nothing until it is told to. */
class StillSocket implements FeedSocket {
  bufferedAmount = 0;
  sent = 0;
  readonly texts: string[] = [];
  bufferedMost = 0;
  #listener: (told: unknown, isBinary: boolean) => void = () => undefined;
  #given: { readonly bytes: number; readonly done: () => void }[] = [];

  send(data: string | Buffer, _options: object, done: () => void): void {
    this.sent += 1;
    this.texts.push(data.toString());
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
  on(event: string, listener: (told: unknown, isBinary: boolean) => void): void {
    if (event === "message") this.#listener = listener;
  }
  say(frame: object): void {
    this.#listener(JSON.stringify(frame), false);
  }
}

const noFeed = (): Feed => {
  throw new Error("there is none");
};

function connect(socket: FeedSocket, feed = noFeed): FeedConnection {
  return new FeedConnection({
    socket,
    access: { tenant: "acme", checkRead: () => undefined, change: () => Promise.resolve() },
    retryAfterMs: () => undefined,
    feed,
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

/** Its subscriptions never end, and note when they are to tell how far they are. */
function feedOf(toldPlace: string[]): Feed {
  return {
    retentionMs: 1,
    open: async ({ id }) => {
      const subscription = {
        id,
        run: () => new Promise<void>(() => undefined),
        close: () => undefined,
        tellPlace: () => void toldPlace.push(id),
      };
      return subscription as unknown as Subscription;
    },
  };
}

describe("a beat", () => {
  it("lets every subscription say how far it is, although another has just told something", async () => {
    const socket = new StillSocket();
    const toldPlace: string[] = [];
    const connection = connect(socket, () => feedOf(toldPlace));
    for (const id of ["busy", "quiet"]) socket.say({ type: "subscribe", id, collection: "users" });
    await turn();
    connection.send(FRAME);
    socket.takeAll();
    connection.beat();
    expect(toldPlace).toEqual(["busy", "quiet"]);
  });

  it("gives nothing more to a client that has enough to take", async () => {
    const socket = new StillSocket();
    const toldPlace: string[] = [];
    const connection = connect(socket, () => feedOf(toldPlace));
    socket.say({ type: "subscribe", id: "one", collection: "users" });
    await turn();
    while (!connection.isFull) connection.send(FRAME);
    connection.beat();
    expect(toldPlace).toEqual([]);
  });
});

interface Opened {
  isClosed: boolean;
  finish(): void;
  fail(error: Error): void;
}

/** Its subscriptions end when the test says so, which may be long after they were closed. */
function slowFeed(opened: Opened[]): Feed {
  return {
    retentionMs: 1,
    open: async ({ id }) => {
      let one: Opened;
      const work = new Promise<void>((finish, fail) =>
        opened.push((one = { isClosed: false, finish, fail })),
      );
      const close = () => void (one.isClosed = true);
      return { id, run: () => work, close, tellPlace: () => undefined } as unknown as Subscription;
    },
  };
}

describe("a subscription that the client has ended", () => {
  const subscribe = { type: "subscribe", id: "one", collection: "users" };
  const unsubscribe = { type: "unsubscribe", id: "one" };

  it("leaves its name to the next one at once, and says nothing more under it", async () => {
    const socket = new StillSocket();
    const opened: Opened[] = [];
    connect(socket, () => slowFeed(opened));
    for (const frame of [subscribe, unsubscribe, subscribe]) socket.say(frame);
    await turn();
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    opened[0]!.fail(new Error("too late"));
    await turn();
    expect(socket.texts).toEqual([]);
    socket.say(subscribe);
    await turn();
    expect(socket.texts.map((text) => JSON.parse(text) as object)).toMatchObject([
      { type: "problem", id: "one", problem: { status: 400 } },
    ]);
  });

  it("counts for as long as it is at work: no more of them are at once, however often they are ended", async () => {
    const socket = new StillSocket();
    const opened: Opened[] = [];
    connect(socket, () => slowFeed(opened));
    const again = async (times: number) => {
      for (let time = 0; time < times; time += 1) {
        socket.say(subscribe);
        socket.say(unsubscribe);
        await turn();
      }
    };
    await again(300);
    expect(opened).toHaveLength(256);
    expect(JSON.parse(socket.texts[0]!)).toMatchObject({
      id: "one",
      problem: { type: "urn:forebay:problem:too-many-subscriptions" },
    });
    for (const one of opened) one.finish();
    await turn();
    await again(300);
    expect(opened).toHaveLength(512);
  });
});
