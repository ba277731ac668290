/** How long buffers take to empty, by what the regions' databases hold. */
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { waitFor } from "../../../infra/local/wait.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { withStores } from "../../integration/cluster/bed.ts";
import { interruption } from "../interruption.ts";

const PARTITION = 0;
const TIMEOUT_MS = 180_000;
const INTERVAL_MS = 50;

/**
 * While writes go on: how long it takes from now until each region has folded all that its buffer held just now, which is
 * all that gathered during a fault. Milliseconds, of the slowest region.
 */
export function caughtUpMs(cluster: LocalCluster): Promise<number> {
  return slowestMs(cluster, async (store, region) => {
    const { sequence } = await store.walHead(PARTITION);
    return async () => {
      const { origins } = await store.readPositions(PARTITION);
      return (origins[region]?.watermark ?? 0) >= sequence;
    };
  });
}

/** Once no more is written: how long until nothing is pending anywhere, in milliseconds. */
export function emptyMs(cluster: LocalCluster): Promise<number> {
  return slowestMs(cluster, (store) =>
    Promise.resolve(async () => (await store.walHead(PARTITION)).pendingRows === 0),
  );
}

/** @param goal makes, once, what is then looked at until it is so. */
async function slowestMs(
  cluster: LocalCluster,
  goal: (store: RegionStore, region: string) => Promise<() => Promise<boolean>>,
): Promise<number> {
  const bed = { cluster, partitions: 1, stop: () => Promise.resolve() };
  return withStores(bed, async (stores) => {
    const startedAtMs = performance.now();
    await Promise.all(
      [...stores].map(async ([region, store]) => {
        const isSo = await goal(store, region);
        const what = `empty buffer in ${region}`;
        const options = { what, timeoutMs: TIMEOUT_MS, intervalMs: INTERVAL_MS, signal: interruption };
        await waitFor(async () => ((await isSo()) ? true : undefined), options);
      }),
    );
    return performance.now() - startedAtMs;
  });
}
