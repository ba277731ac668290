/** Databases that were restored from old backups, or lost, under load and all other trouble; and bugs that must be found. */
import { describe, expect, it } from "vitest";
import { simulate } from "./scenario.ts";
import { firstSeed } from "./seeds.ts";

const SEEDS = 40;

describe("regions whose databases go back", () => {
  let [restores, lost] = [0, 0];
  for (let seed = firstSeed; seed < firstSeed + SEEDS; seed += 1) {
    it(
      `hold the same again, and lose no more than the databases did, seed ${seed}`,
      { timeout: 120_000 },
      async () => {
        const report = await simulate(seed, { hasRestores: true });
        restores += report.restores;
        lost += report.lost;
      },
    );
  }
  it("have gone back often, with writes that were nowhere else", () => {
    expect(restores).toBeGreaterThan(SEEDS);
    expect(lost).toBeGreaterThan(0);
  });
});
