/** Keeps software from folding that can't read what the state is made of, or what comes next. */
import type { OrderedEntry } from "../core/entry.ts";
import type { PartitionState } from "../core/fold/state.ts";
import { RoleRefusedError, type EntryVersions } from "../ports/entry-versions.ts";
import { ENTRY_VERSION, schemaVersion, versionOf } from "../protocol/entry-codec.ts";
import type { NewerEntryError } from "../protocol/undecodable.ts";
import type { ApplierMetrics } from "./metrics.ts";

/** Longer than a role lasts: whoever reads more has the time to take it. */
const STAND_ASIDE_MS = 10_000;

export interface NeededVersionOptions {
  readonly partition: number;
  readonly software: string;
  readonly store: Pick<EntryVersions, "needVersion" | "neededVersions" | "standAside">;
  readonly metrics: Pick<ApplierMetrics, "stopped">;
}

export class NeededVersion {
  readonly #options: NeededVersionOptions;
  #known = 0;
  /** Where folding stands, as far as it is known here. */
  #at: number | undefined;
  /** The newer entry that was met there. */
  #met: string | undefined;
  /** Why nothing is folded: nobody has taken the role for the newer entry that was met. */
  #stuck: string | undefined;

  constructor(options: NeededVersionOptions) {
    this.#options = options;
  }

  /**
   * Of a state that is folded on, wherever it has come from: a database of before, another region, a backup.
   * @throws {RoleRefusedError} newer software has made it since the role was asked for.
   */
  async open({ collections, position }: Pick<PartitionState, "collections" | "position">): Promise<void> {
    const { store, partition } = this.#options;
    if (position !== this.#at) this.#movedTo(position);
    const needed = await store.neededVersions();
    this.#known = needed.find((one) => one.partition === partition)?.version ?? 0;
    if (this.#known > ENTRY_VERSION)
      throw new RoleRefusedError(
        `partition ${partition} holds what entries of version ${this.#known} have made, and this process reads up to ${ENTRY_VERSION}`,
        { isForGood: true },
      );
    const schemas = Object.values(collections).map(({ schema }) => schemaVersion(schema));
    await this.#raise(Math.max(0, ...schemas));
    this.left();
  }

  /** Somebody else may fold from here on: only what nobody could take over stays told. */
  left(): void {
    this.#options.metrics.stopped(this.#stuck);
  }

  /** Whether `raise` has to come before these are committed. */
  isNews(entries: readonly OrderedEntry[]): boolean {
    const wasStuck = this.#stuck !== undefined;
    this.#movedTo(entries.at(-1)?.position);
    if (wasStuck) this.left();
    return versionsOf(entries) > this.#known;
  }

  async raise(entries: readonly OrderedEntry[]): Promise<void> {
    await this.#raise(versionsOf(entries));
  }

  /** An entry that newer software has to fold. */
  async met({ version, message }: NewerEntryError): Promise<void> {
    const { store, partition } = this.#options;
    // Nobody has taken it over since it was met first.
    if (this.#met !== undefined) this.#stuck = message;
    this.#met = message;
    await store.standAside({ partition, version, forMs: STAND_ASIDE_MS });
  }

  #movedTo(position: number | undefined): void {
    this.#at = position;
    this.#met = undefined;
    this.#stuck = undefined;
  }

  async #raise(version: number): Promise<void> {
    if (version <= this.#known) return;
    const { store, partition, software } = this.#options;
    await store.needVersion({ partition, version, software });
    this.#known = version;
  }
}

function versionsOf(entries: readonly OrderedEntry[]): number {
  return entries.reduce((highest, { entry }) => Math.max(highest, entryVersionOf(entry)), 0);
}

function entryVersionOf(entry: OrderedEntry["entry"]): number {
  return entry.kind === "forged" ? 0 : versionOf(entry);
}
