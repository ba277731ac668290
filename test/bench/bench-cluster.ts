/** A cluster of its own for a measurement. */
import { join } from "node:path";
import { LocalCluster } from "../../infra/local/cluster.ts";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { migrateDatabase } from "../../services/adapters/postgres/migrate.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { interruption, unlessInterrupted } from "./interruption.ts";

/** @param topology path from the package's root. @param environment added to that of every region process. */
export async function withCluster<T>(
  topology: string,
  measure: (cluster: LocalCluster) => Promise<T>,
  environment: Readonly<Record<string, string>> = {},
): Promise<T> {
  const folder = makeTemporaryFolder("bench");
  let cluster: LocalCluster | undefined;
  try {
    cluster = await LocalCluster.start({
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

export async function putCollection(url: string, name: string, fields: object): Promise<void> {
  const response = await fetch(`${url}/v1/collections/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ fields }),
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
}
