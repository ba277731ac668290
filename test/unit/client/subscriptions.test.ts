/** A subscription over broken connections: every committed state once, whatever breaks; and no memory without a bound. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  counter,
  createClient,
  defineCollection,
  ForebayError,
  type Batch,
  type ClientOptions,
  type SocketConstructor,
} from "../../../services/client/index.ts";
import {
  breakOff,
  PENDING_REMEMBERED_MAX,
  placeOf,
  receive,
  startFollow,
  UNSETTLED_CHARACTERS_MAX,
  UNSETTLED_KEYS_MAX,
} from "../../../services/client/subscribe/follow.ts";
import {
  UNSETTLED_KEYS_MAX as TAKEN_KEYS_MAX,
  type RecordState,
} from "../../../services/protocol/http/feed.ts";
import { FeedServer } from "./feed-server.ts";

const posts = defineCollection("posts", { likes: counter() });
type PostBatch = Batch<(typeof posts)["fields"]>;
const webSocket = WebSocket as unknown as SocketConstructor;

let server: FeedServer;
beforeEach(async () => {
  server = await FeedServer.start();
});
afterEach(() => server.close());

function postsAt(url: string, options: Partial<ClientOptions> = {}) {
  const random = () => 0.01;
  return createClient({ regions: { eu: url }, webSocket, platform: { random }, ...options }).collection(
    posts,
  );
}

describe("a subscription", () => {
  it("tells the state, then changes, and where to go on after each", async () => {
    server.commit("a", { likes: 1 });
    server.commit("b", { likes: 1 });
    const batches: PostBatch[] = [];
    const controller = new AbortController();
    for await (const batch of postsAt(server.url).subscribe({ signal: controller.signal })) {
      batches.push(batch);
      if (batch.isComplete) server.commit("a", { likes: 2 });
      if (batch.type === "changes") controller.abort();
    }
    expect(batches.map(({ type, isFirst, isComplete }) => ({ type, isFirst, isComplete }))).toEqual([
      { type: "state", isFirst: true, isComplete: false },
      { type: "state", isFirst: false, isComplete: false },
      { type: "state", isFirst: false, isComplete: true },
      { type: "changes", isFirst: false, isComplete: false },
    ]);
    expect(batches.at(-1)).toMatchObject({ records: [{ key: "a", fields: { likes: 2 } }], cursor: "3" });
  });

  it("has neither gap nor duplicate over a hundred broken connections", async () => {
    const seen: number[] = [];
    server.breakAfter = 3;
    for (let count = 1; count <= 300; count += 1) server.commit("a", { likes: count });
    for await (const { records } of postsAt(server.url).subscribe({ cursor: "0" })) {
      for (const { position } of records) seen.push(position!.sequence);
      if (seen.length === 300) break;
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(server.connections).toBeGreaterThanOrEqual(100);
  });

  it("begins the state anew where it broke off, and says so", async () => {
    for (const key of ["a", "b", "c", "d"]) server.commit(key, { likes: 1 });
    server.breakAfter = 2;
    const firsts: boolean[] = [];
    for await (const { isFirst, isComplete } of postsAt(server.url).subscribe()) {
      firsts.push(isFirst);
      if (firsts.length === 4) server.breakAfter = Infinity;
      if (isComplete) break;
    }
    expect(firsts).toEqual([true, false, true, false, true, false, false, false, false]);
  });

  it("does not keep more than some frames for an app that takes none, and goes on without a gap", async () => {
    const seen: number[] = [];
    for (let count = 1; count <= 2_000; count += 1) server.commit("a", { likes: count });
    const subscription = postsAt(server.url).subscribe({ cursor: "0" });
    for await (const { records } of subscription) {
      for (const { position } of records) seen.push(position!.sequence);
      // Others have their turn, and so all that the server sends arrives.
      if (seen.length < 3) await new Promise((resolve) => setTimeout(resolve, 50));
      if (seen.length === 2_000) break;
    }
    expect(seen).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1));
    expect(server.connections).toBeGreaterThan(1);
  });

  it("tells all of a state to an app that is slower than the region, and does not read far ahead of it", async () => {
    const text = "x".repeat(65_536);
    for (let count = 1; count <= 1_000; count += 1) server.commit(`key-${count}`, { text });
    const keys = new Set<string>();
    let taken = 0;
    let aheadMax = 0;
    for await (const { isFirst, isComplete, records } of postsAt(server.url).subscribe()) {
      if (isFirst) keys.clear();
      for (const { key } of records) keys.add(key);
      if (server.sentOverHttp > 0) aheadMax = Math.max(aheadMax, server.sentOverHttp - ++taken);
      if (isComplete) break;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(keys.size).toBe(1_000);
    expect(server.connections).toBe(2);
    expect(aheadMax).toBeLessThan(700);
  });

  it("closes its connection when the app leaves the loop", async () => {
    server.commit("a", { likes: 1 });
    for await (const _ of postsAt(server.url).subscribe()) break;
    const untilMs = performance.now() + 5_000;
    while (server.subscribers > 0 && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.subscribers).toBe(0);
  });
});

const record = (key: string, version: string, pending: number): RecordState => ({
  collection: "posts",
  key,
  version,
  pending,
  fields: {},
});

describe("what is pending", () => {
  it("is told once, though each connection tells it again; and again once it is another, or committed", () => {
    let follow = startFollow(undefined);
    const told = (...records: RecordState[]) => {
      const received = receive(follow, { type: "changes", id: "1", records, cursor: "5" });
      follow = received.follow;
      return received.batch?.records.map(({ version }) => version);
    };
    expect(told(record("a", "4.eu.1", 1), record("b", "3", 0))).toEqual(["4.eu.1", "3"]);
    follow = breakOff(follow);
    expect(told(record("a", "4.eu.1", 1))).toBeUndefined();
    expect(told(record("a", "4.eu.2", 2))).toEqual(["4.eu.2"]);
    expect(told(record("a", "5", 0))).toEqual(["5"]);
    expect(told(record("a", "4.eu.2", 1))).toEqual(["4.eu.2"]);
  });
});

describe("a connection that follows another one", () => {
  it("names what was told as pending, and begins anew where that is too much", () => {
    expect(UNSETTLED_KEYS_MAX).toBe(TAKEN_KEYS_MAX);
    const told = (keys: number) =>
      receive(startFollow("4"), {
        type: "changes",
        id: "1",
        records: Array.from({ length: keys }, (_, index) => record(`key-${index}`, "4.eu.1", 1)),
        cursor: "5",
      }).follow;
    expect(placeOf(told(2), false)).toEqual({ cursor: "5", unsettled: ["key-0", "key-1"] });
    expect(placeOf(told(UNSETTLED_KEYS_MAX), false).unsettled).toHaveLength(UNSETTLED_KEYS_MAX);
    expect(placeOf(told(UNSETTLED_KEYS_MAX + 1), false)).toEqual({});
    const withKey = (characters: number) => ({
      ...told(1),
      pending: new Map([["x".repeat(characters), "4.eu.1"]]),
    });
    const { http, webSocket: framed } = UNSETTLED_CHARACTERS_MAX;
    expect(placeOf(withKey(http + 1), false)).toHaveProperty("cursor");
    expect(placeOf(withKey(http + 1), true)).toEqual({});
    expect(placeOf(withKey(framed + 1), false)).toEqual({});
    // What was forgotten can't be named later either, when nothing is pending any more.
    const follow = { ...told(PENDING_REMEMBERED_MAX + 1), pending: new Map<string, string>() };
    expect(placeOf(follow, false)).toEqual({});
    const { follow: anew } = receive(follow, {
      type: "state",
      id: "1",
      records: [],
      complete: true,
      cursor: "9",
    });
    expect(placeOf(anew, false)).toEqual({ cursor: "9" });
  });

  it("is told what became of it", async () => {
    server.commit("a", { likes: 1 });
    server.pending = [record("a", "1.eu.1", 1)];
    const [committed] = server.log;
    for await (const { records } of postsAt(server.url).subscribe({ cursor: "1" })) {
      // It comes to nothing while nobody is connected.
      if (records[0]?.pending === 1) {
        server.pending = [committed!];
        server.breakConnections();
      } else break;
    }
    expect(server.asked.map(({ cursor, unsettled }) => ({ cursor, unsettled }))).toEqual([
      { cursor: "1", unsettled: undefined },
      { cursor: "1", unsettled: ["a"] },
    ]);
  });
});

describe("an app that goes on from a cursor that it has kept", () => {
  it("names what it was told as pending, until it has heard of it", async () => {
    server.commit("a", { likes: 1 });
    server.pending = server.log.slice();
    const batches: PostBatch[] = [];
    for await (const batch of postsAt(server.url).subscribe({ cursor: "1", unsettled: ["a", "b"] })) {
      batches.push(batch);
      if (batches.length === 2) break;
      server.breakConnections();
    }
    expect(batches[0]).toMatchObject({ type: "changes", records: [{ key: "a", pending: 0 }] });
    expect(server.asked.map(({ cursor, unsettled }) => ({ cursor, unsettled }))).toEqual([
      { cursor: "1", unsettled: ["a", "b"] },
      { cursor: "1", unsettled: ["b"] },
    ]);
  });
});

describe("a subscription whose signal is aborted before it is connected", () => {
  it("ends without a connection", async () => {
    const controller = new AbortController();
    const fetchSlowly = async (url: string, init: RequestInit) => {
      if (!url.endsWith("/readyz")) return fetch(url, init);
      controller.abort();
      return new Response("{}");
    };
    const regions = { eu: server.url, us: server.url };
    const records = postsAt(server.url, { regions, platform: { fetch: fetchSlowly } });
    for await (const batch of records.subscribe({ signal: controller.signal })) expect(batch).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.connections).toBe(0);
  });
});

describe("a subscription over HTTP", () => {
  it("asks for nothing that has no value", async () => {
    const asked: string[] = [];
    const platform = {
      webSocket: undefined,
      fetch: (url: string) => {
        asked.push(url);
        return Promise.resolve(new Response('{"type":"changes","id":"changes","records":[],"cursor":"1"}\n'));
      },
    };
    const client = createClient({ regions: { eu: "http://eu" }, platform });
    const options: object = { prefix: undefined, key: "a" };
    await client.collection(posts).subscribe(options).next();
    expect(asked).toEqual(["http://eu/v1/changes?follow=true&collection=posts&pending=true&key=a"]);
  });
});

describe("a WebSocket that is refused", () => {
  it("gets another credential, though it says nothing of why", async () => {
    server.commit("a", { likes: 1 });
    server.refusal = (token) => (token === "t2" ? undefined : 401);
    let count = 0;
    const records = postsAt(server.url, { token: () => `t${++count}` });
    for await (const { isComplete } of records.subscribe()) if (isComplete) break;
    expect(count).toBe(2);
    expect(server.sentOverHttp).toBe(0);
  });

  it("ends the subscription where no credential helps, or it may not read; and the region stays", async () => {
    for (const status of [401, 403]) {
      server.refusal = () => status;
      let count = 0;
      const urls: string[] = [];
      const regions = { eu: server.url, us: "http://127.0.0.1:9" };
      const platform = {
        random: () => 0.01,
        fetch: async (url: string, init: RequestInit) => {
          urls.push(url);
          if (!url.endsWith("/readyz")) return fetch(url, init);
          if (!url.startsWith(server.url)) await new Promise((resolve) => setTimeout(resolve, 200));
          return new Response("{}");
        },
      };
      const client = createClient({ regions, webSocket, platform, token: () => `t${++count}` });
      const error: unknown = await client
        .collection(posts)
        .subscribe()
        .next()
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ status });
      expect(count).toBe(status === 401 ? 2 : 1);
      expect(client.region).toBe("eu");
      expect(urls.filter((url) => url.startsWith("http://127.0.0.1:9/v1"))).toEqual([]);
    }
  });

  it("goes on over HTTP where that alone gets through", async () => {
    server.commit("a", { likes: 1 });
    const Refused = function Refused() {
      return new WebSocket("ws://127.0.0.1:9/v1/subscribe");
    } as unknown as SocketConstructor;
    const batches: PostBatch[] = [];
    for await (const batch of postsAt(server.url, { webSocket: Refused }).subscribe()) {
      batches.push(batch);
      if (batch.isComplete) break;
    }
    expect(batches.flatMap(({ records }) => records.map(({ key }) => key))).toEqual(["a"]);
    expect(server.sentOverHttp).toBeGreaterThan(0);
  });
});

describe("a credential that the app can't give", () => {
  it("is refused at once where it is a key that no header takes", () => {
    for (const key of ["k\n", "ä", ""])
      expect(() => postsAt(server.url, { key })).toThrow("key is a text of printable ASCII characters");
  });

  it("is asked for again by a subscription", async () => {
    server.commit("a", { likes: 1 });
    let count = 0;
    const token = () => {
      count += 1;
      if (count < 4) throw new Error("not now");
      return "t";
    };
    for await (const { isComplete } of postsAt(server.url, { token }).subscribe()) if (isComplete) break;
    expect(count).toBe(4);
  });
});

describe("a subscription that is refused", () => {
  it("ends with the problem, over HTTP as well", async () => {
    const refused = {
      type: "urn:forebay:problem:unknown-collection",
      status: 404,
      retry: "never",
      title: "no",
    };
    const platform = {
      webSocket: undefined,
      fetch: () => Promise.resolve(new Response(JSON.stringify(refused), { status: 404 })),
    };
    const client = createClient({ regions: { eu: "http://eu" }, platform });
    const error: unknown = await client
      .collection(posts)
      .subscribe()
      .next()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ForebayError);
    expect(error).toMatchObject({ code: "unknown-collection" });
  });

  it("asks for another credential once", async () => {
    const tokens: string[] = [];
    const platform = {
      webSocket: undefined,
      fetch: (_url: string, init: RequestInit) => {
        tokens.push((init.headers as Record<string, string>)["authorization"]!);
        const body = {
          type: "urn:forebay:problem:unauthenticated",
          status: 401,
          retry: "never",
          title: "no",
        };
        return Promise.resolve(new Response(JSON.stringify(body), { status: 401 }));
      },
    };
    let count = 0;
    const client = createClient({ regions: { eu: "http://eu" }, platform, token: () => `t${++count}` });
    await expect(client.collection(posts).subscribe().next()).rejects.toMatchObject({ status: 401 });
    expect(tokens).toEqual(["Bearer t1", "Bearer t2"]);
  });
});
