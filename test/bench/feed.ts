/**
 * `npm run bench -- feed [--only prefixes,whole,stalled] [--writes single|together]`: how long after a write was accepted its
 * subscribers in the region are told, at 1,000 writes/s of an app and 200 subscribers; and what ten more that take nothing cost in
 * memory. The app writes through the client, which sends what comes together in one request, unless it is told not to.
 *
 * The same load without subscribers is measured in the same run: what following costs those who write.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { LocalCluster } from "../../infra/local/cluster.ts";
import { createClient, defineCollection, lww, type CollectionClient } from "../../services/client/index.ts";
import { putCollection, withCluster } from "./bench-cluster.ts";
import type { FollowersOptions, FromFollowers } from "./feed-followers.ts";
import { OptionError, readOptions } from "./options.ts";
import { residentMegabytes } from "./processes.ts";
import { progress, report, round } from "./report.ts";

const SUBSCRIBERS = 200;
const STALLED = 10;
const WRITES_PER_SECOND = 1_000;
const SECONDS = 15;
const WARM_UP_SECONDS = 5;
const SHARDS = 20;
const KEYS = 2_000;
const TICK_MS = 4;
const LAST_MS = 2_000;
const BAR_MS = 50;
const BAR_MEGABYTES = 100;
const LINES_TOGETHER_MAX = 64;

const records = defineCollection("bench", { n: lww.integer(), name: lww.string() });
type App = CollectionClient<typeof records.fields>;

export async function benchFeed(words: readonly string[]): Promise<void> {
  const { only, writes = "together" } = readOptions(words, ["only", "writes"]);
  if (writes !== "single" && writes !== "together")
    throw new OptionError(`--writes is single or together, not ${writes}`);
  const parts = only?.split(",") ?? Object.keys(PARTS);
  const unknown = parts.find((part) => !Object.hasOwn(PARTS, part));
  if (unknown !== undefined) {
    throw new OptionError(`--only takes ${Object.keys(PARTS).join(", ")}, not ${unknown}`);
  }
  await withCluster("test/bench/topology.yaml", async (cluster) => {
    const { url } = cluster.region("eu");
    await putCollection(url, records.name, records.schema.fields);
    const limits = { gatherMax: writes === "single" ? 1 : LINES_TOGETHER_MAX };
    const app = createClient({ regions: { eu: url }, limits }).collection(records);
    await write(app, WARM_UP_SECONDS);
    const alone = await write(app, SECONDS);
    for (const part of parts) await PARTS[part]!({ cluster, app, alone });
  });
}

interface Bed {
  readonly cluster: LocalCluster;
  readonly app: App;
  /** What the same load has met without subscribers. */
  readonly alone: Written;
}

type Part = (bed: Bed) => Promise<void>;

const PARTS: Readonly<Record<string, Part>> = {
  async prefixes(bed) {
    const run = await followed(bed, { prefixes: prefixesOf(SHARDS), stalled: 0 });
    reportRun("feed.prefixes", { run, alone: bed.alone });
  },
  async whole(bed) {
    const run = await followed(bed, { prefixes: prefixesOf(1), stalled: 0 });
    reportRun("feed.whole-collection", { run, alone: bed.alone });
  },
  async stalled(bed) {
    const before = memoryOf(bed.cluster);
    const run = await followed(bed, { prefixes: prefixesOf(SHARDS), stalled: STALLED });
    const growth = run.peakMegabytes - before;
    const more = { stalled: STALLED, growth_megabytes: growth, bar_megabytes: BAR_MEGABYTES };
    reportRun("feed.stalled", { run, alone: bed.alone, more });
    if (growth > BAR_MEGABYTES) process.exitCode = 1;
  },
};

function prefixesOf(shards: number): string[] {
  return Array.from({ length: SUBSCRIBERS }, (_, index) => (shards === 1 ? "" : `${index % shards}:`));
}

interface Written {
  /** By number: when the answer came. */
  readonly acceptedAtMs: Map<number, number>;
  readonly p99Ms: number;
  readonly errors: number;
}

interface Followed {
  readonly deliveries: number;
  readonly expected: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly writes: Written;
  readonly peakMegabytes: number;
}

