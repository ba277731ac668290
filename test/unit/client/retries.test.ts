/** What the client does when a region does not answer, or refuses: retried where it is safe, under one key, in time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  counter,
  createClient,
  defineCollection,
  escrow,
  ForebayError,
  isForebayError,
  OutcomeUnknownError,
  type ClientOptions,
} from "../../../services/client/index.ts";
import { checkAsyncProperty } from "../property.ts";
import { accepted, problem, REGIONS, SimulatedWorld, turn, withLooks, type Behaviour } from "./simulated.ts";

const products = defineCollection("products", { likes: counter(), stock: escrow() });

function clientIn(world: SimulatedWorld, options: Partial<ClientOptions> = {}) {
  const client = createClient({ regions: REGIONS, platform: world.platform, ...options });
  return { client, records: client.collection(products) };
}

const like = { inc: { likes: 1 } };
const keysOf = (world: SimulatedWorld) =>
  new Set(world.requests.map(({ headers }) => headers["idempotency-key"]));

async function failureOf(promise: Promise<unknown>): Promise<ForebayError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ForebayError) return error;
  throw new Error("it did not fail as it should", { cause: error });
}

describe("a change that is not answered", () => {
  it("goes to the next region under the same key when the connection breaks", async () => {
    const world = new SimulatedWorld(
      withLooks(({ region }) => (region === "eu" ? "break" : accepted(region))),
    );
    const { records } = clientIn(world);
    const receipt = await world.until(records.write("lamp", like));
    expect(receipt).toMatchObject({ status: "accepted", region: "us" });
    expect(world.requests.map(({ region }) => region)).toEqual(["eu", "us"]);
    expect(keysOf(world).size).toBe(1);
  });

  it("is of unknown outcome when nobody answers in time, and can be settled later under its key", async () => {
    const world = new SimulatedWorld(withLooks(() => "hang"));
    const { records } = clientIn(world, { deadlineMs: 8_000, tryMs: 2_000 });
    const error = await world.until(failureOf(records.write("lamp", like)));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(world.nowMs).toBeLessThanOrEqual(8_000);
    expect(new Set(world.requests.map(({ region }) => region)).size).toBeGreaterThan(1);
    world.behave = withLooks(({ region }) => accepted(region));
    const settled = await world.until((error as OutcomeUnknownError).settle());
    expect(settled).toMatchObject({ status: "accepted" });
    expect(keysOf(world).size).toBe(1);
  });

  it("is certainly without effect where nobody was there", async () => {
    const world = new SimulatedWorld(() => "refuse");
    const { records } = clientIn(world, { deadlineMs: 3_000 });
    const error = await world.until(failureOf(records.write("lamp", like)));
    expect(error).not.toBeInstanceOf(OutcomeUnknownError);
    expect(error.code).toBe("unreachable");
  });

  it("stays unknown when another region refuses it: that says nothing of the first", async () => {
    const refusal = problem("wrong-type", 422, { retry: "never" });
    const world = new SimulatedWorld(withLooks(({ region }) => (region === "eu" ? "break" : refusal)));
    const { records } = clientIn(world);
    const error = await world.until(failureOf(records.write("lamp", like)));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error.cause).toMatchObject({ code: "wrong-type" });
  });

  it("is decided where the log has decided, whoever tells it", async () => {
    const decision = problem("not-unique", 409, { retry: "never", position: { partition: 0, sequence: 7 } });
    const world = new SimulatedWorld(withLooks(({ region }) => (region === "eu" ? "break" : decision)));
    const { records } = clientIn(world);
    const error = await world.until(failureOf(records.write("lamp", like)));
    expect(error).not.toBeInstanceOf(OutcomeUnknownError);
    expect(error.code).toBe("not-unique");
  });

  it("tells the operation and until when it may take effect, where a region has named them", async () => {
    const unknown = problem("outcome-unknown", 504, { retry: "ask", operation: "an-id", expires_at_ms: 42 });
    const world = new SimulatedWorld(withLooks(() => unknown));
    const { records } = clientIn(world, { deadlineMs: 500 });
    const error = await world.until(failureOf(records.write("lamp", like)));
    expect(error).toMatchObject({ operation: "an-id", expiresAtMs: 42, retry: "ask" });
  });

  it("of a take is repeated where it was made, as other regions have rights of their own", async () => {
    const behaviours: Behaviour[] = ["break", "break", accepted("eu")];
    const world = new SimulatedWorld(withLooks(() => behaviours.shift()!));
    const { records } = clientIn(world);
    await world.until(records.write("lamp", { take: { stock: 1 } }));
    expect(world.requests.map(({ region }) => region)).toEqual(["eu", "eu", "eu"]);
  });

  it("of a take is settled where it was made, whoever was asked since", async () => {
    const behaviours: Behaviour[] = ["break", "break", "break"];
    const lacking = problem("insufficient", 409, { retry: "same" });
    const world = new SimulatedWorld(withLooks(() => behaviours.shift() ?? lacking));
    const { records } = clientIn(world, { deadlineMs: 2_500 });
    const error = await world.until(failureOf(records.write("lamp", { take: { stock: 1 } })));
    const asked = world.requests.map(({ region }) => region);
    expect(asked.slice(0, 4)).toEqual(["eu", "eu", "eu", "us"]);
    world.behave = withLooks(({ region }) => accepted(region));
    await world.until((error as OutcomeUnknownError).settle());
    expect(world.requests.slice(asked.length).map(({ region }) => region)).toEqual(["eu"]);
  });

  it("of a take is settled there too where that region is avoided by now", async () => {
    const world = new SimulatedWorld(withLooks(() => "hang"));
    const { records } = clientIn(world, { deadlineMs: 2_500, tryMs: 1_000 });
    const error = await world.until(failureOf(records.write("lamp", { take: { stock: 1 } })));
    world.behave = withLooks(({ region }) => accepted(region));
    const before = world.requests.length;
    // What may be taken anywhere goes elsewhere by now.
    await world.until(records.write("lamp", like));
    await world.until((error as OutcomeUnknownError).settle());
    expect(world.requests.slice(before).map(({ region }) => region)).toEqual(["us", "eu"]);
  });
});

describe("a refusal", () => {
  it("is told at once, with its code, where it would be refused again", async () => {
    const world = new SimulatedWorld(withLooks(() => problem("unknown-field", 422, { retry: "never" })));
    const { records } = clientIn(world);
    const error = await world.until(failureOf(records.write("lamp", like)));
    expect(isForebayError(error, "unknown-field", "wrong-operator")).toBe(true);
    expect(isForebayError(error, "insufficient")).toBe(false);
    expect(world.requests.length).toBe(1);
  });

  it("of a region out of service goes to the next one, and later requests go there first", async () => {
    const world = new SimulatedWorld(
      withLooks(({ region }) => (region === "eu" ? problem("draining", 503) : accepted(region))),
    );
    const { records, client } = clientIn(world);
    await world.until(records.write("lamp", like));
    await world.until(records.write("lamp", like));
    expect(world.requests.map(({ region }) => region)).toEqual(["eu", "us", "us"]);
    expect(client.region).toBe("us");
  });

  it("waits as long as Retry-After says", async () => {
    const busy = problem("overloaded", 429, { headers: { "retry-after": "3" } });
    const behaviours: Behaviour[] = [busy, accepted()];
    const world = new SimulatedWorld(withLooks(() => behaviours.shift()!));
    const { records } = clientIn(world);
    await world.until(records.write("lamp", like));
    const [first, second] = world.requests;
    expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(3_000);
    expect(second!.region).toBe("eu");
  });

  it("is told at once where Retry-After is beyond the deadline", async () => {
    const busy = problem("overloaded", 429, { headers: { "retry-after": "30" } });
    const world = new SimulatedWorld(withLooks(() => busy));
    const { records } = clientIn(world, { deadlineMs: 2_000 });
    const error = await world.until(failureOf(records.write("lamp", like)));
    expect(error.code).toBe("overloaded");
    expect(world.nowMs).toBeLessThan(1_000);
  });

  it("of a take is asked again where rights are on their way, and told with what is left where there are none", async () => {
    const left = { here: 0, total: 9 };
    const elsewhere = problem("insufficient", 409, { left, headers: { "retry-after": "1" } });
    const none = problem("insufficient", 409, { left: { here: 0, total: 2 } });
    const behaviours: Behaviour[] = [elsewhere, accepted()];
    const world = new SimulatedWorld(withLooks(() => behaviours.shift() ?? none));
    const { records } = clientIn(world);
    await world.until(records.write("lamp", { take: { stock: 3 } }));
    const error = await world.until(failureOf(records.write("lamp", { take: { stock: 3 } })));
    if (!error.is("insufficient")) throw error;
    expect(error.left.total).toBe(2);
    // Once more, as what was given elsewhere may just arrive.
    expect(world.requests.length).toBe(4);
  });

  it("of a credential asks for another one, once", async () => {
    const tokens = ["old", "new", "newer"];
    const world = new SimulatedWorld(
      withLooks(({ headers }) =>
        headers["authorization"] === "Bearer new"
          ? accepted()
          : problem("unauthenticated", 401, { retry: "never" }),
      ),
    );
    const { records } = clientIn(world, { token: () => tokens.shift()! });
    await world.until(records.write("lamp", like));
    expect(world.requests.map(({ headers }) => headers["authorization"])).toEqual([
      "Bearer old",
      "Bearer new",
    ]);
    world.behave = withLooks(() => problem("unauthenticated", 401, { retry: "never" }));
    const error = await world.until(failureOf(records.write("lamp", like)));
    expect(error.status).toBe(401);
    expect(tokens).toEqual([]);
  });
});

describe("a change that can't be sent again", () => {
  it("stays unknown where too much waits for its region", async () => {
    const behaviours: Behaviour[] = ["break", "hang"];
    const world = new SimulatedWorld(withLooks(() => behaviours.shift()!));
    const { records } = clientIn(world, {
      regions: { eu: REGIONS.eu },
      limits: { inFlightMax: 1, waitingMax: 0 },
    });
    const failing = failureOf(records.write("lamp", like));
    await turn();
    await world.pass(1);
    const other = failureOf(records.get("chair"));
    const error = await world.until(failing);
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error.cause).toMatchObject({ code: "client-overloaded" });
    await world.until(other);
  });

  it("is not sent with a credential that is none", async () => {
    for (const given of [null, undefined, 7, "", "two\nlines"]) {
      const world = new SimulatedWorld(withLooks(() => accepted()));
      const { records } = clientIn(world, { token: () => given as string, deadlineMs: 1_000 });
      const error = await world.until(failureOf(records.write("lamp", like)));
      expect([error.code, world.requests.length]).toEqual(["unauthenticated", 0]);
      expect(error.detail).toContain("printable ASCII");
    }
  });

  it("stays unknown where the app gives no other credential", async () => {
    let count = 0;
    const token = () => {
      count += 1;
      if (count > 1) throw new Error("signed out");
      return "old";
    };
    const refused = problem("unauthenticated", 401, { retry: "never" });
    const world = new SimulatedWorld(withLooks(({ region }) => (region === "eu" ? "break" : refused)));
    const error = await world.until(failureOf(clientIn(world, { token }).records.write("lamp", like)));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error.cause).toMatchObject({ code: "unauthenticated", cause: new Error("signed out") });
    expect(world.nowMs).toBeLessThanOrEqual(15_000);
    expect(count).toBeGreaterThan(3);
  });
});

describe("a credential that the app can't give at the moment", () => {
  it("is asked for again, once for all calls", async () => {
    let count = 0;
    const token = () => {
      count += 1;
      return count < 4 ? Promise.reject(new Error("not now")) : Promise.resolve("t");
    };
    const world = new SimulatedWorld(withLooks(() => accepted()));
    const { records } = clientIn(world, { token, limits: { gatherMax: 1 } });
    await world.until(Promise.all(Array.from({ length: 50 }, () => records.write("lamp", like))));
    expect(count).toBe(4);
    expect(world.nowMs).toBeGreaterThan(5);
  });

  it("ends the call at its deadline, or with its signal, also where the app never answers", async () => {
    const fails = () => Promise.reject(new Error("no"));
    for (const token of [fails, () => new Promise<string>(() => undefined)]) {
      const world = new SimulatedWorld(withLooks(() => accepted()));
      const { records } = clientIn(world, { token, deadlineMs: 3_000 });
      const error = await world.until(failureOf(records.write("lamp", like)));
      expect(error).toMatchObject({ code: "unauthenticated", retry: "same" });
      expect(error).not.toBeInstanceOf(OutcomeUnknownError);
      expect(world.requests).toEqual([]);
      expect(world.nowMs).toBeLessThanOrEqual(3_100);
      const controller = new AbortController();
      const seen = expect(records.write("lamp", like, { signal: controller.signal })).rejects.toBe("enough");
      await world.pass(500);
      controller.abort("enough");
      await seen;
    }
  });
});

describe("changes that wait for a region", () => {
  it("go elsewhere when it goes away, and cost no retry", async () => {
    const world = new SimulatedWorld(
      withLooks(({ region }) => (region === "eu" ? "refuse" : accepted(region))),
    );
    const { records } = clientIn(world, {
      limits: { inFlightMax: 1, gatherMax: 1 },
      retryBudget: { retriesMax: 1, retriesPerSecond: 0.001 },
    });
    await world.until(Promise.all(Array.from({ length: 50 }, () => records.write("lamp", like))));
    expect(world.requests.filter(({ region }) => region === "eu").length).toBe(1);
  });

  it("go elsewhere when they have waited as long as a try may take", async () => {
    const world = new SimulatedWorld(
      withLooks(({ region }) =>
        region === "eu" ? { ...accepted(region), delayMs: 1_900 } : accepted(region),
      ),
    );
    const { records } = clientIn(world, {
      limits: { inFlightMax: 1, gatherMax: 1 },
      deadlineMs: 5_000,
      tryMs: 2_000,
    });
    await world.until(Promise.all(Array.from({ length: 20 }, () => records.write("lamp", like))));
    expect(world.requests.length).toBe(20);
  });
});

describe("an abort signal", () => {
  it("ends a call that waits for an answer, and one that waits to try again", async () => {
    for (const behaviour of ["hang", problem("overloaded", 429)] as const) {
      const world = new SimulatedWorld(withLooks(() => behaviour));
      const { records } = clientIn(world);
      const controller = new AbortController();
      const call = records.write("lamp", like, { signal: controller.signal });
      const seen = expect(call).rejects.toBe("enough");
      await world.pass(500);
      controller.abort("enough");
      await seen;
    }
  });
});

const anyBehaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.constantFrom<Behaviour>("hang", "break", "refuse"),
  fc
    .record({
      delayMs: fc.nat({ max: 3_000 }),
      kind: fc.constantFrom("accepted", "draining", "overloaded", "no-quorum", "internal", "outcome-unknown"),
      retryAfter: fc.nat({ max: 3 }),
    })
    .map(({ delayMs, kind, retryAfter }) => {
      if (kind === "accepted") return { ...accepted(), delayMs };
      const retry = kind === "internal" || kind === "outcome-unknown" ? "ask" : "same";
      return { ...problem(kind, 503, { retry, headers: { "retry-after": String(retryAfter) } }), delayMs };
    }),
);

describe("whatever regions do", () => {
  it("all tries of a change have one key and one body, and end by the deadline", async () => {
    await checkAsyncProperty(
      fc.asyncProperty(fc.array(anyBehaviour, { minLength: 1 }), fc.nat(), async (behaviours, seed) => {
        let index = 0;
        const world = new SimulatedWorld(
          withLooks(() => behaviours[index++ % behaviours.length]!),
          seed,
        );
        const { records } = clientIn(world, { deadlineMs: 6_000, tryMs: 1_500 });
        const ended = await world.until(
          records.write("lamp", like).then(
            () => "receipt",
            (error: unknown) => error,
          ),
        );
        expect(keysOf(world).size).toBe(1);
        expect(new Set(world.requests.map(({ body }) => body)).size).toBe(1);
        expect(world.nowMs).toBeLessThanOrEqual(6_000);
        const mayHaveTakenEffect = (behaviour: Behaviour) =>
          behaviour === "hang" ||
          behaviour === "break" ||
          (typeof behaviour === "object" &&
            (behaviour.status === 202 || (behaviour.body as { retry?: string }).retry === "ask"));
        const sent = behaviours.slice(0, index);
        // No change that may have taken effect is said to have none.
        if (
          ended instanceof ForebayError &&
          !(ended instanceof OutcomeUnknownError) &&
          index <= behaviours.length
        )
          expect(sent.some(mayHaveTakenEffect)).toBe(false);
      }),
    );
  });

  it("all changes together don't retry more than the budget allows", async () => {
    const world = new SimulatedWorld(withLooks(() => "break"));
    const { records } = clientIn(world, {
      deadlineMs: 10_000,
      retryBudget: { retriesMax: 10, retriesPerSecond: 2 },
    });
    const calls = Array.from({ length: 50 }, () => failureOf(records.write("lamp", like)));
    await world.until(Promise.all(calls));
    expect(world.requests.length).toBeLessThanOrEqual(50 + 10 + 2 * 10);
  });
});
