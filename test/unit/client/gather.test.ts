/** Writes that come together: one request, in which each has a key, a receipt or an error of its own. */
import { describe, expect, it } from "vitest";
import { createClient, OutcomeUnknownError, type ClientOptions } from "../../../services/client/index.ts";
import { problem, SimulatedWorld, type Asked } from "./simulated.ts";
import {
  answeringLines,
  isImport,
  linesOf,
  posts,
  TAKEN as told,
  type SentLine as Line,
} from "./together.ts";

const answering = answeringLines();

function postsIn(world: SimulatedWorld, options: Partial<ClientOptions> = {}) {
  const client = createClient({ regions: { eu: "http://eu" }, platform: world.platform, ...options });
  // Whoever asks for the collection again writes the same way.
  return { write: (key: string) => client.collection(posts).write(key, { inc: { likes: 1 } }), client };
}

const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`);
const sizesOf = (world: SimulatedWorld) =>
  world.requests.map((asked) => (isImport(asked) ? linesOf(asked).length : 1));

describe("writes that a region takes alone", () => {
  it("go alone, and at once, where they come alone", async () => {
    const world = new SimulatedWorld(answering);
    const { write } = postsIn(world);
    await world.until(write("a"));
    await world.until(write("b"));
    expect(world.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "PATCH /v1/collections/posts/records/a",
      "PATCH /v1/collections/posts/records/b",
    ]);
  });

  it("go together where they come in one go, and each has its receipt", async () => {
    const world = new SimulatedWorld(answering);
    const { write } = postsIn(world);
    const receipts = await world.until(Promise.all(keysOf(100).map(write)));
    expect(receipts.every(({ status, region }) => status === "accepted" && region === "eu")).toBe(true);
    expect(sizesOf(world)).toEqual([64, 36]);
    const ids = world.requests.flatMap(linesOf).map(({ id }) => id);
    expect(new Set(ids).size).toBe(100);
  });

  it("gather behind four requests that are on their way", async () => {
    const world = new SimulatedWorld(answering);
    const { write } = postsIn(world);
    const written: Promise<unknown>[] = [];
    for (const key of keysOf(20)) {
      written.push(write(key));
      await world.pass(1);
    }
    await world.until(Promise.all(written));
    const sizes = sizesOf(world);
    expect(sizes.slice(0, 4)).toEqual([1, 1, 1, 1]);
    expect(sizes.length).toBeLessThan(10);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(20);
  });

  it("fail one by one", async () => {
    const refusal = (problem("unknown-field", 422) as { body: object }).body;
    const world = new SimulatedWorld((asked) => ({
      body: {
        lines: linesOf(asked).map(({ key }) =>
          key === "k1" ? { status: "refused", problem: { ...refusal, retry: "never" } } : told,
        ),
      },
    }));
    const { write } = postsIn(world);
    const ended = await world.until(Promise.allSettled(keysOf(3).map(write)));
    expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(ended[1]).toMatchObject({ reason: { code: "unknown-field" } });
  });

  it("go elsewhere under their keys when their region goes away, and take effect there", async () => {
    const world = new SimulatedWorld((asked) => {
      if (asked.path === "/readyz") return { body: { ready: true }, delayMs: asked.region === "eu" ? 1 : 50 };
      return asked.region === "eu" ? "break" : answering(asked);
    });
    const { write } = postsIn(world, { regions: { eu: "http://eu", us: "http://us" } });
    const receipts = await world.until(Promise.all(keysOf(10).map(write)));
    expect(receipts.every(({ region }) => region === "us")).toBe(true);
    const [first, second] = world.requests.filter(isImport);
    expect(linesOf(first!)).toEqual(linesOf(second!));
  });

  it("stay unknown where nobody answers before the deadline, and can be settled one by one", async () => {
    let isAway = true;
    const world = new SimulatedWorld((asked) => (isAway ? "hang" : answering(asked)));
    const { write } = postsIn(world, { deadlineMs: 2_000, tryMs: 500 });
    const ended = await world.until(Promise.allSettled(keysOf(2).map(write)));
    expect(world.nowMs).toBeLessThanOrEqual(2_100);
    const errors = ended.map((one) => (one as PromiseRejectedResult).reason as OutcomeUnknownError);
    for (const error of errors) expect(error).toBeInstanceOf(OutcomeUnknownError);
    isAway = false;
    const [{ id }] = linesOf(world.requests[0]!) as [Line];
    expect(await world.until(errors[0]!.settle())).toMatchObject({ status: "accepted" });
    expect(world.requests.at(-1)!.headers["idempotency-key"]).toBe(id);
  });

  it("wait no longer than their deadline, and are refused where too many wait", async () => {
    const world = new SimulatedWorld(() => "hang");
    const { write } = postsIn(world, { deadlineMs: 1_000, limits: { waitingMax: 100 } });
    const written: Promise<unknown>[] = [];
    for (const key of keysOf(4)) {
      written.push(write(key));
      await world.pass(1);
    }
    written.push(...keysOf(102).map(write));
    const ended = await world.until(Promise.allSettled(written));
    expect(ended.every(({ status }) => status === "rejected")).toBe(true);
    expect(ended.at(-1)).toMatchObject({ reason: { code: "client-overloaded" } });
    expect(world.nowMs).toBeLessThanOrEqual(1_100);
  });
});

const refusedAs = (code: string, retry: string) => ({
  status: "refused",
  problem: { ...(problem(code, 503) as { body: object }).body, retry },
});

/** Each answers its lines as told; others than imports are accepted. */
function worldOf(told: (line: Line, asked: Asked) => object, delayMs = 10): SimulatedWorld {
  return new SimulatedWorld((asked) => {
    if (asked.path === "/readyz") return { body: { ready: true }, delayMs: asked.region === "eu" ? 1 : 50 };
    if (!isImport(asked)) return answering(asked);
    return { body: { lines: linesOf(asked).map((line) => told(line, asked)) }, delayMs };
  });
}

describe("a write that came with others", () => {
  it("stays in doubt where an earlier try of them may have taken effect and another region refuses it", async () => {
    for (const [code, retry] of [
      ["wal-full", "same"],
      ["unknown-field", "never"],
    ] as const) {
      const world = worldOf(({ key }) => (key === "k1" ? refusedAs(code, retry) : told));
      const { behave } = world;
      world.behave = (asked) => (asked.region === "eu" && isImport(asked) ? "break" : behave(asked));
      const { write } = postsIn(world, { regions: { eu: "http://eu", us: "http://us" }, deadlineMs: 2_000 });
      const ended = await world.until(Promise.allSettled(keysOf(3).map(write)));
      expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      const { reason } = ended[1] as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(OutcomeUnknownError);
      if (retry === "never") expect((reason as OutcomeUnknownError).cause).toMatchObject({ code });
    }
  });

  it("has its receipt as soon as it is told, whatever others meet, and keeps nobody else waiting", async () => {
    const world = worldOf(({ key }) => (key.startsWith("full") ? refusedAs("wal-full", "same") : told));
    const { write } = postsIn(world);
    const failing: Promise<unknown>[] = [];
    for (const batch of keysOf(4)) {
      failing.push(write(`full-${batch}`).catch((error: unknown) => error));
      await world.until(write(batch));
      expect(world.nowMs).toBeLessThan(100);
    }
    await world.until(write("later"));
    expect(world.nowMs).toBeLessThan(100);
    const errors = await world.until(Promise.all(failing));
    expect(errors).toMatchObject(Array.from({ length: 4 }, () => ({ code: "wal-full" })));
    expect(world.nowMs).toBeLessThanOrEqual(15_100);
    // Refused for fifteen seconds, with pauses up to two.
    expect(world.requests.length).toBeLessThan(4 * 25);
  });

  it("is tried elsewhere where its region refuses it for now", async () => {
    const world = worldOf((_, { region }) => (region === "eu" ? refusedAs("wal-full", "same") : told));
    const { write } = postsIn(world, { regions: { eu: "http://eu", us: "http://us" } });
    const receipts = await world.until(Promise.all(keysOf(3).map(write)));
    expect(receipts.map(({ region }) => region)).toEqual(["us", "us", "us"]);
    expect(world.nowMs).toBeLessThan(1_000);
  });

  it("is sent by itself where the request was refused as a whole, or its answer says too little", async () => {
    for (const answer of [
      problem("route-not-found", 404, { retry: "never" }),
      { body: { lines: [{ ...told, status: "superseded", replayed: true }, told] } },
    ]) {
      const world = new SimulatedWorld((asked) => (isImport(asked) ? answer : answering(asked)));
      const { write } = postsIn(world);
      const receipts = await world.until(Promise.all(keysOf(2).map(write)));
      expect(receipts.map(({ status }) => status)).toEqual(["accepted", "accepted"]);
      const [, alone] = world.requests;
      expect(alone!.headers["idempotency-key"]).toBe(linesOf(world.requests[0]!)[0]!.id);
    }
  });

  it("goes on behind requests that hang, and soon", async () => {
    let hanging = 4;
    const world = new SimulatedWorld((asked) => ((hanging -= 1) >= 0 ? "hang" : answering(asked)));
    const { write } = postsIn(world);
    for (const key of keysOf(4)) {
      void write(key).catch(() => undefined);
      await world.pass(1);
    }
    await world.until(Promise.all([write("a"), write("b")]));
    expect(world.nowMs).toBeLessThan(300);
  });

  it("is what the app has said, and not what its object has become", async () => {
    const world = new SimulatedWorld(answering);
    const records = createClient({ regions: { eu: "http://eu" }, platform: world.platform }).collection(
      posts,
    );
    const change = { inc: { likes: 1 } };
    const written = [records.write("a", change)];
    change.inc.likes = 2;
    written.push(records.write("b", change));
    change.inc.likes = 3;
    await world.until(Promise.all(written));
    expect(linesOf(world.requests[0]!)).toMatchObject([{ inc: { likes: 1 } }, { inc: { likes: 2 } }]);
  });

  it("may leave operators out, and is refused for what makes no sense by the region", async () => {
    const world = new SimulatedWorld(answering);
    const records = createClient({ regions: { eu: "http://eu" }, platform: world.platform }).collection(
      posts,
    );
    const odd = [{ inc: { likes: 1 }, set: undefined }, { inc: null }, { set: { constructor: 1 } }, {}];
    const written = odd.map((write, index) => records.write(`k${index}`, write as object));
    await world.until(Promise.all(written));
    expect(sizesOf(world).reduce((sum, size) => sum + size, 0)).toBe(4);
  });

  it("is too long to go with others, or is not", async () => {
    const world = new SimulatedWorld(answering);
    const { write } = postsIn(world);
    await world.until(Promise.all(["a", "b", "c".repeat(4_000)].map(write)));
    expect(sizesOf(world).toSorted((one, other) => one - other)).toEqual([1, 2]);
  });
});

describe("writes that go in a request of their own", () => {
  it("are those with options, conditions, rights to take, or fields that the log decides", async () => {
    const world = new SimulatedWorld(answering);
    const { client } = postsIn(world);
    const records = client.collection(posts);
    await world.until(
      Promise.all([
        records.write("a", { inc: { likes: 1 } }, { idempotencyKey: "mine" }),
        records.write("b", { inc: { likes: 1 } }, { until: "committed" }),
        records.write("c", { inc: { likes: 1 }, if: { version: null } }),
        records.write("d", { inc: { likes: 1 }, authoritative: true }),
        records.write("e", { take: { stock: 1 } }),
        records.write("f", { set: { status: "paid" } }),
      ]),
    );
    expect(world.requests.map(({ path }) => path.split("/").at(-1))).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it.each([1, undefined, Number.NaN])("are all where the client was told so: %s", async (gatherMax) => {
    const world = new SimulatedWorld(answering);
    const limits = { gatherMax } as { gatherMax: number };
    const { write } = postsIn(world, { limits });
    await world.until(Promise.all(keysOf(5).map(write)));
    expect(sizesOf(world)).toEqual([1, 1, 1, 1, 1]);
  });
});
