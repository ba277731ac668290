/**
 * Which versions of entries the log gets while regions run different releases: none that a region can't read, and the newest
 * once all can. Nobody folds onto what it can't read.
 */
import type { RegionStore } from "../../services/ports/region-store.ts";
import type { LogMessage } from "../../services/ports/global-log.ts";
import { decodeEntry, ENTRY_VERSION } from "../../services/protocol/entry-codec.ts";
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import { versionIn } from "./older-software.ts";
import { overriding } from "./overriding.ts";
import type { Slot } from "./releases.ts";
import { require } from "./require.ts";

/** For so long after it was made a promise of what a region reads has to be kept. */
const PROMISE_HOLDS_MS = 15_000;

export class VersionChecks {
  readonly #cluster: SimulatedCluster;
  /** Of all entries up to each position, by partition. */
  readonly #highest: number[][];
  readonly violations: unknown[] = [];
  /** When a region promised last, in a partition, to read a version. */
  readonly #promisedAtMs = new Map<string, number>();
  /** Operations that newer software was asked for with a trace. */
  readonly traced = new Set<string>();
  /** Of those, in the log. */
  readonly operations = { withTrace: 0, without: 0 };
  /** Regions that have gone back to an older release, ever. */
  readonly rolledBack = new Set<string>();
  /**
   * Entries that came while a region that had gone back could not read them any more: it was out of reach for longer than its
   * promise held, and the others still took it for what it was. Its fold waits for the newer release.
   */
  stranding = 0;
  /** Those that came while the promise, or what was folded, kept its older processes from folding. */
  held = 0;
  /** When an entry of each version was ordered last. */
  readonly lastAtMs = new Map<number, number>();

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.#highest = Array.from({ length: cluster.options.partitions }, () => [0]);
    cluster.servers.onChange(() => this.#look());
    for (const region of cluster.regions) this.#hearPromises(region);
  }

  #hearPromises({ name, database: { entryVersions } }: SimulatedRegion): void {
    const promise = entryVersions.promise.bind(entryVersions);
    entryVersions.promise = (options) => {
      const version = promise(options);
      this.#promisedAtMs.set(`${name} ${options.partition} ${version}`, this.#cluster.world.nowMs);
      return version;
    };
  }

  #look(): void {
    for (const [partition, highest] of this.#highest.entries()) {
      const messages = this.#cluster.servers.messages(partition);
      for (const message of messages.slice(highest.length - 1)) {
        highest.push(Math.max(highest.at(-1)!, versionIn(message.data)));
        // Thrown here it would reach whoever publishes.
        try {
          this.#ordered(partition, message);
        } catch (error) {
          this.violations.push(error);
        }
      }
    }
  }

  #ordered(partition: number, message: LogMessage): void {
    const version = versionIn(message.data);
    this.lastAtMs.set(version, this.#cluster.world.nowMs);
    this.#count(message);
    for (const region of this.#cluster.regions) {
      const older = region.slots.filter(({ reads }) => reads < version);
      if (older.length > 0) this.#checkOlder({ partition, version, region, older });
    }
  }

  #checkOlder(input: { partition: number; version: number; region: SimulatedRegion; older: Slot[] }): void {
    const { partition, version, region, older } = input;
    const least = Math.min(...older.map(({ reads }) => reads));
    const what = `an entry of version ${version} is in partition ${partition}, and ${region.name} reads up to ${least}`;
    require(this.rolledBack.has(region.name), "entry-versions", what);
    if (!older.some((slot) => mayFold(region, partition, slot))) {
      this.held += 1;
      return;
    }
    const agoMs = this.#cluster.world.nowMs - this.#promisedLastAtMs({ partition, version, region });
    require(agoMs > PROMISE_HOLDS_MS, "entry-versions", `${what}, which promised more ${agoMs} ms ago`);
    this.stranding += 1;
  }

  /** To read the version, or a newer one. */
  #promisedLastAtMs(input: { partition: number; version: number; region: SimulatedRegion }): number {
    const { partition, version, region } = input;
    const versions = Array.from({ length: ENTRY_VERSION - version + 1 }, (_, more) => version + more);
    const times = versions.map((one) => this.#promisedAtMs.get(`${region.name} ${partition} ${one}`));
    return Math.max(...times.map((atMs) => atMs ?? -Infinity));
  }

  #count({ data }: LogMessage): void {
    const { entry } = decodeEntry(data);
    if (entry.kind !== "batch" && entry.kind !== "propose") return;
    const ids =
      entry.kind === "batch"
        ? entry.operations.map(({ operation }) => operation.id)
        : entry.proposals.map(({ id }) => id);
    const withTrace = new Set((entry.traces ?? []).map(([index]) => index));
    for (const [index, id] of ids.entries()) {
      if (!this.traced.has(id)) continue;
      if (withTrace.has(index)) this.operations.withTrace += 1;
      else this.operations.without += 1;
    }
  }

  /** Whatever the code under test does about it, no process folds what is made of entries that it can't read. */
  watch(store: RegionStore, region: SimulatedRegion, { reads }: Slot): RegionStore {
    return overriding(store, {
      commitFold: (options) => {
        this.#checkFold(options.result.state, region, reads);
        return store.commitFold(options);
      },
    });
  }

  #checkFold(
    { partition, position }: { partition: number; position: number },
    region: SimulatedRegion,
    reads: number,
  ): void {
    const version = this.#highest[partition]![position]!;
    try {
      const what = `a process of ${region.name} that reads up to ${reads} folds up to ${partition}/${position}`;
      require(version <= reads, "entry-versions", `${what}, which holds an entry of version ${version}`);
    } catch (error) {
      this.violations.push(error);
    }
  }
}

/** Whether a process there folds, or may at any moment. */
function mayFold(region: SimulatedRegion, partition: number, slot: Slot): boolean {
  const running = region.processes.find((one) => one.slot === slot);
  if (running === undefined) return false;
  const asked = { partition, holder: running.process.name };
  return region.database.entryVersions.refusal(asked) === undefined;
}
