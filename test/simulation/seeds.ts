/** The seeds that every test run tries, in groups, so that a failure is told early and names its seed. */
import { describe, expect, it } from "vitest";
import { simulate } from "./scenario.ts";

const GROUP_SIZE = 25;
/** Another stretch of seeds than last time, on demand: FOREBAY_SEED=1000 npm test. */
export const firstSeed = Number(process.env["FOREBAY_SEED"] ?? "1");

/** @param offset distance of the first seed from the stretch's beginning. */
export function trySeeds(options: { offset: number; count: number }): void {
  describe("simulated cluster", () => {
    for (let done = 0; done < options.count; done += GROUP_SIZE) {
      const from = firstSeed + options.offset + done;
      const to = from + Math.min(GROUP_SIZE, options.count - done) - 1;
      it(`keeps I1–I12 and I16 through seeds ${from} to ${to}`, async () => {
        let acknowledged = 0;
        for (let seed = from; seed <= to; seed += 1) acknowledged += (await simulate(seed)).acknowledged;
        expect(acknowledged).toBeGreaterThan(0);
      });
    }
  });
}
