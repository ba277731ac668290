/** Subscriptions on real regions: the state first, then what changes; over reconnects, in other regions, no gap and nothing twice. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { converged, startBed, withStores, type Bed } from "./cluster/bed.ts";
import { Follower } from "./cluster/follower.ts";
import { createCollection } from "./cluster/load.ts";
import type { ServerFrame } from "../../services/protocol/http/feed.ts";

let bed: Bed;

const SCHEMA = {
  fields: {
    name: { class: "lww", type: "string" },
    count: { class: "merge", kind: "counter" },
    status: { class: "authoritative", type: "string" },
  },
};

beforeAll(async () => {
  bed = await startBed("feed", 4);
  await createCollection(bed, "people", SCHEMA);
});

afterAll(() => bed.stop());

async function write(region: string, key: string, body: object): Promise<void> {
  const url = `${bed.cluster.region(region).url}/v1/collections/people/records/${encodeURIComponent(key)}`;
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "PATCH", headers, body: JSON.stringify(body) });
  if (response.status >= 300) throw new Error(`${response.status}: ${await response.text()}`);
}

async function remove(region: string, key: string): Promise<void> {
  const url = `${bed.cluster.region(region).url}/v1/collections/people/records/${key}`;
  const response = await fetch(url, { method: "DELETE" });
  if (response.status >= 300) throw new Error(`${response.status}: ${await response.text()}`);
}

const urlOf = (region: string) => bed.cluster.region(region).url;

describe("a subscription", () => {
  it("tells what there is, then what is pending, then what is committed, then that it is deleted", async () => {
    await write("eu", "a:1", { set: { name: "Ada" } });
    await write("eu", "b:1", { set: { name: "Bob" } });
    await withStores(bed, (stores) => converged(bed, stores));
    const follower = new Follower({ collection: "people", prefix: "a:" });
    await follower.connect(urlOf("eu"));
    await follower.until("the state is complete", ({ isComplete }) => isComplete);
    expect([...follower.records.keys()]).toEqual(["a:1"]);
    await write("eu", "a:2", { set: { name: "Amy" } });
    await write("eu", "b:2", { set: { name: "Ben" } });
    await follower.until("a:2 is committed", ({ records }) => records.get("a:2")?.pending === 0);
    const told = follower.frames.flatMap((frame) => (frame.type === "changes" ? frame.records : []));
    expect(told.map(({ key, pending, fields }) => [key, pending, fields])).toEqual([
      ["a:2", 1, { name: "Amy" }],
      ["a:2", 0, { name: "Amy" }],
    ]);
    await remove("us", "a:1");
    await follower.until("a:1 is deleted", ({ records }) => records.get("a:1")?.deleted === true);
    follower.check();
    follower.breakOff();
  });
});

describe("a subscription that goes on", () => {
  it("over 100 reconnects, in any region, misses nothing and is told nothing twice", async () => {
    const regions = ["eu", "us", "ap"];
    const follower = new Follower({ collection: "people", prefix: "r:", pending: false });
    await follower.connect(urlOf("eu"));
    await follower.until("the state is complete", ({ isComplete }) => isComplete);
    const over = new AbortController();
    let written = 0;
    const writing = (async () => {
      for (; !over.signal.aborted; written += 1)
        await write(regions[written % 3]!, `r:${written % 25}`, { inc: { count: 1 } });
    })();
    for (let turn = 0; turn < 100; turn += 1) {
      const seen = follower.frames.length;
      await follower.until("something is told", ({ frames }) => frames.length > seen);
      follower.breakOff();
      await follower.connect(urlOf(regions[(turn * 7) % 3]!));
    }
    over.abort();
    await writing;
    await expectTold(follower, "r:", written);
    follower.check();
    follower.breakOff();
  });

  it("after its region was killed, elsewhere, and there again", async () => {
    const follower = new Follower({ collection: "people", prefix: "k:" });
    await follower.connect(urlOf("us"));
    await follower.until("the state is complete", ({ isComplete }) => isComplete);
    for (let index = 0; index < 30; index += 1) await write("us", `k:${index % 10}`, { inc: { count: 1 } });
    await bed.cluster.killRegion("us");
    await follower.until("the connection is lost", ({ closedWith }) => closedWith !== undefined);
    await write("eu", "k:0", { inc: { count: 1 } });
    await follower.connect(urlOf("ap"));
    await follower.until("what was written meanwhile is told", ({ records }) => records.has("k:0"));
    await bed.cluster.startRegion("us");
    follower.breakOff();
    await follower.connect(urlOf("us"));
    await write("us", "k:1", { inc: { count: 1 } });
    await expectTold(follower, "k:", 32);
    follower.check();
    follower.breakOff();
  });

  it("through a gateway whose region is folded by another process", async () => {
    const second = await bed.cluster.addGateway("eu");
    const followers = [urlOf("eu"), second.url].map((url) => ({
      url,
      follower: new Follower({ collection: "people", prefix: "g:" }),
    }));
    for (const { url, follower } of followers) await follower.connect(url);
    for (const { follower } of followers) await follower.until("complete", ({ isComplete }) => isComplete);
    for (let index = 0; index < 20; index += 1) await write("eu", `g:${index % 4}`, { inc: { count: 1 } });
    for (const { follower } of followers) {
      await expectTold(follower, "g:", 20);
      follower.check();
    }
    await second.stop();
    const [first, last] = followers;
    await last!.follower.until("it is sent away", ({ closedWith }) => closedWith !== undefined);
    expect(last!.follower.closedWith).toBe(1_001);
    first!.follower.breakOff();
  });
});

/** All counters together come to so much, and nothing is pending any more. */
async function expectTold(follower: Follower, prefix: string, total: number): Promise<void> {
  await follower.until(`${prefix} comes to ${total}`, ({ records }) => {
    const told = [...records.values()].filter(({ key }) => key.startsWith(prefix));
    const sum = told.reduce((so, { fields }) => so + Number(fields?.["count"] ?? 0), 0);
    return sum === total && told.every(({ pending }) => pending === 0);
  });
}

