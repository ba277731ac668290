/** `cluster.json` in the data folder: where the regions are, for commands, demos and tests in other processes. */
import { rmSync } from "node:fs";
import type { RegionView } from "./cluster-options.ts";
import { writeFileAtomic } from "./files.ts";

/** Replaces the file as one step; it holds passwords, so it is readable by its owner alone. */
export function writeClusterFile(path: string, regions: readonly RegionView[]): void {
  writeFileAtomic(path, clusterFileText(regions));
}

/** The file's text; a process that does not run has the id null. */
export function clusterFileText(regions: readonly RegionView[]): string {
  const document = {
    regions: regions.map(({ name, url, pid, postgres, nats }) => ({
      name,
      url,
      pid: pid ?? null,
      postgres: { url: postgres.url },
      nats: { url: nats.url, pid: nats.pid ?? null, monitor_url: nats.monitorUrl },
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function removeClusterFile(path: string): void {
  rmSync(path, { force: true });
}
