/** An app in each region that writes through the client at a steady pace, and remembers what it was told. */
import {
  counter,
  createClient,
  defineCollection,
  lww,
  OutcomeUnknownError,
  type ForebayClient,
} from "../../../services/client/index.ts";
import type { LocalCluster } from "../../../infra/local/cluster.ts";

export const visits = defineCollection("visits", { count: counter(), page: lww.string() });

/** Each has one write on its way at most. */
const WRITES_PER_WORKER_AND_SECOND = 25;
const WRITES_TOGETHER_PER_WORKER_AND_SECOND = 5;
const KEYS_COUNT = 200;
const DEADLINE_MS = 30_000;
const FAR_MS = 100;

export interface LoadOptions {
  /** In each region. */
  readonly writesPerSecond: number;
  /**
   * All of a region through one client, as an app has it: what comes together goes together. Otherwise each worker has a client, and
   * so a session, to itself: release 0.1.0 takes no lines together, and one token in a request.
   */
  readonly isTogether?: boolean;
}

export interface LoadReport {
  readonly acknowledged: number;
  /** What the client gave up, in its own words. */
  readonly failed: readonly string[];
  readonly worstMs: number;
}

export class SdkLoad {
  readonly #cluster: LocalCluster;
  readonly #counts = new Map<string, number>();
  readonly #failed: string[] = [];
  readonly #workers: Promise<void>[] = [];
  #acknowledged = 0;
  #worstMs = 0;
  #isOver = false;

  constructor(cluster: LocalCluster) {
    this.#cluster = cluster;
  }

  start({ writesPerSecond, isTogether = false }: LoadOptions): void {
    const perWorker = isTogether ? WRITES_TOGETHER_PER_WORKER_AND_SECOND : WRITES_PER_WORKER_AND_SECOND;
    const workers = Math.ceil(writesPerSecond / perWorker);
    const everyMs = (workers * 1_000) / writesPerSecond;
    for (const { name } of this.#cluster.regions) {
      const client = this.#clientAt(name);
      for (let worker = 0; worker < workers; worker += 1) {
        const own = isTogether ? client : this.#clientAt(name);
        this.#workers.push(this.#work(own, `${name}-${worker}`, everyMs));
      }
    }
  }

  get report(): LoadReport {
    return { acknowledged: this.#acknowledged, failed: this.#failed, worstMs: this.#worstMs };
  }

  async stop(): Promise<LoadReport> {
    this.#isOver = true;
    await Promise.all(this.#workers);
    return this.report;
  }

  /** By key: how far what a region shows is from what the app was told. Nothing lost, and nothing twice, is 0 for all. */
  async differences(region: string): Promise<readonly string[]> {
    const client = this.#clientAt(region);
    const differences: string[] = [];
    for (const [key, expected] of this.#counts) {
      const record = await client.collection(visits).get(key, { consistency: "linearizable" });
      const count = record?.fields.count ?? 0;
      if (count !== expected) differences.push(`${key}: ${count} of ${expected}`);
    }
    return differences;
  }

  async #work(client: ForebayClient, name: string, everyMs: number): Promise<void> {
    let nextMs = performance.now() + Math.random() * everyMs;
    for (let number = 0; !this.#isOver; number += 1) {
      const waitMs = nextMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      nextMs = Math.max(nextMs + everyMs, performance.now() - DEADLINE_MS);
      await this.#write(client, `k${(number * 7 + name.length) % KEYS_COUNT}`, name);
    }
  }

  async #write(client: ForebayClient, key: string, page: string): Promise<void> {
    const startedAtMs = performance.now();
    try {
      await settled(client.collection(visits).write(key, { inc: { count: 1 }, set: { page } }));
      this.#acknowledged += 1;
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    } catch (error) {
      this.#failed.push(String(error));
    }
    this.#worstMs = Math.max(this.#worstMs, performance.now() - startedAtMs);
  }

  /** @param home every other region looks farther away than it. */
  #clientAt(home: string): ForebayClient {
    const regions = Object.fromEntries(this.#cluster.regions.map(({ name, url }) => [name, url]));
    const near = this.#cluster.region(home).url;
    const farther = async (target: string, init: RequestInit) => {
      const isFar = target.endsWith("/readyz") && !target.startsWith(near);
      if (isFar) await new Promise((resolve) => setTimeout(resolve, FAR_MS));
      return fetch(target, init);
    };
    return createClient({ regions, deadlineMs: DEADLINE_MS, platform: { fetch: farther } });
  }
}

/** An outcome that is not known is asked for, as an app does. */
async function settled(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof OutcomeUnknownError)) throw error;
    await error.settle({ deadlineMs: DEADLINE_MS });
  }
}
