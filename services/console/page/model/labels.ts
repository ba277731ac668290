/** Labels of charts that may have a line per region, per partition, or both. */
import type { HistorySeries } from "../../../protocol/cluster/view.ts";

export function byRegionAndPartition({ region, partition }: HistorySeries): string {
  const parts = [region, partition === undefined ? undefined : `partition ${partition}`];
  return parts.filter((part) => part !== undefined).join(" / ");
}
