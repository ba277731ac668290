/** Writes that come together: one request, in which each has a key, a receipt or an error of its own. */
import { describe, expect, it } from "vitest";
import {
  authoritative,
  counter,
  createClient,
  defineCollection,
  escrow,
  OutcomeUnknownError,
  type ClientOptions,
} from "../../../services/client/index.ts";
import { accepted, problem, SimulatedWorld, type Asked, type Behaviour } from "./simulated.ts";

const posts = defineCollection("posts", {
  likes: counter(),
  stock: escrow(),
  status: authoritative.string(),
});

interface Line {
  readonly id: string;
  readonly key: string;
}

const isImport = ({ path }: Asked) => path === "/v1/collections/posts/import";
const linesOf = ({ body }: Asked): Line[] => body!.split("\n").map((text) => JSON.parse(text) as Line);
const told = { status: "accepted", operation: "an-id" };

function answering(asked: Asked): Behaviour {
  return isImport(asked)
    ? { body: { lines: linesOf(asked).map(() => told) }, delayMs: 10 }
    : { ...(accepted() as object), delayMs: 10 };
}

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
    expect(linesOf(world.requests.at(-1)!)).toMatchObject([{ id }]);
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

  it("are all where the client was told so", async () => {
    const world = new SimulatedWorld(answering);
    const { write } = postsIn(world, { limits: { gatherMax: 1 } });
    await world.until(Promise.all(keysOf(5).map(write)));
    expect(sizesOf(world)).toEqual([1, 1, 1, 1, 1]);
  });
});
