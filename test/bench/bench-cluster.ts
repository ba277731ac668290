/** A cluster of its own for a measurement. */
import { join } from "node:path";
import { authorization } from "../../infra/local/authorization.ts";
import { LocalCluster } from "../../infra/local/cluster.ts";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { migrateDatabase } from "../../services/adapters/postgres/migrate.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { interruption, unlessInterrupted } from "./interruption.ts";

/** Asks for no credentials. @param topology path from the package's root. @param environment added to that of every region process. */
export function withCluster<T>(
  topology: string,
  measure: (cluster: LocalCluster) => Promise<T>,
  environment: Readonly<Record<string, string>> = {},
): Promise<T> {
  return start({ topology, environment, authentication: "off" }, measure);
}

/** The same, which asks for credentials, unless FOREBAY_BENCH_OPEN says that what they cost is to be seen. */
export function withGuardedCluster<T>(
  topology: string,
  measure: (cluster: LocalCluster) => Promise<T>,
): Promise<T> {
  const authentication = process.env["FOREBAY_BENCH_OPEN"] === undefined ? "on" : "off";
  return start({ topology, environment: {}, authentication }, measure);
}

interface StartOptions {
  readonly topology: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly authentication: "on" | "off";
}

async function start<T>(
  { topology, environment, authentication }: StartOptions,
  measure: (cluster: LocalCluster) => Promise<T>,
): Promise<T> {
  const folder = makeTemporaryFolder("bench");
  let cluster: LocalCluster | undefined;
  try {
    cluster = await LocalCluster.start({
      authentication,
      dataFolder: folder.path,
      topology: join(packageRoot(), topology),
      portBase: 0,
      migrate: migrateDatabase,
      logLevel: "warn",
      signal: interruption,
      // A leader that moves in between would make two halves of one measurement.
      environment: { FOREBAY_LEADER_PLACEMENT: "off", ...environment },
    });
    return await unlessInterrupted(measure(cluster));
  } finally {
    await cluster?.stop();
    folder.remove();
  }
}

/** @param region its address, or all of it where it asks for credentials. */
export async function putCollection(
  region: string | { readonly url: string; readonly key: string | undefined },
  name: string,
  fields: object,
): Promise<void> {
  const { url, key } = typeof region === "string" ? { url: region, key: undefined } : region;
  const response = await fetch(`${url}/v1/collections/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json", ...authorization(key) },
    body: JSON.stringify({ fields }),
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
}

const DRAIN_MS = 120_000;

/** @throws when the region has not sent and folded in time what it has taken. */
export async function untilWalIsEmpty(url: string): Promise<void> {
  const untilMs = performance.now() + DRAIN_MS;
  while (performance.now() < untilMs) {
    const response = await fetch(`${url}/v1/status`);
    const { partitions } = (await response.json()) as { partitions: { wal: { pending_rows: number } }[] };
    if (partitions.every(({ wal }) => wal.pending_rows === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the WAL was not empty within ${DRAIN_MS} ms`);
}
