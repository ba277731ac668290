/** Subscriptions of the client on real regions: what was told as pending and came to nothing. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { SocketConstructor } from "../../../services/client/index.ts";
import { startBed, type Bed } from "../cluster/bed.ts";
import { createCollection } from "../cluster/load.ts";
import { clientAt, posts } from "./clients.ts";

/** For an election, and as long again. */
const LIMIT_MS = 60_000;

let bed: Bed;
beforeAll(async () => {
  bed = await startBed("client-subscriptions");
  await createCollection(bed, posts.name, posts.schema);
});
afterAll(() => bed.stop());

function alone(region: string) {
  const { url } = bed.cluster.region(region);
  return clientAt(bed, region, { regions: { [region]: url } }).collection(posts);
}

/** Ends its first connection when it is told to. */
class OneBreak {
  break: () => void = () => undefined;
  /** What was asked for, and how connections have ended, for who has to find out what went wrong. */
  readonly #course: string[] = [];
  readonly #sinceMs = performance.now();
  readonly fetch = (url: string, init: RequestInit) => this.#fetch(url, init);
  readonly webSocket: SocketConstructor;
  #home = true;
  readonly #first: string;

  constructor(first: string) {
    this.#first = first;
    const open = (url: string, protocols: string[]) => {
      const socket = new WebSocket(url, protocols);
      this.note(`open ${url}`);
      socket.on("close", (code) => this.note(`closed ${url}: ${code}`));
      if (!this.#isThere(url.replace("ws", "http"))) socket.terminate();
      this.break = () => this.#leave(() => socket.terminate());
      return socket;
    };
    this.webSocket = function Breakable(url: string, protocols: string[]) {
      return open(url, protocols);
    } as unknown as SocketConstructor;
  }

  /** What was asked for and told, and when, in one line: of a failure in CI the first line alone is seen. */
  get course(): string {
    return this.#course.join("; ");
  }

  note(what: string): void {
    this.#course.push(`${Math.round(performance.now() - this.#sinceMs)} ms ${what}`);
  }

  /** Only the first region is before the break, and only others after it. */
  #isThere(url: string): boolean {
    return url.startsWith(this.#first) === this.#home;
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    this.note(`fetch ${url}`);
    if (!this.#isThere(url)) throw new TypeError("there is nobody");
    const response = await fetch(url, init);
    if (!url.includes("/v1/changes")) return response;
    // Not by the signal of the request: Node.js 20 and 22 may have forgotten by then whose it was.
    const over = new AbortController();
    const { readable, writable } = new TransformStream();
    response.body!.pipeTo(writable, { signal: over.signal }).catch((error: unknown) => {
      this.note(`closed ${url}: ${String(error)}`);
    });
    this.break = () => this.#leave(() => over.abort());
    return new Response(readable, response);
  }

  #leave(end: () => void): void {
    this.#home = false;
    end();
  }
}

describe("a subscription", () => {
  it("is told in another region that what was pending came to nothing, over WebSocket and over HTTP", async () => {
    for (const way of ["webSocket", "http"] as const) {
      const breaking = new OneBreak(bed.cluster.region("eu").url);
      const { fetch: breakable, webSocket } = breaking;
      const client = clientAt(bed, "eu", {
        // Newer platforms have one of their own.
        platform: { fetch: breakable, webSocket: way === "http" ? undefined : webSocket },
      });
      const [key, cause] = [`lamp-${way}`, { idempotencyKey: `same-${way}` }];
      const told: [pending: number, isThere: boolean][] = [];
      const over = new AbortController();
      const limit = setTimeout(() => over.abort(), LIMIT_MS);
      const subscription = client.collection(posts).subscribe({ prefix: key, signal: over.signal });
      for await (const { isComplete, records } of subscription) {
        breaking.note(`told ${isComplete} ${JSON.stringify(records)}`);
        for (const { pending, fields } of records) told.push([pending, fields !== undefined]);
        if (isComplete) {
          for (const other of ["us", "ap"]) bed.cluster.cutLink("eu", other);
          // The log takes the first of two requests under one key: that one, as nothing leaves eu.
          const inEu = await alone("eu").write(key, { inc: { likes: 1 } }, cause);
          breaking.note(`eu: ${inEu.status}`);
          const committed = { ...cause, until: "committed" } as const;
          const inUs = await alone("us").write(`another-${way}`, { inc: { likes: 1 } }, committed);
          breaking.note(`us: ${inUs.status}`);
        } else if (records[0]?.pending === 1) {
          breaking.note("break");
          breaking.break();
        } else if (records.length > 0) break;
      }
      clearTimeout(limit);
      for (const other of ["us", "ap"]) bed.cluster.healLink("eu", other);
      expect(told, breaking.course).toEqual([
        [1, true],
        [0, false],
      ]);
    }
  });
});
