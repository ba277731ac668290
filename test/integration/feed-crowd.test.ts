/** A thousand subscribers with ten that take nothing: the others are told all the same, memory stays bounded; and frames of any kind. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import fc from "fast-check";
import { WebSocket } from "ws";
import { residentMegabytes } from "../bench/processes.ts";
import { checkAsyncProperty } from "../unit/property.ts";
import { converged, eventually, startBed, withStores, type Bed } from "./cluster/bed.ts";
import { Follower } from "./cluster/follower.ts";
import { createCollection } from "./cluster/load.ts";

const SUBSCRIBERS = 1_000;
const SLOW = 10;
const GROUPS = 99;
const WRITES = 1_500;
const TEXT = "x".repeat(8 * 1024);
const MEGABYTES_MAX = 150;
const SCHEMA = { fields: { n: { class: "lww", type: "integer" }, text: { class: "lww", type: "string" } } };

let bed: Bed;
let url: string;

beforeAll(async () => {
  bed = await startBed("feed-crowd", 1);
  await createCollection(bed, "crowd", SCHEMA);
  ({ url } = bed.cluster.region("eu"));
});

afterAll(() => bed.stop());

async function write(key: string, n: number): Promise<void> {
  const response = await fetch(`${url}/v1/collections/crowd/records/${key}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ set: { n, text: TEXT } }),
  });
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1));
}

describe("a thousand subscribers", () => {
  it("are told everything while ten of them take nothing, and those too once they do", async () => {
    const crowd = Array.from(
      { length: SUBSCRIBERS - SLOW },
      (_, index) => new Follower({ collection: "crowd", prefix: `${index % GROUPS}:`, pending: false }),
    );
    const slow = Array.from({ length: SLOW }, () => new Follower({ collection: "crowd", pending: false }));
    const all = [...crowd, ...slow];
    for (let from = 0; from < all.length; from += 50) await Promise.all(all.slice(from, from + 50).map((follower) => follower.connect(url))); // prettier-ignore
    for (const follower of all) await follower.until("complete", ({ isComplete }) => isComplete);
    for (const follower of slow) follower.pause();
    const { pid } = bed.cluster.region("eu");
    const before = residentMegabytes(pid!).resident_megabytes;
    for (let from = 0; from < WRITES; from += 20) {
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => write(`${(from + index) % GROUPS}:a`, from + index)),
      );
    }
    await withStores(bed, (stores) => converged(bed, stores));
    const isNewest = (follower: Follower) =>
      [...follower.records.values()].every((record) => Number(record.fields?.["n"]) >= WRITES - GROUPS);
    for (const follower of crowd)
      await follower.until("the newest state", (one) => one.records.size === 1 && isNewest(one));
    const grown = residentMegabytes(pid!).resident_megabytes - before;
    expect(grown).toBeLessThan(MEGABYTES_MAX);
    expect(await metric("forebay_feed_behind_total")).toBeGreaterThanOrEqual(1);
    for (const follower of slow) follower.resume();
    const hasAll = (one: Follower) => one.records.size === GROUPS && isNewest(one);
    for (const follower of slow) {
      await follower.until("what waited", (one) => one.closedWith !== undefined || hasAll(one));
      // On a busy machine they took nothing for so long that they were sent away: they go on as clients do.
      if (follower.closedWith !== undefined) await follower.connect(url);
      await follower.until("the newest states", hasAll);
    }
    for (const follower of all) {
      follower.check();
      follower.breakOff();
    }
    await eventually("all have gone", async () =>
      (await metric("forebay_feed_subscriptions")) === 0 ? true : undefined,
    );
  });
});

const anyId = fc.oneof(fc.constantFrom("a", "b", ""), fc.string());
const anyFrame = fc.oneof(
  fc.record(
    {
      type: fc.constant("subscribe"),
      id: anyId,
      collection: fc.constantFrom("crowd", "nobody", "$leases", ""),
    },
    { requiredKeys: [] },
  ),
  fc.record({
    type: fc.constant("subscribe"),
    id: anyId,
    collection: fc.constant("crowd"),
    key: fc.option(fc.string(), { nil: undefined }),
    prefix: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
    cursor: fc.option(fc.oneof(fc.string(), fc.constant("f1.0-1-0.AAAAAAAA.AAAAAAAAAAAAAAAA")), {
      nil: undefined,
    }),
    pending: fc.option(fc.anything(), { nil: undefined }),
  }),
  fc.record({ type: fc.constantFrom("unsubscribe", "authenticate", "changes", "__proto__"), id: anyId }),
  fc.anything(),
);

describe("frames of any kind", () => {
  it("are answered, or end their connection with a reason; nothing breaks and nothing is left behind", async () => {
    await checkAsyncProperty(fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 30 }), say), {
      runs: 60,
    });
    const strange = await closeOf((socket) => socket.send("{"));
    expect(strange).toBe(4_400);
    expect(await closeOf((socket) => socket.send(Buffer.from([1, 2, 3])))).toBe(4_400);
    expect(await closeOf((socket) => socket.send("x".repeat(70_000)))).toBe(1_009);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await eventually("all have gone", async () =>
      (await metric("forebay_feed_connections")) === 0 ? true : undefined,
    );
    expect(await metric("forebay_feed_subscriptions")).toBe(0);
  });
});

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/subscribe`);
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  return socket;
}

async function closeOf(act: (socket: WebSocket) => void): Promise<number> {
  const socket = await open();
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  act(socket);
  return closed;
}

/** Says it all, and then something that is answered. */
async function say(frames: readonly unknown[]): Promise<void> {
  const socket = await open();
  const answers: { type: string; id?: string; problem?: { type: string; status: number } }[] = [];
  let isClosed = false;
  socket.on("message", (data: Buffer) =>
    answers.push(JSON.parse(data.toString()) as (typeof answers)[number]),
  );
  socket.on("close", () => (isClosed = true));
  for (const frame of frames) {
    const text = JSON.stringify(frame) as string | undefined;
    if (text !== undefined && text.length < 10_000) socket.send(text);
  }
  socket.send(JSON.stringify({ type: "subscribe", id: "the last", collection: "nobody" }));
  await eventually(
    "the last answer",
    () => isClosed || answers.some(({ id }) => id === "the last") || undefined,
  );
  expect(isClosed).toBe(false);
  for (const { problem } of answers) expect(problem?.status ?? 200).toBeLessThan(500);
  socket.terminate();
}
