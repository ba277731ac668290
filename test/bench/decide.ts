/**
 * `npm run bench decide`: authoritative writes and linearizable reads in a cluster of three regions, next to bare JetStream
 * publishes from the same region in the same run; with links that take no time, and with links of 80 ms round trip.
 */
import { BarePublisher } from "./bare-publisher.ts";
import { putCollection, withCluster } from "./bench-cluster.ts";
import { fireLoad, type LoadRequest, type LoadResult } from "./http-load.ts";
import { median, progress, report, round } from "./report.ts";

const SECONDS = 6;
const ROUNDS = 3;
const CLIENTS = 64;
/** About the size of an entry with one proposal. */
const ENTRY_BYTES = 400;
const FIELDS = { credit: { class: "authoritative", type: "integer", min: 0 }, name: { class: "lww" } };
const KEYS = 500;

const key = (index: number): string => `key-${(index * 7_919) % KEYS}`;
const WRITES: readonly LoadRequest[] = Array.from({ length: 2_000 }, (_, index) => ({
  method: "PATCH",
  path: `/v1/collections/bench/records/${key(index)}`,
  body: JSON.stringify({ inc: { credit: 1 } }),
}));
const READS: readonly LoadRequest[] = Array.from({ length: 2_000 }, (_, index) => ({
  method: "GET",
  path: `/v1/collections/bench/records/${key(index)}?consistency=linearizable`,
  body: "",
}));

export async function benchDecide(): Promise<void> {
  await withCluster("test/integration/topologies/one-partition.yaml", async (cluster) => {
    const { url, nats } = cluster.region("eu");
    await putCollection(url, "bench", FIELDS);
    const bare = await BarePublisher.open(nats.url);
    try {
      await fireLoad({ url, connections: CLIENTS, seconds: 4, requests: WRITES });
      await compareOneClient({ name: "decide.one-client", url, bare });
    } finally {
      await bare.close();
    }
    await measureMany("decide.many-clients", { url, requests: WRITES });
    await measureMany("decide.linearizable-reads", { url, requests: READS });
  });
  await withCluster("test/bench/links-80-ms.yaml", async (cluster) => {
    const { url, nats } = cluster.region("eu");
    await putCollection(url, "bench", FIELDS);
    const bare = await BarePublisher.open(nats.url);
    try {
      await fireLoad({ url, connections: 1, seconds: 3, requests: WRITES });
      await compareOneClient({ name: "decide.one-client-80-ms", url, bare });
    } finally {
      await bare.close();
    }
  });
}

/** Once before it counts: a process that has served one client for a while has yet to learn what it does for many. */
async function measureMany(
  name: string,
  options: { url: string; requests: readonly LoadRequest[] },
): Promise<void> {
  const { url, requests } = options;
  const fire = () => fireLoad({ url, connections: CLIENTS, seconds: SECONDS, requests });
  progress(`${name}: before it counts`);
  await fire();
  const results: LoadResult[] = [];
  for (let turn = 1; turn <= ROUNDS; turn += 1) {
    progress(`${name}: turn ${turn} of ${ROUNDS}`);
    results.push(await fire());
  }
  report(name, { connections: CLIENTS, ...figuresOf(results) });
}

/** In turns, so that whatever else the machine does falls on both. */
async function compareOneClient(options: { name: string; url: string; bare: BarePublisher }): Promise<void> {
  const { name, url, bare } = options;
  const published: number[] = [];
  const decided: LoadResult[] = [];
  for (let turn = 1; turn <= ROUNDS; turn += 1) {
    progress(`${name}: turn ${turn} of ${ROUNDS}`);
    published.push(median(await bare.publishFor(SECONDS / 2, ENTRY_BYTES)));
    decided.push(await fireLoad({ url, connections: 1, seconds: SECONDS, requests: WRITES }));
  }
  const ratios = decided.map(({ p50Ms }, index) => p50Ms / published[index]!);
  report(name, {
    bare_publish_p50_ms: round(median(published)),
    ...figuresOf(decided),
    ratio_to_bare_publish: round(median(ratios)),
  });
}

function figuresOf(results: readonly LoadResult[]): Record<string, number> {
  return {
    requests_per_second: Math.round(median(results.map((result) => result.requestsPerSecond))),
    p50_ms: round(median(results.map((result) => result.p50Ms))),
    p99_ms: round(median(results.map((result) => result.p99Ms))),
    errors: results.reduce((sum, result) => sum + result.errors, 0),
  };
}
