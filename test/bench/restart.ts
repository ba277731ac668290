/**
 * `npm run bench -- restart [--rate N] [--rounds N]`: each region's only process is restarted, one after the other, while the SDK
 * writes at a fixed rate in every region, whatever is answered. And how long a process takes from its start until it is ready,
 * with nothing that waits for it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Pace } from "../../infra/load/pace.ts";
import { latencyFigures } from "../../infra/load/figures.ts";
import type { LocalCluster } from "../../infra/local/cluster.ts";
import { counter, createClient, defineCollection, type ForebayClient } from "../../services/client/index.ts";
import { putCollection, withCluster } from "./bench-cluster.ts";
import { positiveNumber, readOptions } from "./options.ts";
import { median, progress, report, round } from "./report.ts";

const RATE_DEFAULT = 1_000;
const ROUNDS_DEFAULT = 1;
const STARTS = 5;
const READY_MS_MAX = 5_000;
const KEYS = 500;
const CALM_MS = 2_000;
const LOOP_MS = 5;
const SETTLED_MS_MAX = 60_000;

const collection = defineCollection("bench", { writes: counter() });

export async function benchRestart(words: readonly string[]): Promise<void> {
  const { rate, rounds } = readOptions(words, ["rate", "rounds"]);
  await withCluster("regions/local.yaml", async (cluster) => {
    await putCollection(cluster.regions[0]!.url, collection.name, collection.schema.fields);
    await measureRestarts(cluster, {
      ratePerSecond: positiveNumber(rate, "rate", RATE_DEFAULT),
      rounds: positiveNumber(rounds, "rounds", ROUNDS_DEFAULT),
    });
    await measureStart(cluster);
  });
}

async function measureStart(cluster: LocalCluster): Promise<void> {
  const timesMs: number[] = [];
  for (let start = 0; start < STARTS; start += 1) {
    await cluster.stopRegion("eu");
    const startedAtMs = performance.now();
    await cluster.startRegion("eu");
    timesMs.push(performance.now() - startedAtMs);
  }
  const worstMs = Math.max(...timesMs);
  report("restart.start", {
    starts: STARTS,
    ready_ms_median: Math.round(median(timesMs)),
    ready_ms_worst: Math.round(worstMs),
    ready_ms_max: READY_MS_MAX,
  });
  if (worstMs >= READY_MS_MAX) throw new Error(`a process was ready after ${Math.round(worstMs)} ms`);
}

/** An open loop of writes in one region: none waits for another. */
class Writer {
  readonly latenciesMs: number[] = [];
  readonly failures: string[] = [];
  readonly #client: ForebayClient;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  readonly #sent: Promise<void>[] = [];
  readonly #running: Promise<void>;

  constructor(client: ForebayClient, ratePerSecond: number) {
    this.#client = client;
    this.#pace = new Pace({ ratePerSecond });
    this.#running = this.#run();
  }

  /** Resolves once each write is answered, or has failed. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#sent);
  }

  async #run(): Promise<void> {
    const startedAtMs = performance.now();
    for (let sent = 0; !this.#stop.signal.aborted; await sleep(LOOP_MS)) {
      const due = this.#pace.dueBy(performance.now() - startedAtMs);
      for (; sent < due; sent += 1)
        this.#sent.push(this.#write(sent, startedAtMs + this.#pace.dueAtMs(sent)));
    }
  }

  async #write(number: number, dueAtMs: number): Promise<void> {
    try {
      await this.#client.collection(collection).write(`key-${number % KEYS}`, { inc: { writes: 1 } });
      this.latenciesMs.push(performance.now() - dueAtMs);
    } catch (error) {
      this.failures.push(String(error));
    }
  }
}

interface RestartOptions {
  readonly ratePerSecond: number;
  readonly rounds: number;
}

async function measureRestarts(
  cluster: LocalCluster,
  { ratePerSecond, rounds }: RestartOptions,
): Promise<void> {
  const writers = cluster.regions.map(
    ({ name, url }) => new Writer(clientNearest(cluster, { name, url }), ratePerSecond),
  );
  await sleep(CALM_MS);
  for (let number = 0; number < rounds; number += 1) {
    for (const { name } of cluster.regions) {
      progress(`restarts ${name}`);
      await cluster.restartRegion(name);
      await sleep(CALM_MS);
    }
  }
  await Promise.all(writers.map((writer) => writer.end()));
  const failures = writers.flatMap((writer) => writer.failures);
  const acknowledged = writers.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0);
  const lost = await lostIn(cluster, acknowledged);
  const { p50Ms, p99Ms, worstMs } = latencyFigures(writers.flatMap(({ latenciesMs }) => latenciesMs));
  report("restart.writes", {
    restarts: rounds * cluster.regions.length,
    writes_per_second_per_region: ratePerSecond,
    acknowledged,
    failed: failures.length,
    lost,
    p50_ms: round(p50Ms),
    p99_ms: round(p99Ms),
    worst_ms: round(worstMs),
  });
  if (failures.length > 0) throw new Error(`${failures.length} writes failed, such as: ${failures[0]}`);
  if (Object.values(lost).some((count) => count !== 0)) throw new Error("writes were lost, or counted twice");
}

/** Its region is named first: all are as near. */
function clientNearest(cluster: LocalCluster, home: { name: string; url: string }): ForebayClient {
  const others = cluster.regions.filter(({ name }) => name !== home.name);
  const regions = Object.fromEntries([home, ...others].map(({ name, url }) => [name, url]));
  const isFar = (target: string) => target.endsWith("/readyz") && !target.startsWith(home.url);
  const farther = async (target: string, init: RequestInit) => {
    if (isFar(target)) await sleep(50);
    return fetch(target, init);
  };
  return createClient({ regions, platform: { fetch: farther } });
}

/** Of each region: how many acknowledged writes it lacks; fewer than none are those that it has counted twice. */
async function lostIn(cluster: LocalCluster, acknowledged: number): Promise<Record<string, number>> {
  const untilMs = performance.now() + SETTLED_MS_MAX;
  const counts = async () => {
    const lost = cluster.regions.map(
      async ({ name, url }) => [name, acknowledged - (await sumOf(url))] as const,
    );
    return Object.fromEntries(await Promise.all(lost));
  };
  for (;;) {
    const lost = await counts();
    if (Object.values(lost).every((count) => count === 0) || performance.now() > untilMs) return lost;
    await sleep(500);
  }
}

async function sumOf(url: string): Promise<number> {
  const records = createClient({ regions: { here: url } }).collection(collection);
  let sum = 0;
  for (let key = 0; key < KEYS; key += 1) sum += (await records.get(`key-${key}`))?.fields.writes ?? 0;
  return sum;
}
