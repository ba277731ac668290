/** The roles of a partition, over several grants: what placement knows outlives them. */
import { expect, it } from "vitest";
import { PLACEMENT_DEFAULTS } from "../../../services/core/placement/decide.ts";
import { askPlacement } from "../../../services/gateway/placement-client.ts";
import { holdPartitionRoles } from "../../../services/region/partition-roles.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, type RegionBed } from "../gateway/bed.ts";

function holdRelay(bed: Bed, region: RegionBed, stop: AbortSignal): Promise<void> {
  return holdPartitionRoles(
    {
      ...region.options,
      partition: 0,
      members: bed.names,
      holder: region.name,
      roles: ["relay"],
      breaker: region.options.breakers[0]!,
      relayMetrics: silentMetrics,
      applierMetrics: silentMetrics,
      placement: {
        lookEveryMs: 1_000,
        isAutomatic: true,
        settings: { ...PLACEMENT_DEFAULTS, settledMs: 0 },
        expectedMs: (...pair) => (pair.includes("ap") ? 200 : 10),
        routes: { measure: () => Promise.resolve({}) },
      },
      placementMetrics: silentMetrics,
    },
    stop,
  );
}

it("a relay that has lost its role and got it again still knows how often it has moved leadership", async () => {
  const bed = new Bed({ regions: ["ap", "eu", "us"] });
  const eu = bed.regions[1]!;
  const us = bed.regions[2]!;
  for (const region of bed.regions) region.startApplier();
  const stop = new AbortController();
  void holdRelay(bed, eu, stop.signal);
  await bed.runUntil(() => bed.servers.leader === "eu", "a move");
  eu.faults.isDown = true;
  await bed.pass(10_000);
  expect(await bed.run(askPlacement(us.options, { region: "eu", partition: 0 }))).toBeUndefined();
  eu.faults.isDown = false;
  await bed.pass(10_000);
  const answer = await bed.run(askPlacement(us.options, { region: "eu", partition: 0 }));
  expect(answer?.movedAgoMs).toHaveLength(1);
  stop.abort();
});
