/** The live feed over real sockets: each reader its views, at its own pace, and nobody else's upgrades. */
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { LiveFeed } from "../../../services/gateway/http/live-feed.ts";
import type { FeedSocket } from "../../../services/gateway/http/socket-keeper.ts";
import type { LiveMessage } from "../../../services/protocol/cluster/view.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { exchange, get } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { EMPTY_VIEW, StubViews } from "./stub-views.ts";

let rig: Rig;
let views: StubViews;
let port: number;

beforeEach(async () => {
  views = new StubViews();
  rig = await buildRig({ clusterViews: views });
  port = await rig.server.listen({ host: "127.0.0.1", port: 0 });
});
afterEach(() => rig.server.close(100));

interface Follower {
  readonly socket: WebSocket;
  readonly levels: string[];
  readonly closed: Promise<number>;
  /** Resolves once so many views have come. */
  until(count: number): Promise<void>;
}

function follow(): Follower {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/cluster/live`);
  const levels: string[] = [];
  let told = (): void => undefined;
  socket.on("message", (data: Buffer) => {
    levels.push((JSON.parse(data.toString()) as LiveMessage).view.level);
    told();
  });
  const closed = new Promise<number>((resolve) => socket.on("close", (code) => resolve(code)));
  const until = async (count: number) => {
    while (levels.length < count) await new Promise<void>((resolve) => (told = resolve));
  };
  return { socket, levels, closed, until };
}

describe("the live feed", () => {
  it("sends the view at once, and each that comes", async () => {
    const [one, other] = [follow(), follow()];
    await Promise.all([one.until(1), other.until(1)]);
    views.show({ ...EMPTY_VIEW, level: "hurt" });
    await Promise.all([one.until(2), other.until(2)]);
    expect([one.levels, other.levels]).toEqual([["ok", "hurt"], ["ok", "hurt"]]); // prettier-ignore
    one.socket.close();
    await one.closed;
    views.show({ ...EMPTY_VIEW, level: "risk" });
    await other.until(3);
    expect(one.levels).toHaveLength(2);
  });

  it("ends when the server closes, which does not wait for its readers", async () => {
    const reader = follow();
    await reader.until(1);
    await rig.server.close(5_000);
    expect(await reader.closed).toBe(1_001);
    expect(views.followers.size).toBe(0);
  });

  it("is not there for plain requests, and says so", async () => {
    expect((await get(rig, "/v1/cluster/live")).statusCode).toBe(426);
  });

  it("leaves requests that offer other upgrades as they are, and those to other places", async () => {
    const h2c =
      "Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    const ping = await exchange(port, `GET /livez HTTP/1.1\r\nHost: x\r\n${h2c}\r\n`);
    expect([ping.statusCode, ping.body]).toEqual([200, '{"alive":true}']);
    const body = '{"set":{"name":"Ada"}}';
    const headers = `Host: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${h2c}`;
    const write = `PATCH /v1/collections/users/records/ada HTTP/1.1\r\n${headers}\r\n${body}`;
    expect((await exchange(port, write)).statusCode).toBe(202);
    const websocket =
      "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const elsewhere = await exchange(port, `GET /livez HTTP/1.1\r\nHost: x\r\n${websocket}\r\n`);
    expect(elsewhere.statusCode).toBe(200);
  });

  it("is for pages of this server, and for who is no page", async () => {
    const status = async (origin: string, host = "forebay.example:8080") => {
      const socket = connect(port, "127.0.0.1");
      const lines = [
        "GET /v1/cluster/live HTTP/1.1",
        `Host: ${host}`,
        "Connection: Upgrade\r\nUpgrade: websocket",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ...(origin === "" ? [] : [`Origin: ${origin}`]),
      ];
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      const text = await new Promise<string>((resolve) =>
        socket.once("data", (data) => resolve(data.toString())),
      );
      socket.destroy();
      return Number(text.split(" ")[1]);
    };
    expect(await status("")).toBe(101);
    expect(await status("http://forebay.example:8080")).toBe(101);
    expect(await status("https://forebay.example", "forebay.example:443")).toBe(101);
    expect(await status("http://other.example:8080")).toBe(403);
    expect(await status("http://forebay.example:8081")).toBe(403);
    expect(await status("null")).toBe(403);
  });

  it("does not fall over a reader that breaks off in the middle of its handshake, or of a message", async () => {
    for (const text of [
      "GET /v1/cluster/live HTTP/1.1\r\nUpgrade: webs",
      "GET /v1/cluster/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ]) {
      const socket = connect(port, "127.0.0.1", () => socket.end(text, () => socket.destroy()));
      await new Promise((resolve) => socket.on("close", resolve));
    }
    const reader = follow();
    await reader.until(1);
    reader.socket.terminate();
    const next = follow();
    await next.until(1);
    next.socket.send("x".repeat(5_000));
    expect(await next.closed).toBe(1_009);
  });
});

/** A socket whose network takes nothing until it is told to. */
class SlowSocket implements FeedSocket {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  state = "open";
  send(text: string, _options: object, done: () => void): void {
    this.sent.push(text);
    this.bufferedAmount = text.length;
    this.#done = done;
  }
  take(): void {
    this.bufferedAmount = 0;
    this.#done();
  }
  ping(): void {
    this.state = "pinged";
  }
  close(code: number): void {
    this.state = `closed ${code}`;
  }
  terminate(): void {
    this.state = "terminated";
  }
  on(event: string, listener: (data: unknown, isBinary: boolean) => void): void {
    if (event === "close") this.#onClosed.push(() => listener(undefined, false));
  }
  leave(): void {
    for (const listener of this.#onClosed) listener();
  }
  readonly #onClosed: (() => void)[] = [];
  #done: () => void = () => undefined;
}

describe("a reader that is slow", () => {
  it("gets the newest view once it has taken the last, and none between", () => {
    const feed = new LiveFeed(views, silentLogger);
    const socket = new SlowSocket();
    feed.add(socket);
    for (const at of [1, 2, 3]) views.show({ ...EMPTY_VIEW, viewer: { ...EMPTY_VIEW.viewer, at } });
    expect(socket.sent).toHaveLength(1);
    socket.take();
    views.show({ ...EMPTY_VIEW, viewer: { ...EMPTY_VIEW.viewer, at: 4 } });
    expect(socket.sent.map((text) => (JSON.parse(text) as LiveMessage).view.viewer.at)).toEqual([1_000, 4]);
  });

  it("is one of a bounded number", async () => {
    const feed = new LiveFeed(views, silentLogger);
    const sockets = Array.from({ length: 130 }, () => new SlowSocket());
    for (const socket of sockets) feed.add(socket);
    expect(feed.readers).toBe(128);
    expect(sockets.slice(126).map(({ state }) => state)).toEqual([
      "open",
      "open",
      "closed 1013",
      "closed 1013",
    ]);
    const open = sockets.slice(0, 128);
    const closed = feed.close();
    expect(sockets.slice(128).map(({ state }) => state)).toEqual(["terminated", "terminated"]);
    for (const socket of open) socket.leave();
    await closed;
  });
});

describe("the view of the cluster", () => {
  it("is answered as it is, and with history as it is asked for", async () => {
    expect((await get(rig, "/v1/cluster")).json()).toEqual(EMPTY_VIEW);
    const history = await get(rig, "/v1/cluster/history?span_ms=60000&points=20&partition=3");
    expect(history.statusCode).toBe(200);
    expect(views.asked).toEqual({ spanMs: 60_000, points: 20, partition: 3 });
    for (const query of ["span_ms=0", "points=9999999", "points=x", "span=1", "partition=-1"])
      expect((await get(rig, `/v1/cluster/history?${query}`)).statusCode).toBe(400);
  });
});