async function followed(
  { cluster, app }: Bed,
  options: Pick<FollowersOptions, "prefixes" | "stalled">,
): Promise<Followed> {
  const { url } = cluster.region("eu");
  const workerData: FollowersOptions = { url, collection: "bench", keys: KEYS, ...options };
  const worker = new Worker(new URL("feed-followers.js", import.meta.url), { workerData });
  await nextOf(worker);
  progress(`${options.prefixes.length} subscribers follow, ${options.stalled} take nothing`);
  let peakMegabytes = 0;
  const watch = setInterval(() => (peakMegabytes = Math.max(peakMegabytes, memoryOf(cluster))), 250);
  const writes = await write(app, SECONDS);
  await new Promise((resolve) => setTimeout(resolve, LAST_MS));
  clearInterval(watch);
  worker.postMessage("stop");
  const ended = await nextOf(worker);
  if (ended.type !== "ended") throw new Error(`the subscribers said ${ended.type}`);
  if (ended.backwards > 0)
    throw new Error(`${ended.backwards} deliveries went back behind others of their record`);
  const told = delaysOf(ended, writes);
  const share = options.prefixes[0] === "" ? 1 : 1 / SHARDS;
  const expected = Math.round(writes.acceptedAtMs.size * SUBSCRIBERS * share);
  return { ...told, expected, writes, peakMegabytes };
}

function delaysOf(
  { numbers, atMs }: Extract<FromFollowers, { type: "ended" }>,
  { acceptedAtMs }: Written,
): { deliveries: number; p50Ms: number; p99Ms: number } {
  const delays: number[] = [];
  for (const [index, number] of numbers.entries()) {
    const accepted = acceptedAtMs.get(number);
    // What is told before its answer has arrived is told in no time.
    if (accepted !== undefined) delays.push(Math.max(0, atMs[index]! - accepted));
  }
  delays.sort((one, other) => one - other);
  return { deliveries: delays.length, p50Ms: quantile(delays, 0.5), p99Ms: quantile(delays, 0.99) };
}

let nextNumber = 1;

/** An open loop: writes are due at fixed times, whatever the answers do. */
async function write(app: App, seconds: number): Promise<Written> {
  const acceptedAtMs = new Map<number, number>();
  const latencies: number[] = [];
  let errors = 0;
  const first = nextNumber;
  const startedAtMs = performance.now();
  const under = new Set<Promise<void>>();
  while (performance.now() - startedAtMs < seconds * 1_000) {
    const due = first + Math.floor(((performance.now() - startedAtMs) * WRITES_PER_SECOND) / 1_000);
    for (; nextNumber < due; nextNumber += 1) {
      const number = nextNumber;
      const sentAtMs = performance.now();
      const key = `${number % SHARDS}:${number % KEYS}`;
      const one = app.write(key, { set: { n: number, name: `Ada Lovelace ${number}` } }).then(
        () => {
          acceptedAtMs.set(number, performance.timeOrigin + performance.now());
          latencies.push(performance.now() - sentAtMs);
        },
        () => void (errors += 1),
      );
      under.add(one);
      void one.finally(() => under.delete(one));
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(under);
  latencies.sort((one, other) => one - other);
  return { acceptedAtMs, p99Ms: quantile(latencies, 0.99), errors };
}

interface Run {
  readonly run: Followed;
  readonly alone: Written;
  readonly more?: Readonly<Record<string, number>>;
}

function reportRun(name: string, { run, alone, more }: Run): void {
  if (run.p99Ms > BAR_MS || run.deliveries < run.expected) process.exitCode = 1;
  const seconds = SECONDS;
  report(name, {
    subscribers: SUBSCRIBERS,
    writes_per_second: Math.round(run.writes.acceptedAtMs.size / seconds),
    deliveries_per_second: Math.round(run.deliveries / seconds),
    delivered_of_expected: round(run.deliveries / run.expected, 4),
    p50_ms: round(run.p50Ms),
    p99_ms: round(run.p99Ms),
    bar_ms: BAR_MS,
    ratio_to_bar: round(run.p99Ms / BAR_MS),
    write_p99_ms: round(run.writes.p99Ms),
    write_p99_alone_ms: round(alone.p99Ms),
    write_ratio_to_alone: round(run.writes.p99Ms / alone.p99Ms),
    errors: run.writes.errors,
    ...more,
  });
}

async function nextOf(worker: Worker): Promise<FromFollowers> {
  const failed = once(worker, "error").then(([error]) => {
    throw error as Error;
  });
  failed.catch(() => undefined);
  const [message] = (await Promise.race([once(worker, "message"), failed])) as [FromFollowers];
  return message;
}

function memoryOf(cluster: LocalCluster): number {
  return residentMegabytes(cluster.region("eu").pid!).resident_megabytes;
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
