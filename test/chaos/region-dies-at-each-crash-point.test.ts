/** kill -9 of a region process at every named crash point, under load: nothing acknowledged is lost or applied twice. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { CRASH_POINTS } from "../../services/ports/crash-points.ts";
import { startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection, Load } from "../integration/cluster/load.ts";

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("crash-points");
  await createCollection(bed);
});

afterAll(() => bed.stop());

describe("a region process that dies", () => {
  for (const point of CRASH_POINTS) {
    it(`${point} loses nothing and repeats nothing`, async () => {
      const { cluster } = bed;
      await cluster.stopRegion("us");
      // The third time, so that it dies in the middle of work and not while it starts.
      await cluster.startRegion("us", { environment: { FOREBAY_CRASH_AT: `${point}:3` } });
      const died = cluster.regionExit("us");
      const load = new Load(bed);
      load.start({ clients: 4 });
      await died;
      await load.untilAcknowledged(50);
      await cluster.startRegion("us");
      await load.untilAcknowledged(100);
      await load.verify();
    });
  }
});
