/** What is known of a change stays known, and what is not is never told as a refusal. */
import { describe, expect, it } from "vitest";
import { createClient, OutcomeUnknownError } from "../../../services/client/index.ts";
import { accepted, problem, SimulatedWorld, type Behaviour } from "./simulated.ts";
import {
  answeringLines,
  collected,
  failureOf,
  isImport,
  LIKE,
  linesOf,
  posts,
  postsOf,
  refusedLine,
  TAKEN,
} from "./together.ts";

const REFUSALS: readonly Behaviour[] = [
  problem("wal-full", 503),
  problem("rate-limited", 429),
  problem("forbidden", 403, { retry: "never" }),
  "refuse",
];

describe("a write that a region has called durable", () => {
  it("is told so, whatever another try of it would meet", async () => {
    for (const refusal of REFUSALS) {
      let imports = 0;
      const replayed = answeringLines(() => ({ ...TAKEN, replayed: true }));
      const world = new SimulatedWorld((asked) => {
        if (!isImport(asked)) return refusal;
        imports += 1;
        return imports === 1 ? "break" : replayed(asked);
      });
      const records = postsOf(world, { deadlineMs: 3_000 });
      const receipts = await world.until(Promise.all(["a", "b"].map((key) => records.write(key, LIKE))));
      expect(receipts).toMatchObject([{ status: "accepted", isReplayed: true }, { status: "accepted" }]);
      expect(world.requests.every(isImport)).toBe(true);
    }
  });

  it("is told so where what it has lost can't be learned", async () => {
    const told = answeringLines(() => ({ ...TAKEN, status: "superseded", replayed: true }));
    const world = new SimulatedWorld((asked) =>
      isImport(asked) ? told(asked) : problem("forbidden", 403, { retry: "never" }),
    );
    const records = postsOf(world);
    const receipts = await world.until(Promise.all(["a", "b"].map((key) => records.write(key, LIKE))));
    expect(receipts.map(({ status }) => status)).toEqual(["superseded", "superseded"]);
  });
});

describe("a write in doubt", () => {
  it("stays so when it is to be settled, and a region refuses it or is not there", async () => {
    let behaviour: Behaviour = "hang";
    const world = new SimulatedWorld(() => behaviour);
    const failed = failureOf(postsOf(world, { deadlineMs: 2_000, tryMs: 500 }).write("a", LIKE));
    const error = (await world.until(failed)) as OutcomeUnknownError;
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    for (behaviour of REFUSALS) {
      const again = await world.until(failureOf(error.settle()));
      expect(again).toBeInstanceOf(OutcomeUnknownError);
      expect((again as OutcomeUnknownError).idempotencyKey).toBe(error.idempotencyKey);
    }
  });

  it("has no operation of another one, and keeps its own over all tries", async () => {
    const whole = new SimulatedWorld(() =>
      problem("outcome-unknown", 504, { retry: "ask", operation: "of-another", expires_at_ms: 1 }),
    );
    const records = postsOf(whole, { deadlineMs: 2_000 });
    const errors = await whole.until(
      Promise.all(["a", "b"].map((key) => failureOf(records.write(key, LIKE)))),
    );
    for (const error of errors as OutcomeUnknownError[]) {
      expect(error).toBeInstanceOf(OutcomeUnknownError);
      expect([error.operation, error.expiresAtMs]).toEqual([undefined, undefined]);
    }

    let tries = 0;
    const lines = new SimulatedWorld(
      answeringLines(({ key }) => {
        if (key !== "b") return TAKEN;
        tries += 1;
        const doubt = { retry: "ask", operation: "of-b", expires_at_ms: 77 };
        return tries === 1 ? refusedLine("outcome-unknown", 504, doubt) : refusedLine("no-quorum", 503);
      }),
    );
    const writes = [
      { key: "a", write: LIKE },
      { key: "b", write: { set: { status: "new" } } },
    ];
    const [, told] = await lines.until(collected(postsOf(lines).writeMany(writes, { deadlineMs: 2_000 })));
    expect(told!.error).toBeInstanceOf(OutcomeUnknownError);
    expect(told!.error).toMatchObject({ operation: "of-b", expiresAtMs: 77 });
  });

  it("is one whose line the answer does not have", async () => {
    const world = new SimulatedWorld((asked) =>
      isImport(asked) ? { body: { lines: [TAKEN, null] } } : "hang",
    );
    const records = postsOf(world);
    const written = ["a", "b", "c"].map((key) => records.write(key, LIKE));
    const ended = await world.until(Promise.allSettled(written));
    expect(ended[0]!.status).toBe("fulfilled");
    for (const one of ended.slice(1))
      expect((one as PromiseRejectedResult).reason).toBeInstanceOf(OutcomeUnknownError);
  });
});

describe("a schema whose answer is lost", () => {
  it("may be in force, and can be sent again", async () => {
    let behaviour: Behaviour = "break";
    const world = new SimulatedWorld(() => behaviour);
    const client = createClient({
      regions: { eu: "http://eu" },
      platform: world.platform,
      deadlineMs: 2_000,
    });
    const error = (await world.until(failureOf(client.apply(posts)))) as OutcomeUnknownError;
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    behaviour = { body: { version: 3 } };
    expect(await world.until(error.settle())).toMatchObject({ version: 3 });
  });
});

describe("writes of which one is in doubt with its region", () => {
  it("stay there for three tries if one of them takes from an escrow, as it does by itself", async () => {
    const regionsOf = async (isMany: boolean) => {
      const told = answeringLines();
      const world = new SimulatedWorld((asked) => {
        if (asked.path === "/readyz")
          return { body: { ready: true }, delayMs: asked.region === "eu" ? 1 : 50 };
        return asked.region === "eu" ? "break" : told(asked);
      });
      const records = postsOf(world, { regions: { eu: "http://eu", us: "http://us" } });
      const take = { take: { stock: 1 } };
      await world.until<unknown>(
        isMany ? collected(records.writeMany([{ key: "a", write: take }])) : records.write("a", take),
      );
      if (isMany) expect(new Set(world.requests.map((asked) => linesOf(asked)[0]!.id)).size).toBe(1);
      return world.requests.map(({ region }) => region);
    };
    expect(await regionsOf(true)).toEqual(["eu", "eu", "eu", "us"]);
    expect(await regionsOf(false)).toEqual(["eu", "eu", "eu", "us"]);
  });

  it("are settled there, of many as of one", async () => {
    const told = answeringLines();
    let isBroken = true;
    const world = new SimulatedWorld((asked) => {
      if (asked.path === "/readyz") return { body: { ready: true }, delayMs: asked.region === "eu" ? 1 : 50 };
      if (isBroken) return "break";
      return asked.method === "POST" ? told(asked) : accepted(asked.region);
    });
    const records = postsOf(world, { regions: { eu: "http://eu", us: "http://us" }, deadlineMs: 400 });
    const write = { take: { stock: 1 } };
    const [written] = await world.until(collected(records.writeMany([{ key: "a", write }])));
    const { error } = written as unknown as { error: OutcomeUnknownError };
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    const asked = world.requests.length;
    isBroken = false;
    await world.until(error.settle());
    expect(world.requests.slice(asked).map(({ region }) => region)).toEqual(["eu"]);
  });
});
