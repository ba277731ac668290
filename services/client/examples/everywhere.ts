/** Applies collections, and waits until every region has them: a schema travels through the log, as everything does. */
import { createClient, isForebayError, type Collection, type Fields } from "../index.ts";
import { near, type Cluster } from "./cluster.ts";

const LIMIT_MS = 30_000;
const PAUSE_MS = 50;

export async function applyEverywhere(
  cluster: Cluster,
  ...collections: readonly Collection<Fields>[]
): Promise<void> {
  for (const collection of collections) {
    await createClient(cluster).apply(collection);
    for (const place of Object.keys(cluster.regions).keys())
      await awaitCollection(near(cluster, place), collection);
  }
}

async function awaitCollection(cluster: Cluster, collection: Collection<Fields>): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS;
  for (;;) {
    try {
      await createClient(cluster).collection(collection).get("nobody");
      return;
    } catch (error) {
      if (!isForebayError(error, "unknown-collection") || performance.now() > untilMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
