import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDense, leaderOf, openBed, Outcomes, Reader, type JetStreamBed } from "./bed.ts";

const TIMEOUT_MS = 120_000;
const PUBLISH = { partition: 0, timeoutMs: 5_000 };

describe("the server that a region reads from", () => {
  let bed: JetStreamBed;
  let reader: Reader | undefined;
  afterEach(async () => {
    await reader?.stop();
    reader = undefined;
    await bed.close();
  }, TIMEOUT_MS);

  const publishUntilStored = async (region: string, text: string): Promise<void> => {
    const outcomes = new Outcomes();
    for (let attempt = 0; outcomes.stored.size === 0; attempt += 1) {
      await outcomes.publish(bed.log(region), { ...PUBLISH, origin: region, text: `${text} ${attempt}` });
    }
  };

  describe("of its own", () => {
    beforeEach(async () => {
      bed = await openBed({ streamReplicas: 3 });
      await bed.log("eu").ensureStream(0);
      reader = new Reader(bed.log("eu"), 0);
      for (let number = 0; number < 20; number += 1) await publishUntilStored("us", `before ${number}`);
      await reader.reach(20);
    }, TIMEOUT_MS);

    const expectAllRead = async (): Promise<void> => {
      for (let number = 0; number < 20; number += 1) await publishUntilStored("us", `after ${number}`);
      await reader!.reach((await bed.log("us").inspect(0)).lastPosition);
      expect(isDense(reader!.messages)).toBe(true);
      expect(reader!.losses).toBeGreaterThan(0);
      expect(reader!.subscriptions).toBeGreaterThan(1);
    };

    it(
      "is killed and restarted: the reader subscribes anew and misses nothing",
      { timeout: TIMEOUT_MS },
      async () => {
        await bed.cluster.server("eu").kill();
        for (let number = 0; number < 20; number += 1) await publishUntilStored("us", `meanwhile ${number}`);
        await bed.cluster.server("eu").start();
        await expectAllRead();
      },
    );

    it("is frozen for a while: the reader notices and misses nothing", { timeout: TIMEOUT_MS }, async () => {
      const pid = bed.cluster.server("eu").pid!;
      const lossesBefore = reader!.losses;
      process.kill(pid, "SIGSTOP");
      try {
        await expect.poll(() => reader!.losses, { timeout: 30_000 }).toBeGreaterThan(lossesBefore);
        for (let number = 0; number < 20; number += 1) await publishUntilStored("us", `meanwhile ${number}`);
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await expectAllRead();
    });
  });

  it(
    "is another region's, because its own holds no replica, and is killed: nothing is missed",
    { timeout: TIMEOUT_MS },
    async () => {
      bed = await openBed({ streamReplicas: 1 });
      await bed.log("eu").ensureStream(0);
      const host = await leaderOf(bed.log("eu"), 0);
      const region = host === "eu" ? "us" : "eu";
      reader = new Reader(bed.log(region), 0);
      for (let number = 0; number < 20; number += 1) await publishUntilStored(region, `before ${number}`);
      await reader.reach(20);
      await bed.cluster.server(host).kill();
      await bed.cluster.server(host).start();
      for (let number = 0; number < 20; number += 1) await publishUntilStored(region, `after ${number}`);
      await reader.reach((await bed.log(region).inspect(0)).lastPosition);
      expect(isDense(reader.messages)).toBe(true);
    },
  );
});
