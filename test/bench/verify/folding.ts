/**
 * How much a verification slows folding: operations are appended straight to the regions' WALs, and what all regions fold is
 * counted in turns with and without a verification.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { benchOperation } from "../operations.ts";
import { median, round } from "../report.ts";

const APPEND_EVERY_MS = 20;
const APPEND_OPERATIONS = 1_024;
const SAMPLE_EVERY_MS = 50;
const WAIT_MS_MAX = 60_000;
const PENDING_ROWS_MAX = 10_000_000;
const PENDING_BYTES_MAX = 8 * 1024 ** 3;

export type Stores = ReadonlyMap<string, RegionStore>;

/** Operations on records that there are, each with a number of its own, dealt to the regions in turn. */
export class Appender {
  readonly #stores: readonly RegionStore[];
  readonly #keys: number;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  appended = 0;

  constructor(stores: Stores, keys: number) {
    this.#stores = [...stores.values()];
    this.#keys = keys;
  }

  /** Appends at a pace until `stop`. */
  start(perSecond: number): void {
    this.#running = this.#run(perSecond);
    this.#running.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(perSecond: number): Promise<void> {
    const startedAtMs = performance.now();
    const before = this.appended;
    while (!this.#stop.signal.aborted) {
      const due = Math.floor(((performance.now() - startedAtMs) * perSecond) / 1_000) + before;
      const counts = this.#stores.map((_, index) =>
        Math.ceil((due - this.appended - index) / this.#stores.length),
      );
      await Promise.all(counts.map((count, index) => this.#append(this.#stores[index]!, count)));
      await sleep(APPEND_EVERY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /** At once, and as quickly as the databases take them. */
  async appendAll(operations: number): Promise<void> {
    const untilAppended = this.appended + operations;
    while (this.appended < untilAppended)
      await Promise.all(this.#stores.map((store) => this.#append(store, APPEND_OPERATIONS)));
  }

  async #append(store: RegionStore, count: number): Promise<void> {
    if (count <= 0) return;
    const first = this.appended;
    this.appended += count;
    const operations = Array.from({ length: count }, (_, index) =>
      benchOperation({ number: first + index, keys: this.#keys }),
    );
    const limits = { pendingRowsMax: PENDING_ROWS_MAX, pendingBytesMax: PENDING_BYTES_MAX };
    await store.append({ partition: 0, operations, nowMs: Date.now(), ...limits });
  }
}

/** Operations that each region has folded, in all. */
export async function foldedIn(stores: Stores): Promise<number[]> {
  return Promise.all(
    [...stores.values()].map(async (store) => {
      const { origins } = await store.readPositions(0);
      return Object.values(origins).reduce((sum, { watermark }) => sum + watermark, 0);
    }),
  );
}

export interface Window {
  /** Operations/s, the mean of all regions. */
  readonly perSecond: number;
  readonly perSecondMin: number;
  /** Operations that were appended, and that the slowest region had not folded. */
  readonly behindMax: number;
}

/** Counts what is folded while `work` goes on. */
export async function foldedDuring(
  stores: Stores,
  work: () => Promise<unknown>,
  appended: () => number,
): Promise<Window> {
  const over = new AbortController();
  const before = await foldedIn(stores);
  const startedAtMs = performance.now();
  let behindMax = 0;
  const watching = (async () => {
    while (!over.signal.aborted) {
      const had = appended();
      behindMax = Math.max(behindMax, had - Math.min(...(await foldedIn(stores))));
      await sleep(SAMPLE_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  await work();
  const after = await foldedIn(stores);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  over.abort();
  await watching;
  const rates = after.map((folded, index) => (folded - before[index]!) / seconds);
  const perSecond = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  return { perSecond, perSecondMin: Math.min(...rates), behindMax };
}

/** Waits until all regions have folded what was appended. */
export async function untilFolded(stores: Stores, operations: number): Promise<void> {
  const untilMs = performance.now() + WAIT_MS_MAX;
  while (Math.min(...(await foldedIn(stores))) < operations) {
    if (performance.now() > untilMs) throw new Error(`not folded within ${WAIT_MS_MAX / 1_000} s`);
    await sleep(SAMPLE_EVERY_MS);
  }
}

export function compareWindows(alone: readonly Window[], verifying: readonly Window[]): object {
  const rate = (windows: readonly Window[]) => median(windows.map(({ perSecond }) => perSecond));
  return {
    operations_per_second_alone: Math.round(rate(alone)),
    operations_per_second_verifying: Math.round(rate(verifying)),
    ratio: round(rate(verifying) / rate(alone)),
    behind_max_alone: Math.max(...alone.map(({ behindMax }) => behindMax)),
    behind_max_verifying: Math.max(...verifying.map(({ behindMax }) => behindMax)),
  };
}
