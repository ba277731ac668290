/** The servers of one region, real ones, for a process out of an image. */
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LocalCluster } from "../local/cluster.ts";

export interface OneRegion {
  /** What the process is told, where its files are found by `fileOf`. */
  readonly environment: (fileOf: (name: string) => string) => Readonly<Record<string, string>>;
  /** With the process's files. */
  readonly files: string;
  readonly stop: () => Promise<void>;
}

const REGION = "eu";
const TOPOLOGY = `name: image\npartitions: 1\nregions:\n  - name: ${REGION}\n`;

/** @param folder whatever the servers keep; not below a folder that is closed to other users. */
export async function startOneRegion(folder: string): Promise<OneRegion> {
  const files = join(folder, "files");
  const topology = join(files, "topology.yaml");
  mkdirSync(files, { recursive: true });
  writeFileSync(topology, TOPOLOGY);
  const data = join(folder, "data");
  const cluster = await LocalCluster.start({
    dataFolder: data,
    topology,
    portBase: 0,
    regionProcesses: false,
  });
  const [region] = cluster.regions;
  for (const name of ["region", "maintenance"]) {
    copyFileSync(join(data, "nats", REGION, `${name}.credentials`), join(files, name));
    chmodSync(join(files, name), 0o444);
  }
  const nats = new URL(region!.nats.url);
  return {
    files,
    environment: (fileOf) => ({
      FOREBAY_REGION: REGION,
      FOREBAY_TOPOLOGY: fileOf("topology.yaml"),
      FOREBAY_HTTP_HOST: "127.0.0.1",
      FOREBAY_POSTGRES_URL: region!.postgres.url,
      FOREBAY_NATS_URL: `nats://${nats.host}`,
      FOREBAY_NATS_MONITOR_URL: region!.nats.monitorUrl,
      FOREBAY_NATS_CREDENTIALS_FILE: fileOf("region"),
      FOREBAY_NATS_TRIM_CREDENTIALS_FILE: fileOf("maintenance"),
      FOREBAY_SESSION_SECRET: randomBytes(32).toString("hex"),
      FOREBAY_ADMIN_KEY_SHA256: createHash("sha256").update(randomBytes(32)).digest("hex"),
    }),
    stop: () => cluster.stop(),
  };
}
