/** Regions with a gateway, an applier, a relay, and a look at who leads. */
import { PLACEMENT_DEFAULTS } from "../../../services/core/placement/decide.ts";
import { Placement } from "../../../services/placement/placement.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, type RegionBed } from "./bed.ts";

const ROUND_TRIPS_MS: { readonly [pair: string]: number } = { "eu us": 50, "ap eu": 100, "ap us": 150 };

export interface PlacedBed {
  readonly bed: Bed;
  readonly eu: RegionBed;
  readonly us: RegionBed;
  readonly ap: RegionBed;
  /** Ends what a region answers on placement, as if its relay had died. */
  readonly silence: (region: string, partition?: number) => void;
}

/** eu and us are nearest to each other; eu leads. @param measureMs how long a look of each region takes. */
export async function placedBed(partitions = 1, measureMs = 0): Promise<PlacedBed> {
  const bed = new Bed({ regions: ["eu", "us", "ap"], partitions });
  await bed.startAll();
  const stops = new Map(
    bed.names.map((name) => [name, Array.from({ length: partitions }, () => new AbortController())]),
  );
  for (const region of bed.regions) {
    for (let partition = 0; partition < partitions; partition += 1) {
      const placement = new Placement({
        ...region.options,
        partition,
        lookEveryMs: 1_000,
        isAutomatic: true,
        settings: PLACEMENT_DEFAULTS,
        expectedMs: (one, other) => ROUND_TRIPS_MS[[one, other].sort().join(" ")]!,
        routes: {
          async measure() {
            if (measureMs > 0) await region.options.clock.sleep(measureMs);
            return {};
          },
        },
        metrics: silentMetrics,
      });
      void placement.run(stops.get(region.name)![partition]!.signal);
    }
    void region.gateway.watchDrain(new AbortController().signal);
  }
  await bed.pass(2_000);
  const [eu, us, ap] = bed.regions as [RegionBed, RegionBed, RegionBed];
  const silence = (region: string, only?: number) => {
    for (const [partition, stop] of stops.get(region)!.entries()) {
      if (only === undefined || only === partition) stop.abort();
    }
  };
  return { bed, eu, us, ap, silence };
}
