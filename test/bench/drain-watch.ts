/** Looks at a drain from outside: how far each region has folded, and what the processes use of the machine. */
import type { LocalCluster } from "../../infra/local/cluster.ts";
import type { RegionStore } from "../../services/ports/region-store.ts";
import { cpuMicroseconds, residentMegabytes } from "./processes.ts";
import { progress, round } from "./report.ts";

const SAMPLE_MS = 250;
const PROGRESS_EVERY_MS = 5_000;

export interface DrainWatchOptions {
  readonly cluster: LocalCluster;
  readonly stores: ReadonlyMap<string, RegionStore>;
  /** Regions whose WALs the backlog is in. */
  readonly origins: readonly string[];
  readonly operations: number;
}

const KINDS = ["node_origins", "node_others", "postgres", "nats", "bench"] as const;
/** Microseconds, of all processes of a kind together; `bench` is this process, which the links' proxies run in. */
type Cpu = Readonly<Record<(typeof KINDS)[number], number>>;

function difference(later: Cpu, earlier: Cpu): Cpu {
  return Object.fromEntries(KINDS.map((kind) => [kind, later[kind] - earlier[kind]])) as Cpu;
}

export class DrainWatch {
  readonly #options: DrainWatchOptions;
  readonly #residentMax = new Map<string, number>();
  /** Of the backlog, what the region that had come furthest had folded and this one had not. */
  readonly #behindMax = new Map<string, number>();
  #before: { readonly cpu: Cpu; readonly folded: number } | undefined;
  #after: Cpu | undefined;
  #startedAtMs = 0;
  #firstFoldedAtMs: number | undefined;
  #endedAtMs: number | undefined;
  #inFlightMax = 0;
  #unfoldedMax = 0;
  #windowMin = Infinity;
  #windowMax = 0;
  #error: unknown;

  constructor(options: DrainWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#watch().catch((error: unknown) => (this.#error = error));
  }

  get isDrained(): boolean {
    if (this.#error !== undefined) throw this.#error as Error;
    return this.#endedAtMs !== undefined;
  }

  async #watch(): Promise<void> {
    this.#startedAtMs = performance.now();
    this.#before = { cpu: this.#cpu(), folded: await this.#folded() };
    let toldAtMs = this.#startedAtMs;
    for (;;) {
      const folded = await this.#folded();
      const nowMs = performance.now();
      if (folded > this.#before.folded) this.#firstFoldedAtMs ??= nowMs;
      this.#sampleMemory();
      await this.#sampleWindow();
      if (folded >= this.#options.operations) {
        this.#endedAtMs = nowMs;
        this.#after = this.#cpu();
        return;
      }
      if (nowMs - toldAtMs > PROGRESS_EVERY_MS) {
        toldAtMs = nowMs;
        const behind = [...this.#behindMax].map(([name, count]) => `${name} ${count}`).join(", ");
        progress(
          `${folded} folded everywhere; behind by ${behind} at most; ${[...this.#residentMax.values()].join(", ")} MB at most`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }

  /** Operations of the backlog that every region has folded; those of clients make no difference to speak of. */
  async #folded(): Promise<number> {
    const { stores, origins } = this.#options;
    const counts = await Promise.all(
      [...stores].map(async ([name, store]) => {
        const positions = await store.readPositions(0);
        const count = origins.reduce((sum, origin) => sum + (positions.origins[origin]?.watermark ?? 0), 0);
        return { name, count };
      }),
    );
    const furthest = Math.max(...counts.map(({ count }) => count));
    for (const { name, count } of counts)
      this.#behindMax.set(name, Math.max(furthest - count, this.#behindMax.get(name) ?? 0));
    return Math.min(...counts.map(({ count }) => count));
  }

  #sampleMemory(): void {
    for (const { name, pid } of this.#options.cluster.regions) {
      if (pid === undefined) throw new Error(`the process of region ${name} has ended`);
      const { resident_megabytes: now } = residentMegabytes(pid);
      this.#residentMax.set(name, Math.max(now, this.#residentMax.get(name) ?? 0));
    }
  }

  async #sampleWindow(): Promise<void> {
    const [origin] = this.#options.origins;
    const response = await fetch(`${this.#options.cluster.region(origin!).url}/metrics`);
    const text = await response.text();
    const gauge = (name: string) =>
      Number(new RegExp(`^${name}\\{.*\\} ([\\d.]+)`, "m").exec(text)?.[1] ?? 0);
    this.#inFlightMax = Math.max(this.#inFlightMax, gauge("forebay_relay_batches_in_flight"));
    this.#unfoldedMax = Math.max(this.#unfoldedMax, gauge("forebay_relay_batches_unfolded"));
    this.#windowMin = Math.min(this.#windowMin, gauge("forebay_relay_window"));
    this.#windowMax = Math.max(this.#windowMax, gauge("forebay_relay_window"));
  }

  #cpu(): Cpu {
    const { cluster, origins } = this.#options;
    const { user, system } = process.cpuUsage();
    const cpu = { node_origins: 0, node_others: 0, postgres: 0, nats: 0, bench: user + system };
    for (const { name, pid, postgres, nats } of cluster.regions) {
      cpu[origins.includes(name) ? "node_origins" : "node_others"] += cpuMicroseconds(pid);
      cpu.postgres += cpuMicroseconds(postgres.pid);
      cpu.nats += cpuMicroseconds(nats.pid);
    }
    return cpu;
  }

  /** Microseconds are per operation of the backlog, and hold what clients cost meanwhile. */
  figures(): object {
    const { cluster, operations } = this.#options;
    const endedAtMs = this.#endedAtMs!;
    const durationMs = endedAtMs - this.#startedAtMs;
    const perSecond = (sinceMs: number) => Math.round((operations * 1_000) / (endedAtMs - sinceMs));
    const spent = difference(this.#after!, this.#before!.cpu);
    const total = Object.values(spent).reduce((sum, each) => sum + each, 0);
    return {
      operations_per_second: perSecond(this.#startedAtMs),
      operations_per_second_since_first: perSecond(this.#firstFoldedAtMs ?? this.#startedAtMs),
      seconds: round(durationMs / 1_000, 1),
      cpu_microseconds: Object.fromEntries(KINDS.map((kind) => [kind, round(spent[kind] / operations, 1)])),
      cpu_microseconds_all: round(total / operations, 1),
      resident_megabytes_max: Object.fromEntries(this.#residentMax),
      peak_megabytes: Object.fromEntries(
        cluster.regions.map(({ name, pid }) => [name, residentMegabytes(pid!).peak_megabytes]),
      ),
      behind_max_operations: Object.fromEntries(this.#behindMax),
      batches_in_flight_max: this.#inFlightMax,
      batches_unfolded_max: this.#unfoldedMax,
      window: { min: round(this.#windowMin, 1), max: round(this.#windowMax, 1) },
    };
  }
}
