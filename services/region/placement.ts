/** Leader placement as a region process is configured for it. */
import { PLACEMENT_DEFAULTS } from "../core/placement/decide.ts";
import type { RouteMeter } from "../ports/route-meter.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { expectedRoundTripMs } from "../runtime/topology.ts";
import type { PartitionRolesOptions } from "./partition-roles.ts";

export function placementOf(
  { topology, placement }: RegionConfig,
  routes: RouteMeter,
): PartitionRolesOptions["placement"] {
  const { isAutomatic, lookEveryMs, settledMs, coolDownMs } = placement;
  return {
    isAutomatic,
    lookEveryMs,
    settings: { ...PLACEMENT_DEFAULTS, settledMs, coolDownMs },
    expectedMs: (one, other) => expectedRoundTripMs(topology, one, other),
    routes,
  };
}
