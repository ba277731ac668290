/** How long nobody leads, and how often leaders change, whatever the wall clock does. */
import { expect, it } from "vitest";
import { gatherFacts } from "../../../services/console/view/facts.ts";
import { Leaders } from "../../../services/console/view/leaders.ts";
import { partitionReport, regionReport } from "./reports.ts";

function factsAt(nowMs: number, leader: string | undefined) {
  const { leader: _, ...others } = partitionReport();
  const partitions = [{ ...others, ...(leader !== undefined && { leader }) }];
  const heard = [{ report: regionReport("eu", { partitions }), atMs: nowMs }];
  return [gatherFacts({ region: "eu", heard, lastAtMs: nowMs, nowMs })];
}

it("counts changes, and the time without a leader, by a clock that nobody sets", () => {
  const leaders = new Leaders();
  const observe = (leader: string | undefined, nowMs: number, wallMs: number) =>
    leaders.observe(0, factsAt(nowMs, leader), { nowMs, wallMs });
  observe("eu", 1_000, 1_000_000);
  expect(observe("us", 2_000, 1_001_000).changes).toBe(1);
  // The clock is set forward by an hour, and back again.
  expect(observe(undefined, 3_000, 4_602_000)).toMatchObject({
    missing: { sinceMs: 4_602_000, forMs: 0 },
    changes: 1,
  });
  expect(observe(undefined, 4_000, 1_003_000)).toMatchObject({ missing: { forMs: 1_000 }, changes: 1 });
  expect(observe("eu", 5_000, 1_004_000)).toMatchObject({ missing: undefined, changes: 2 });
  expect(observe("eu", 305_001, 1_004_001)).toMatchObject({ changes: 0 });
});
