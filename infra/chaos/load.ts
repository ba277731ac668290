/** The load of a scenario: writes of a local class at a fixed pace in every region, and what became of them. */
import { randomUUID } from "node:crypto";
import { API_PREFIX } from "../../services/protocol/http/headers.ts";
import { sumBounds, sumProblems, type Bounds } from "../load/accounting.ts";
import { figuresOf, type Figures } from "../load/figures.ts";
import type { LiveSecond } from "../load/live.ts";
import { PacedLoad } from "../load/paced-load.ts";
import type { StreamPlan } from "../load/plan.ts";
import type { StreamRecord } from "../load/record.ts";
import { authorization } from "../local/authorization.ts";
import { waitFor } from "../local/wait.ts";
import type { ObservedRegion, WriteCounts } from "./observation.ts";

export const COLLECTION = "chaos";
const SCHEMA = { fields: { n: { class: "merge", kind: "counter" }, last: { class: "lww" } } };
const KEYS_COUNT = 100;
const REQUEST_TIMEOUT_MS = 5_000;
const READY_TIMEOUT_MS = 30_000;
const SETTLE_SECONDS = 60;

export interface LoadOptions {
  readonly regions: readonly ObservedRegion[];
  /** To each region. */
  readonly writesPerSecond: number;
  readonly durationMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What became of a region's writes. */
export type RegionFigures = Readonly<Record<string, Figures>>;

/** By key: what the counters that this run alone has written must hold. */
export type CounterBounds = ReadonlyMap<string, Bounds>;

export interface LoadResult {
  readonly counts: WriteCounts;
  readonly byRegion: RegionFigures;
  readonly bounds: CounterBounds;
}

export class ChaosLoad {
  readonly #load: PacedLoad;
  readonly #run: string;
  #counts: WriteCounts = { succeeded: 0, failed: 0, worstMs: 0 };

  private constructor(load: PacedLoad, run: string) {
    this.#load = load;
    this.#run = run;
    load.onSecond((streams) => streams.forEach((stream) => this.#add(stream)));
  }

  /**
   * Makes the load's collection, waits until every region takes writes to it, and starts.
   * @throws {DeadlineError} when some region does not.
   */
  static async start({ regions, writesPerSecond, durationMs, signal }: LoadOptions): Promise<ChaosLoad> {
    await makeCollection(regions, signal);
    const run = randomUUID();
    const streams = regions.map(({ name, url, key }) => streamOf({ name, url, key, run, writesPerSecond }));
    const secondsMax = durationMs / 1_000 + SETTLE_SECONDS;
    return new ChaosLoad(await PacedLoad.start({ streams, secondsMax }), run);
  }

  /** Of all regions, as far as outcomes were told by the last second. */
  get counts(): WriteCounts {
    return this.#counts;
  }

  /** Sends no more, and resolves once everything that was sent has its outcome. */
  async stop(): Promise<LoadResult> {
    const records = await this.#load.stop();
    const all = figuresOf(records);
    const counts = { succeeded: all.succeeded, failed: failedOf(all), worstMs: all.latency.worstMs };
    const byRegion = Object.fromEntries(records.map((record) => [record.region, figuresOf([record])]));
    return { counts, byRegion, bounds: counterBounds(records, this.#run) };
  }

  async kill(): Promise<void> {
    await this.#load.kill();
  }

  #add(second: LiveSecond): void {
    const { succeeded, failed, worstMs } = this.#counts;
    this.#counts = {
      succeeded: succeeded + second.succeeded,
      failed: failed + failedOf(second),
      worstMs: Math.max(worstMs, second.latency.worstMs),
    };
  }
}

/** What was acknowledged, and at most what is unknown on top. */
export function counterBounds(records: readonly StreamRecord[], run: string): CounterBounds {
  return sumBounds(records, (_, number) => ({ key: keyOf(run, number), amount: 1 }));
}

/**
 * What counters of a region lack or have too much, one line each.
 * @throws {Error} when the region can't be asked.
 */
export async function counterProblems(
  { name, url, key: credential }: ObservedRegion,
  bounds: CounterBounds,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const held = new Map<string, number>();
  for (const key of bounds.keys()) {
    held.set(key, await readCounter({ url: `${url}${recordPath(key)}`, credential }, signal));
  }
  return sumProblems(bounds, (key) => held.get(key) ?? 0).map((problem) => `${name}: ${problem}`);
}

/** Zero for a record that is not there. */
async function readCounter(
  { url, credential }: { url: string; credential: string | undefined },
  stop: AbortSignal | undefined,
): Promise<number> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const response = await fetch(url, {
    headers: authorization(credential),
    signal: stop === undefined ? timeout : AbortSignal.any([timeout, stop]),
  });
  const text = await response.text();
  if (response.status === 404) return 0;
  if (!response.ok) throw new Error(`${url} answers ${response.status} ${text}`);
  const { fields } = JSON.parse(text) as { readonly fields: { readonly n?: unknown } };
  return Number(fields.n ?? 0);
}

function recordPath(key: string): string {
  return `${API_PREFIX}/collections/${COLLECTION}/records/${key}`;
}

/** Unlike those of any other run, so that counters begin at zero; the n-th request of a stream is for the n-th, round and round. */
function keyOf(run: string, number: number): string {
  return `${run}-${number % KEYS_COUNT}`;
}

/** Whatever did not succeed at the first try: refused, without an answer, or not even sent in time. */
export function failedOf(figures: Pick<Figures, "refused" | "unknown" | "notSent">): number {
  return figures.refused + figures.unknown + figures.notSent;
}

function streamOf(options: {
  name: string;
  url: string;
  key: string | undefined;
  run: string;
  writesPerSecond: number;
}): StreamPlan {
  const { name, url, key, run, writesPerSecond } = options;
  return {
    name: `${name} local`,
    region: name,
    class: "local",
    urls: [url],
    ratePerSecond: writesPerSecond,
    idempotencyPrefix: `${run}-${name}`,
    headers: authorization(key),
    requests: Array.from({ length: KEYS_COUNT }, (_, index) => ({
      method: "PATCH",
      path: recordPath(keyOf(run, index)),
      body: JSON.stringify({ inc: { n: 1 }, set: { last: name } }),
    })),
  };
}

async function makeCollection(
  regions: readonly ObservedRegion[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = `${API_PREFIX}/collections/${COLLECTION}`;
  const wait = { timeoutMs: READY_TIMEOUT_MS, signal };
  await waitFor(() => send(regions[0]!, path, { method: "PUT", body: SCHEMA }), {
    ...wait,
    what: `collection ${COLLECTION} for the load`,
  });
  // A schema reaches other regions through the log, as everything does.
  for (const region of regions) {
    const { name } = region;
    const probe = { method: "PATCH", body: { set: { last: name } } };
    await waitFor(() => send(region, `${path}/records/probe`, probe), {
      ...wait,
      what: `write accepted by ${name} before the load`,
    });
  }
}

async function send(
  { url, key }: ObservedRegion,
  path: string,
  { method, body }: { method: string; body: object },
): Promise<true> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { "content-type": "application/json", ...authorization(key) },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return true;
}
