import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../nats/eventually.ts";
import { REGIONS } from "../nats/nats-cluster.ts";
import { isDense, leaderOf, openBed, Outcomes, Reader, type JetStreamBed } from "./bed.ts";

const TIMEOUT_MS = 120_000;
const STEPDOWNS = 6;
const WRITERS_PER_REGION = 8;

describe("while publishing, the log's leader", () => {
  let bed: JetStreamBed;
  afterEach(async () => {
    await bed.close();
  }, TIMEOUT_MS);

  const readAll = async (region: string, outcomes: Outcomes): Promise<string[]> => {
    const reader = new Reader(bed.log(region), 0);
    const { lastPosition } = await eventually("an inspection", () => bed.log(region).inspect(0));
    await reader.reach(lastPosition);
    await reader.stop();
    expect(isDense(reader.messages)).toBe(true);
    return outcomes.contradictions(reader.messages);
  };

  it("steps down again and again: every outcome tells the truth", { timeout: TIMEOUT_MS }, async () => {
    bed = await openBed({ streamReplicas: 3 });
    await bed.log("eu").ensureStream(0);
    const outcomes = new Outcomes();
    const stop = new AbortController();
    const writers = REGIONS.flatMap((region) =>
      Array.from({ length: WRITERS_PER_REGION }, async (_, writer) => {
        for (let number = 0; !stop.signal.aborted; number += 1) {
          const text = `${region} ${writer} ${number}`;
          await outcomes.publish(bed.log(region), { partition: 0, origin: region, text, timeoutMs: 2_000 });
        }
      }),
    );
    for (let count = 0; count < STEPDOWNS; count += 1) {
      const storedBefore = outcomes.stored.size;
      await bed.administer("eu", "$JS.API.STREAM.LEADER.STEPDOWN.FOREBAY_LOG_0");
      await eventually("progress", async () =>
        outcomes.stored.size > storedBefore + 100 ? true : undefined,
      );
    }
    stop.abort();
    await Promise.all(writers);
    for (const region of REGIONS) expect(await readAll(region, outcomes)).toEqual([]);
  });

  it(
    "is frozen: outcomes are unknown, never unavailable, until another leads",
    { timeout: TIMEOUT_MS },
    async () => {
      bed = await openBed({ streamReplicas: 3 });
      await bed.log("eu").ensureStream(0);
      const leader = await leaderOf(bed.log("eu"), 0);
      const region = REGIONS.find((other) => other !== leader)!;
      const outcomes = new Outcomes();
      const publish = async (text: string): Promise<void> => {
        await outcomes.publish(bed.log(region), { partition: 0, origin: region, text, timeoutMs: 1_000 });
      };
      await publish("before");
      expect([...outcomes.stored.keys()]).toEqual(["before"]);
      const pid = bed.cluster.server(leader).pid!;
      process.kill(pid, "SIGSTOP");
      try {
        await publish("frozen");
        expect(outcomes.unknown).toEqual(["frozen"]);
        for (let number = 0; outcomes.stored.size < 10; number += 1) await publish(`during ${number}`);
        expect(outcomes.unavailable).toEqual([]);
      } finally {
        process.kill(pid, "SIGCONT");
      }
      for (let number = 0; number < 10; number += 1) await publish(`after ${number}`);
      expect(await readAll(region, outcomes)).toEqual([]);
      expect(await readAll(leader, outcomes)).toEqual([]);
    },
  );

  it(
    "is killed: every outcome tells the truth, also in its own region",
    { timeout: TIMEOUT_MS },
    async () => {
      bed = await openBed({ streamReplicas: 3 });
      await bed.log("eu").ensureStream(0);
      const leader = await leaderOf(bed.log("eu"), 0);
      const outcomes = new Outcomes();
      const stop = new AbortController();
      const writers = REGIONS.map(async (region) => {
        for (let number = 0; !stop.signal.aborted; number += 1) {
          const text = `${region} ${number}`;
          await outcomes.publish(bed.log(region), { partition: 0, origin: region, text, timeoutMs: 1_000 });
          // Refusals come at once: without a pause there would be a flood of them.
          if (outcomes.unavailable.at(-1) === text) await new Promise((resolve) => setTimeout(resolve, 5));
        }
      });
      const progress = async (): Promise<void> => {
        const before = outcomes.stored.size;
        await eventually("progress", async () => (outcomes.stored.size > before + 200 ? true : undefined));
      };
      await progress();
      await bed.cluster.server(leader).kill();
      await progress();
      await bed.cluster.server(leader).start();
      await progress();
      stop.abort();
      await Promise.all(writers);
      expect(outcomes.unavailable).not.toEqual([]);
      for (const region of REGIONS) expect(await readAll(region, outcomes)).toEqual([]);
    },
  );
});
