/** A region's PostgreSQL is restarted under load, in an orderly way and as a crash. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection, Load } from "../integration/cluster/load.ts";

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("postgres-restarts");
  await createCollection(bed);
});

afterAll(() => bed.stop());

describe("a region's PostgreSQL", () => {
  for (const mode of ["fast", "immediate"] as const) {
    it(`restarts (${mode}); the process recovers by itself and no write is lost or repeated`, async () => {
      const pid = bed.cluster.region("eu").pid;
      const load = new Load(bed);
      load.start({ clients: 4 });
      await load.untilAcknowledged(100);
      await bed.cluster.restartPostgres("eu", { mode });
      await load.untilAcknowledged(300);
      await load.verify();
      expect(bed.cluster.region("eu").pid).toBe(pid);
    });
  }
});
