/** Many writes in few requests: each line has one key over all tries, and an end of its own. */
import { describe, expect, it } from "vitest";
import {
  counter,
  createClient,
  defineCollection,
  OutcomeUnknownError,
} from "../../../services/client/index.ts";
import { accepted as answered, problem, SimulatedWorld, type Asked, type Behaviour } from "./simulated.ts";

const posts = defineCollection("posts", { likes: counter() });

interface Line {
  readonly id: string;
  readonly key: string;
}

const linesOf = ({ body }: Asked): Line[] => body!.split("\n").map((text) => JSON.parse(text) as Line);
const refused = (code: string, retry: string) => ({
  status: "refused",
  problem: { ...(problem(code, 503) as { body: object }).body, retry },
});

/** Answers each line as told by its key and how often it was sent. */
function worldOf(told: (line: Line, time: number) => object): SimulatedWorld {
  const times = new Map<string, number>();
  return new SimulatedWorld((asked): Behaviour => {
    if (asked.method === "PATCH") return answered();
    const lines = linesOf(asked).map((line) => {
      times.set(line.id, (times.get(line.id) ?? 0) + 1);
      return told(line, times.get(line.id)!);
    });
    return { body: { lines } };
  });
}

const writesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ key: String(index), write: { inc: { likes: 1 } } }));

async function writeAll(world: SimulatedWorld, count: number, deadlineMs = 5_000) {
  const client = createClient({ regions: { eu: "http://eu" }, platform: world.platform });
  const collect = async () => {
    const written = [];
    for await (const one of client.collection(posts).writeMany(writesOf(count), { deadlineMs }))
      written.push(one);
    return written;
  };
  return world.until(collect());
}

const accepted = { status: "accepted", operation: "an-id" };

describe("many writes", () => {
  it("go in requests of some hundreds, and come back in their order", async () => {
    const world = worldOf(() => accepted);
    const written = await writeAll(world, 1_200);
    expect(written.map(({ key }) => key)).toEqual(writesOf(1_200).map(({ key }) => key));
    expect(written.every(({ receipt }) => receipt?.status === "accepted")).toBe(true);
    expect(world.requests.length).toBe(3);
  });

  it("are sent again where they were refused for now, those alone, and under their keys", async () => {
    const world = worldOf(({ key }, time) => {
      if (key === "1" && time < 3) return refused("wal-full", "same");
      return key === "2" ? refused("unknown-field", "never") : accepted;
    });
    const written = await writeAll(world, 4);
    expect(written.map(({ error }) => error?.code)).toEqual([
      undefined,
      undefined,
      "unknown-field",
      undefined,
    ]);
    const sent = world.requests.map(linesOf);
    expect(sent.map((lines) => lines.map(({ key }) => key))).toEqual([["0", "1", "2", "3"], ["1"], ["1"]]);
    expect(
      new Set(
        sent
          .flat()
          .filter(({ key }) => key === "1")
          .map(({ id }) => id),
      ).size,
    ).toBe(1);
  });

  it("are in doubt line by line, and can be settled line by line", async () => {
    const world = worldOf(({ key }, time) =>
      key === "1" && time < 9 ? refused("outcome-unknown", "ask") : accepted,
    );
    const [first, second] = await writeAll(world, 2, 300);
    expect(first!.receipt).toBeDefined();
    expect(second!.error).toBeInstanceOf(OutcomeUnknownError);
    const settled = await world.until((second!.error as OutcomeUnknownError).settle({ deadlineMs: 60_000 }));
    expect(settled).toMatchObject({ status: "accepted" });
    const asked = world.requests.at(-1)!;
    expect(asked.path).toBe("/v1/collections/posts/records/1");
    const ids = world.requests
      .slice(0, -1)
      .flatMap(linesOf)
      .filter(({ key }) => key === "1");
    expect(new Set([asked.headers["idempotency-key"], ...ids.map(({ id }) => id)]).size).toBe(1);
  });

  it("are all in doubt where the connection breaks for as long as there is time", async () => {
    const world = new SimulatedWorld(() => "break");
    const written = await writeAll(world, 3, 2_000);
    expect(written.map(({ error }) => error instanceof OutcomeUnknownError)).toEqual([true, true, true]);
    expect(world.nowMs).toBeLessThanOrEqual(2_000);
    expect(new Set(world.requests.map(({ body }) => body)).size).toBe(1);
  });
});
