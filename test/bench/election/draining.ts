/** How long buffers take to empty. */
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { waitFor } from "../../../infra/local/wait.ts";
import { interruption } from "../interruption.ts";
import { readStatus } from "./faults.ts";

const TIMEOUT_MS = 180_000;
const INTERVAL_MS = 50;

/**
 * While writes go on: how long it takes from now until each region has folded all that its buffer held just now, which is
 * all that gathered during a fault. Milliseconds, of the slowest region.
 */
export async function caughtUpMs(cluster: LocalCluster): Promise<number> {
  const startedAtMs = performance.now();
  await Promise.all(
    cluster.regions.map(async ({ name, url }) => {
      const { wal } = await readStatus(url);
      await untilSo(`${name} has folded ${wal.head} of its own writes`, async () => {
        const { regions } = await readStatus(url);
        return (regions.find(({ region }) => region === name)?.watermark ?? 0) >= wal.head;
      });
    }),
  );
  return performance.now() - startedAtMs;
}

/** Once no more is written: how long until nothing is pending anywhere, in milliseconds. */
export async function emptyMs(cluster: LocalCluster): Promise<number> {
  const startedAtMs = performance.now();
  for (const { name, url } of cluster.regions) {
    await untilSo(`${name} has nothing pending`, async () => (await readStatus(url)).wal.pending_rows === 0);
  }
  return performance.now() - startedAtMs;
}

function untilSo(what: string, look: () => Promise<boolean>): Promise<true> {
  const options = { what, timeoutMs: TIMEOUT_MS, intervalMs: INTERVAL_MS, signal: interruption };
  return waitFor(async () => ((await look()) ? true : undefined), options);
}
