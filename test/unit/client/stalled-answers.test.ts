/**
 * An answer that stalls after its head, with garbage collected since: runtimes forget then whom a request's signal was for, and
 * deadlines and ends have to hold all the same.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { counter, createClient, defineCollection } from "../../../services/client/index.ts";
import { collectGarbage } from "../collect-garbage.ts";

const posts = defineCollection("posts", { likes: counter() });
const STATE = '{"type":"state","id":"1","records":[],"complete":true,"cursor":"1"}\n';

let server: Server;
/** Each answer begins so, and does not go on. */
let status: number;
let beginning: string;
let begun: Promise<unknown>;
let left: Promise<unknown>;
beforeEach(async () => {
  let begin: (value?: unknown) => void;
  let leave: (value?: unknown) => void;
  begun = new Promise((resolve) => (begin = resolve));
  left = new Promise((resolve) => (leave = resolve));
  server = createServer((_, response) => {
    response.on("close", leave);
    response.writeHead(status);
    response.write(beginning, begin);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function postsHere() {
  const eu = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createClient({ regions: { eu }, platform: { webSocket: undefined } }).collection(posts);
}

describe("an answer whose body is no stream of the platform's", () => {
  it("is read as text", async () => {
    const body = { getReader: undefined };
    const answer = {
      status: 200,
      headers: new Headers(),
      body,
      text: () => Promise.resolve('{"key":"one"}'),
    };
    const platform = { fetch: () => Promise.resolve(answer as unknown as Response) };
    const client = createClient({ regions: { eu: "http://eu" }, platform });
    await expect(client.collection(posts).get("one")).resolves.toMatchObject({ key: "one" });
  });
});

describe("an answer that stalls after its head", () => {
  it("ends with the deadline of the request, and its connection as well", async () => {
    [status, beginning] = [200, '{"key":'];
    const read = postsHere().get("one", { deadlineMs: 1_000 });
    const problem = read.catch((error: unknown) => error);
    await begun;
    await collectGarbage();
    expect(await problem).toMatchObject({ code: "unreachable" });
    await left;
  });

  it("ends with the deadline where nothing else heeds it", async () => {
    let isCancelled = false;
    const text = new TextEncoder().encode('{"key":');
    const source = {
      start: (controller: ReadableStreamDefaultController) => controller.enqueue(text),
      cancel: () => void (isCancelled = true),
    };
    const platform = { fetch: () => Promise.resolve(new Response(new ReadableStream(source))) };
    const client = createClient({ regions: { eu: "http://eu" }, platform });
    const read = client.collection(posts).get("one", { deadlineMs: 500 });
    await expect(read).rejects.toMatchObject({ code: "unreachable" });
    expect(isCancelled).toBe(true);
  });

  it("ends with the subscription that it is of", async () => {
    [status, beginning] = [200, STATE];
    const over = new AbortController();
    const ended = (async () => {
      for await (const { isComplete } of postsHere().subscribe({ signal: over.signal })) {
        expect(isComplete).toBe(true);
        await collectGarbage();
        over.abort();
      }
    })();
    await left;
    await ended;
  });

  it("ends with a subscription that is refused", async () => {
    [status, beginning] = [403, '{"type":'];
    const over = new AbortController();
    const ended = postsHere().subscribe({ signal: over.signal }).next();
    await begun;
    await collectGarbage();
    over.abort();
    expect(await ended).toMatchObject({ done: true });
    await left;
  });
});
