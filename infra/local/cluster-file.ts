/** `cluster.json` in the data folder: where the regions are, for commands, demos and tests in other processes. */
import { rmSync } from "node:fs";
import type { RegionView } from "./cluster-options.ts";
import type { ControlAddress } from "./control/protocol.ts";
import { writeFileAtomic } from "./files.ts";

export interface ClusterFileContent {
  readonly regions: readonly RegionView[];
  /** Who has it may do everything; undefined where nobody is asked for one. */
  readonly key: string | undefined;
  /** Undefined where nobody listens. */
  readonly control: ControlAddress | undefined;
}

/** Replaces the file as one step; it holds passwords and a key, so it is readable by its owner alone. */
export function writeClusterFile(path: string, content: ClusterFileContent): void {
  writeFileAtomic(path, clusterFileText(content));
}

/** The file's text; a process that does not run has the id null. */
export function clusterFileText({ regions, key, control }: ClusterFileContent): string {
  const document = {
    regions: regions.map(({ name, url, pid, postgres, nats }) => ({
      name,
      url,
      pid: pid ?? null,
      postgres: { url: postgres.url },
      nats: {
        url: nats.url,
        ...(nats.tls && { ca_file: nats.tls.caFile }),
        pid: nats.pid ?? null,
        monitor_url: nats.monitorUrl,
      },
    })),
    ...(key === undefined ? {} : { key }),
    ...(control === undefined ? {} : { control }),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function removeClusterFile(path: string): void {
  rmSync(path, { force: true });
}
