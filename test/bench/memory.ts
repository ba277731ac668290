/** `npm run bench memory`: resident memory of a region process after 1,000,000 records went through it into its store. */
import { openJetStreamLog } from "../../services/adapters/jetstream/log.ts";
import { openPostgresStore } from "../../services/adapters/postgres/store.ts";
import { chain, sha256, ZERO_HASH } from "../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../services/core/hlc.ts";
import { uuidOf } from "../../services/core/operation-id.ts";
import { encodeBatch, encodeOperation } from "../../services/protocol/entry-codec.ts";
import { encodeChanges } from "../../services/protocol/change-codec.ts";
import { withCluster } from "./bench-cluster.ts";
import { residentMegabytes } from "./processes.ts";
import { progress, report } from "./report.ts";

const RECORDS = 1_000_000;
const ROWS_PER_BATCH = 512;
const POLL_MS = 500;

export async function benchMemory(): Promise<void> {
  await withCluster("test/bench/topology.yaml", async (cluster) => {
    const region = cluster.region("eu");
    const store = openPostgresStore({ url: region.postgres.url, region: "eu" });
    const log = await openJetStreamLog({ url: region.nats.url, region: "eu", streamReplicas: 1 });
    try {
      let previous = ZERO_HASH;
      let first = 1;
      while (first <= RECORDS) {
        const last = Math.min(first + ROWS_PER_BATCH - 1, RECORDS);
        const lines = Array.from({ length: last - first + 1 }, (_, index) => operationLine(first + index));
        const data = encodeBatch({ origin: "eu", epoch: 1_000, first, last, previous }, lines);
        await log.publish({ partition: 0, origin: "eu", data, timeoutMs: 10_000 });
        for (const line of lines) previous = chain(previous, line);
        first = last + 1;
      }
      progress("published; the region folds");
      while (((await store.readPositions(0)).origins["eu"]?.watermark ?? 0) < RECORDS) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      const { pid } = cluster.region("eu");
      if (pid === undefined) throw new Error("the region process has ended");
      await listSome(cluster.region("eu").url);
      report("memory", { records: RECORDS, ...residentMegabytes(pid) });
    } finally {
      await log.close();
      await store.close();
    }
  });
}

function operationLine(sequence: number): string {
  const body = encodeChanges([
    { field: "name", kind: "lww", operator: "set", argument: `Ada Lovelace ${sequence}` },
  ]);
  const id = uuidOf("memory", String(sequence));
  const hlc = hlcFromMilliseconds(1_700_000_000_000 + sequence);
  const names = { tenant: "default", collection: "bench", key: `key-${sequence}` };
  return encodeOperation({ id, ...names, hlc, seen: 0, requestHash: sha256(body), body });
}

/** Reads a little, so that a cache that grows with the store would show. */
async function listSome(url: string): Promise<void> {
  for (let page = 0; page < 20; page += 1) await (await fetch(`${url}/v1/status`)).text();
}
