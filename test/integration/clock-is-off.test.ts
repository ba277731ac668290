/** A region process's clock fails: it finds out from the other regions, says so, and takes nothing that a stamp decides. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hlcMilliseconds, type Hlc } from "../../services/core/hlc.ts";
import { eventually, startBed, type LocalBed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";
import { steeredClock, type SteeredClock } from "./cluster/steered-clock.ts";

const HOUR_MS = 3_600_000;
const SCHEMA = {
  fields: {
    name: { class: "lww" },
    likes: { class: "merge", kind: "counter" },
    credit: { class: "authoritative", type: "integer" },
  },
};

let bed: LocalBed;
let clock: SteeredClock;

beforeAll(async () => {
  bed = await startBed("clock");
  await createCollection(bed, "users", SCHEMA);
  clock = steeredClock(bed.folder);
  await bed.cluster.restartRegion("eu", { environment: clock.environment });
});

afterEach(() => clock.set(0));

afterAll(() => bed.stop());

const url = (region: string, path: string) => `${bed.cluster.region(region).url}${path}`;

function write(region: string, body: object) {
  return send(url(region, "/v1/collections/users/records/ada"), {
    method: "PATCH",
    body,
    deadlineMs: 10_000,
  });
}

async function readiness(region: string): Promise<string> {
  const answer = await fetch(url(region, "/readyz"));
  return `${answer.status} ${await answer.text()}`;
}

function untilReady(): Promise<true> {
  return eventually("eu is ready", async () => (await readiness("eu")).startsWith("200") || undefined);
}

describe("a region process whose clock fails", () => {
  it.each([
    [-HOUR_MS, "s behind those of most regions"],
    [HOUR_MS, "s ahead of those of most regions"],
  ])(
    "by %i ms is not ready, says why, and refuses what stamps decide until it is right",
    async (aheadMs, says) => {
      await untilReady();
      expect((await write("eu", { set: { name: "before" } }))?.status).toBe(202);
      clock.set(aheadMs);
      const refused = await eventually("eu refuses a name", async () => {
        const answer = await write("eu", { set: { name: "wrong" } });
        return String(answer?.body["detail"]).includes(says) ? answer : undefined;
      });
      expect(refused).toMatchObject({
        status: 503,
        body: { type: "urn:forebay:problem:clock-skew", field: "name" },
      });
      expect(await readiness("eu")).toMatch(new RegExp(`^503 .*${says}`, "s"));
      expect((await write("us", { set: { name: "elsewhere" } }))?.status).toBe(202);
      expect((await write("eu", { set: { credit: 1 } }))?.body["status"]).toBe("committed");
      const shown = new RegExp(`^forebay_clock_skew_seconds\\S* ${aheadMs < 0 ? "-" : ""}3\\d{3}`, "m");
      await eventually("the metrics say so", async () => {
        const metrics = await (await fetch(url("eu", "/metrics"))).text();
        return shown.test(metrics) || undefined;
      });

      clock.set(0);
      await untilReady();
      expect((await write("eu", { set: { name: "after" } }))?.status).toBe(202);
    },
  );

  it("stamps what it still takes with a time that is right, as far as the others can tell", async () => {
    await untilReady();
    clock.set(-HOUR_MS);
    await eventually(
      "eu knows that its clock is wrong",
      async () => (await readiness("eu")).includes("behind those of most regions") || undefined,
    );
    // Its stamps go on from the last one in any case: that they follow time shows only after some of it.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const beforeMs = Date.now();
    const counted = await write("eu", { inc: { likes: 1 } });
    expect(counted?.status).toBe(202);
    const stampedMs = hlcMilliseconds(String(counted!.body["at"]) as Hlc);
    expect(stampedMs).toBeGreaterThan(beforeMs - 2_000);
    expect(stampedMs).toBeLessThan(Date.now() + 2_000);
  });
});
