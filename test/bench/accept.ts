/**
 * `npm run bench accept`: durable PATCH/s through one gateway at 128 connections.
 *
 * Three servers take turns under the same load: a bare fastify with a group commit (the limit), a region process that is
 * only a gateway, and one that relays and applies as well, in a cluster of three regions that fold along.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { putCollection, withGuardedCluster } from "./bench-cluster.ts";
import { fireLoad, type LoadRequest, type LoadResult } from "./http-load.ts";
import { median, progress, report, round } from "./report.ts";

const CONNECTIONS = 128;
const SECONDS = 8;
const ROUNDS = 3;
const WARM_UP_SECONDS = 3;
const FIELDS = { name: { class: "lww", type: "string" }, likes: { class: "merge", kind: "counter" } };

const REQUESTS: readonly LoadRequest[] = Array.from({ length: 2_000 }, (_, index) => ({
  method: "PATCH",
  path: `/v1/collections/bench/records/key-${(index * 7_919) % 2_000}`,
  body: JSON.stringify({ set: { name: `Ada Lovelace ${index}` }, inc: { likes: 1 } }),
}));

export async function benchAccept(): Promise<void> {
  await withGuardedCluster("test/bench/topology.yaml", async (cluster) => {
    const [region] = cluster.regions as [(typeof cluster.regions)[number]];
    await putCollection(region, "bench", FIELDS);
    await cluster.restartRegion(region.name, { environment: { FOREBAY_ROLES: "gateway" } });
    const bare = await startBare(region.postgres.url);
    try {
      await comparePairs({ url: bare.url }, cluster.region(region.name));
    } finally {
      bare.process.kill("SIGTERM");
      await once(bare.process, "exit");
    }
  });
  await withGuardedCluster("test/integration/topologies/one-partition.yaml", async (cluster) => {
    const region = cluster.region("eu");
    await putCollection(region, "bench", FIELDS);
    await fire(region, WARM_UP_SECONDS);
    progress("whole cluster");
    report("accept.whole-cluster", figuresOf([await fire(region, SECONDS)]));
  });
}

async function comparePairs(bareServer: Target, region: Target): Promise<void> {
  const bare: LoadResult[] = [];
  const gateway: LoadResult[] = [];
  for (const target of [bareServer, region]) await fire(target, WARM_UP_SECONDS);
  for (let round = 1; round <= ROUNDS; round += 1) {
    progress(`pair ${round} of ${ROUNDS}`);
    bare.push(await fire(bareServer, SECONDS));
    gateway.push(await fire(region, SECONDS));
  }
  const ratios = gateway.map((result, index) => result.requestsPerSecond / bare[index]!.requestsPerSecond);
  report("accept.bare", figuresOf(bare));
  report("accept.gateway", { ...figuresOf(gateway), ratio_to_bare: round(median(ratios)) });
}

interface Target {
  readonly url: string;
  readonly key?: string | undefined;
}

async function fire({ url, key }: Target, seconds: number): Promise<LoadResult> {
  return fireLoad({ url, key, connections: CONNECTIONS, seconds, requests: REQUESTS });
}

function figuresOf(results: readonly LoadResult[]): Record<string, number> {
  return {
    connections: CONNECTIONS,
    requests_per_second: Math.round(median(results.map((result) => result.requestsPerSecond))),
    p50_ms: round(median(results.map((result) => result.p50Ms))),
    p99_ms: round(median(results.map((result) => result.p99Ms))),
    errors: results.reduce((sum, result) => sum + result.errors, 0),
  };
}

async function startBare(databaseUrl: string): Promise<{ process: ChildProcess; url: string }> {
  const script = fileURLToPath(new URL("bare-server.js", import.meta.url));
  const child = spawn(process.execPath, [script, databaseUrl], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { process: child, url: line.toString("utf8").trim() };
}