describe("GET /v1/changes", () => {
  const changes = (region: string, query: string, headers: Record<string, string> = {}) =>
    fetch(`${urlOf(region)}/v1/changes?collection=people&${query}`, { headers });
  const linesOf = async (response: Response) =>
    (await response.text())
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as ServerFrame);

  it("tells by pages what the WebSocket tells, in any region", async () => {
    for (let index = 0; index < 5; index += 1) await write("eu", `h:${index}`, { set: { name: "x" } });
    await withStores(bed, (stores) => converged(bed, stores));
    const first = await changes("eu", "prefix=h:");
    expect(first.headers.get("forebay-changes-retention")).toBe("259200");
    const frames = await linesOf(first);
    const told = frames.flatMap((frame) => ("records" in frame ? frame.records : []));
    expect(told.map(({ key }) => key).toSorted()).toEqual(["h:0", "h:1", "h:2", "h:3", "h:4"]);
    const { cursor } = frames.at(-1) as { cursor: string };
    expect(cursor).toBeDefined();
    for (let index = 0; index < 3; index += 1) await write("us", `h:${index}`, { set: { name: "y" } });
    await withStores(bed, (stores) => converged(bed, stores));
    const next = await linesOf(await changes("ap", `prefix=h:&after=${cursor}`));
    expect(
      next
        .flatMap((frame) => ("records" in frame ? frame.records : []))
        .map(({ key }) => key)
        .toSorted(),
    ).toEqual(["h:0", "h:1", "h:2"]);
    const last = next.at(-1) as { cursor: string };
    const nothing = await linesOf(await changes("us", `prefix=h:&after=${last.cursor}`));
    expect(nothing).toMatchObject([{ type: "changes", records: [] }]);
  });

  it("stays as server-sent events, which go on from Last-Event-ID", async () => {
    const first = await events(
      await changes("eu", "key=e", { accept: "text/event-stream" }),
      ({ id }) => id !== undefined,
    );
    await write("eu", "e", { set: { name: "one" } });
    const lastId = first.at(-1)!.id!;
    const headers = { accept: "text/event-stream", "last-event-id": lastId };
    const next = await events(await changes("us", "key=e", headers), isTelling);
    expect(next.at(-1)!.data).toMatchObject({
      type: "changes",
      records: [{ key: "e", fields: { name: "one" } }],
    });
  });

  it("says what is wrong with what it is asked", async () => {
    const problem = async (query: string) =>
      ((await (await changes("eu", query)).json()) as { type: string }).type;
    expect(await problem("after=f1.0-1-0.x.y")).toBe("urn:forebay:problem:invalid-cursor");
    expect(await problem("key=a&prefix=b")).toBe("urn:forebay:problem:malformed-body");
    expect(await problem("follow=perhaps")).toBe("urn:forebay:problem:invalid-parameter");
    expect((await fetch(`${urlOf("eu")}/v1/changes?collection=nobody`)).status).toBe(404);
    const other = (await linesOf(await changes("eu", "prefix=h:"))).at(-1) as { cursor: string };
    expect(await problem(`prefix=i:&after=${other.cursor}`)).toBe("urn:forebay:problem:invalid-cursor");
  });
});

interface Told {
  readonly id?: string;
  readonly data: ServerFrame;
}

const isTelling = ({ data }: Told) => "records" in data && data.records.length > 0;

/** Reads until such an event has come, and breaks off. */
async function events(response: Response, isLast: (event: Told) => boolean): Promise<Told[]> {
  const found: Told[] = [];
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!found.some(isLast)) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the events have ended");
    text += value;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const id = lines.find((line) => line.startsWith("id: "))?.slice(4);
      const data = JSON.parse(lines.find((line) => line.startsWith("data: "))!.slice(6)) as ServerFrame;
      found.push({ ...(id !== undefined && { id }), data });
    }
  }
  await reader.cancel();
  return found;
}
