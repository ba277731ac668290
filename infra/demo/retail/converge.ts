/** Waits until every region has folded what any region's WAL holds. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Api, RegionAddress, Status } from "./api.ts";

const LIMIT_MS = 120_000;
const POLL_MS = 200;

/** @throws {Error} that says what is still missing, after two minutes. */
export async function converge(api: Api, regions: readonly RegionAddress[]): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS;
  for (;;) {
    const missing = await missingIn(api, regions);
    if (missing.length === 0) return;
    if (performance.now() > untilMs)
      throw new Error(`not converged after ${LIMIT_MS} ms: ${missing.join("; ")}`);
    await sleep(POLL_MS);
  }
}

async function missingIn(api: Api, regions: readonly RegionAddress[]): Promise<string[]> {
  const statuses = new Map<string, Status>();
  for (const region of regions) {
    try {
      statuses.set(region.name, await api.status(region));
    } catch (error) {
      return [`${region.name} does not answer: ${error instanceof Error ? error.message : String(error)}`];
    }
  }
  const missing: string[] = [];
  for (const [origin, { partitions }] of statuses) {
    for (const { partition, wal } of partitions) {
      for (const [region, status] of statuses) {
        const watermark =
          status.partitions[partition]?.regions.find((known) => known.region === origin)?.watermark ?? 0;
        if (watermark < wal.head)
          missing.push(`${region} has ${watermark} of ${wal.head} operations of ${origin}`);
      }
    }
  }
  return missing;
}
