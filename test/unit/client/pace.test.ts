/** What goes together is tried again by the same policy and budget as what goes alone, and is kept waiting by nobody. */
import { describe, expect, it } from "vitest";
import { problem, REGIONS, SimulatedWorld, turn } from "./simulated.ts";
import {
  answeringLines,
  collected,
  failureOf,
  isImport,
  LIKE,
  linesOf,
  postsOf,
  refusedLine,
  TAKEN,
} from "./together.ts";

const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`);
const LITTLE = { retryBudget: { retriesMax: 1, retriesPerSecond: 0.001 } };

describe("writes that come together", () => {
  it("are kept waiting by slow ones for a moment, and no longer", async () => {
    const answering = answeringLines();
    const world = new SimulatedWorld((asked) => {
      if (asked.path.includes("/records/hanging")) return "hang";
      return asked.path.includes("/records/full") ? problem("wal-full", 503) : answering(asked);
    });
    const records = postsOf(world);
    for (const key of ["hanging-1", "hanging-2", "full-1", "full-2"]) {
      void records.write(key, LIKE).catch(() => undefined);
      await world.pass(1);
    }
    await world.pass(200);
    for (const key of keysOf(3)) {
      const startedAtMs = world.nowMs;
      await world.until(records.write(key, LIKE));
      expect(world.nowMs - startedAtMs).toBe(10);
    }
    const startedAtMs = world.nowMs;
    await world.until(Promise.all(keysOf(1_000).map((key) => records.write(key, LIKE))));
    // Four requests of 64 at once.
    expect(world.nowMs - startedAtMs).toBe(Math.ceil(1_000 / 64 / 4) * 10);
  });

  it("have their own deadlines, whoever goes with them", async () => {
    const answering = answeringLines(() => TAKEN, 40);
    const world = new SimulatedWorld((asked) => (asked.path.includes("hanging") ? "hang" : answering(asked)));
    const records = postsOf(world, { deadlineMs: 110 });
    for (const key of keysOf(4)) {
      void records.write(`hanging-${key}`, LIKE).catch(() => undefined);
      await turn();
    }
    const ends: Promise<string>[] = [];
    for (const key of keysOf(90)) {
      await world.pass(1);
      const end = records.write(key, LIKE).then(
        () => "done",
        (error: { code: string }) => `${error.code} at ${world.nowMs}`,
      );
      ends.push(end);
    }
    const ended = await world.until(Promise.all(ends));
    // They go after 100 ms: who has more than half of its time has the answer.
    expect(ended.slice(45).filter((end) => end !== "done")).toEqual([]);
    expect(new Set(ended.slice(0, 44))).toEqual(new Set(["outcome-unknown at 111"]));
  });

  it("take one retry of the budget for each request, and wait for as long as the region says", async () => {
    const world = new SimulatedWorld(
      answeringLines(({ key }) =>
        key === "k0" ? TAKEN : refusedLine("wal-full", 503, { retry_after_s: 5 }),
      ),
    );
    const records = postsOf(world);
    const written = keysOf(8).map((key) => records.write(key, LIKE).catch(() => undefined));
    await world.until(Promise.all(written));
    const [first, second] = world.requests.map(({ atMs }) => atMs);
    expect(second! - first!).toBeGreaterThanOrEqual(5_000);

    const poor = new SimulatedWorld(world.behave);
    const few = postsOf(poor, LITTLE);
    await poor.until(Promise.allSettled(keysOf(640).map((key) => few.write(key, LIKE))));
    expect(poor.requests.length).toBe(Math.ceil(640 / 64) + 1);
  });

  it("become no more requests where an answer is lost, or nobody may write", async () => {
    const replayed = answeringLines(() => ({ ...TAKEN, replayed: true }));
    const lossy: SimulatedWorld = new SimulatedWorld((asked) =>
      lossy.requests.length === 1 ? "break" : replayed(asked),
    );
    const few = postsOf(lossy, LITTLE);
    await lossy.until(Promise.all(keysOf(64).map((key) => few.write(key, LIKE))));
    expect(lossy.requests.length).toBe(2);

    const forbidding = new SimulatedWorld(() => problem("forbidden", 403, { retry: "never" }));
    const records = postsOf(forbidding);
    const errors = await forbidding.until(
      Promise.all(keysOf(64).map((key) => failureOf(records.write(key, LIKE)))),
    );
    expect(errors).toMatchObject(keysOf(64).map(() => ({ code: "forbidden" })));
    expect(forbidding.requests.length).toBe(1);
  });
});

describe("many writes", () => {
  it("are not sent again once the log has decided", async () => {
    const decided = { retry: "same", position: { partition: 0, sequence: 9 }, operation: "an-id" };
    const world = new SimulatedWorld(
      answeringLines(({ key }) => (key === "b" ? refusedLine("schema-changed", 409, decided) : TAKEN)),
    );
    const writes = [
      { key: "a", write: LIKE },
      { key: "b", write: { set: { status: "new" } } },
    ];
    const written = await world.until(collected(postsOf(world).writeMany(writes)));
    expect(written.map(({ error }) => error?.code)).toEqual([undefined, "schema-changed"]);
    expect(world.requests.length).toBe(1);
  });

  it("stay with the region that gets what they lack, and give up where nobody has it", async () => {
    const left = { left: { here: 0, total: 0 } };
    const world = new SimulatedWorld((asked) => {
      if (asked.path === "/readyz") return { body: { ready: true }, delayMs: asked.region === "eu" ? 1 : 50 };
      return answeringLines(({ take }) =>
        take === undefined ? TAKEN : refusedLine("insufficient", 409, left),
      )(asked);
    });
    const records = postsOf(world, { regions: { eu: "http://eu", us: "http://us" } });
    const writes = [
      { key: "a", write: LIKE },
      { key: "b", write: { take: { stock: 1 } } },
    ];
    const written = await world.until(collected(records.writeMany(writes)));
    expect(written.map(({ error }) => error?.code)).toEqual([undefined, "insufficient"]);
    expect(world.requests.map(({ region }) => region)).toEqual(["eu", "eu"]);
    expect(linesOf(world.requests[1]!).map(({ key }) => key)).toEqual(["b"]);
  });

  it("of which one can't be sent are all told of, and so is what is known when they are called off", async () => {
    const world = new SimulatedWorld(answeringLines());
    const odd = [
      { key: "a", write: LIKE },
      { key: "\ud800", write: LIKE },
      { key: "..", write: LIKE },
      { key: "b", write: { set: { name: 1n as never } } },
      { key: "d", write: LIKE, idempotencyKey: "ключ" },
      { key: "c", write: LIKE },
    ];
    const written = await world.until(collected(postsOf(world).writeMany(odd)));
    expect(written.map(({ error }) => error?.code)).toEqual([
      undefined,
      "invalid-key",
      "invalid-key",
      "unstorable-value",
      "invalid-idempotency-key",
      undefined,
    ]);
    expect(linesOf(world.requests[0]!).map(({ key }) => key)).toEqual(["a", "c"]);

    const stop = new AbortController();
    world.behave = answeringLines(({ key }) => (key === "b" ? refusedLine("wal-full", 503) : TAKEN));
    const told: string[] = [];
    const called = (async () => {
      const writes = ["a", "b"].map((key) => ({ key, write: LIKE }));
      for await (const { key } of postsOf(world).writeMany(writes, { signal: stop.signal })) told.push(key);
    })();
    const failed = failureOf(called);
    await turn();
    await world.pass(500);
    stop.abort(new Error("called off"));
    expect((await world.until(failed)).message).toBe("called off");
    expect(told).toEqual(["a"]);
  });
});

describe("writes to one record", () => {
  it("stay in their order where the first of them is refused for now, in whichever region", async () => {
    const taken: string[] = [];
    const world: SimulatedWorld = new SimulatedWorld((asked) => {
      if (asked.path === "/readyz") return { body: { ready: true }, delayMs: asked.region === "eu" ? 1 : 50 };
      const refused = new Set<string>();
      // What comes after a line that is refused for now is told to wait for it.
      return answeringLines(({ key, set }) => {
        if (refused.has(key)) return refusedLine("overloaded", 429, { retry_after_s: 1 });
        if (set?.status !== undefined && world.nowMs < 4_000) {
          refused.add(key);
          return refusedLine("no-quorum", 503);
        }
        taken.push(set?.status ?? set!.name!);
        return TAKEN;
      })(asked);
    });
    const records = postsOf(world, { regions: REGIONS });
    const writes = [
      { key: "a", write: { set: { status: "first" } } },
      { key: "a", write: { set: { name: "second" } } },
    ];
    const written = await world.until(collected(records.writeMany(writes)));
    expect(written.every(({ receipt }) => receipt !== undefined)).toBe(true);
    expect(taken).toEqual(["first", "second"]);
  });
});

describe("what can't be sent", () => {
  it("is refused by a promise, before any region is asked", async () => {
    const world = new SimulatedWorld(answeringLines());
    const records = postsOf(world);
    const codes = [
      failureOf(records.write("a", { set: { name: 1n as never } })),
      failureOf(records.write("\ud800", LIKE)),
      failureOf(records.write("", LIKE)),
      failureOf(records.get("..")),
      failureOf(records.write("a", LIKE, { idempotencyKey: "заказ-7" })),
      failureOf(records.delete("a", { idempotencyKey: "" })),
    ];
    expect(await world.until(Promise.all(codes))).toMatchObject(
      [
        "unstorable-value",
        "invalid-key",
        "invalid-key",
        "invalid-key",
        "invalid-idempotency-key",
        "invalid-idempotency-key",
      ].map((code) => ({ code, retry: "never", status: 0 })),
    );
    expect(world.asked.filter((asked) => isImport(asked) || asked.path !== "/readyz")).toEqual([]);
  });
});
