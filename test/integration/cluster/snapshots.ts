/**
 * Looks at a partition of every region again and again while a test runs, each time in one snapshot. What holds at every
 * position is checked in each, and regions that were seen at one position must have held the same (I6).
 */
import { canonicalJson, type JsonValue } from "../../../services/core/json.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { eventually } from "./bed.ts";

const PAUSE_MS = 5;
/** A test that fails fails in each of some thousand snapshots: the first few tell all. */
const PROBLEMS_MAX = 10;

export interface Snapshot {
  readonly position: number;
  /** Of one collection, by key. */
  readonly records: ReadonlyMap<string, StoredRecord>;
}

interface Place {
  readonly partition: number;
  readonly collection: string;
}

export async function snapshotOf(store: RegionStore, { partition, collection }: Place): Promise<Snapshot> {
  const records: StoredRecord[] = [];
  let at = 0;
  for await (const page of store.scanRecords(partition)) {
    at = page.position;
    records.push(...page.records.filter((record) => record.collection === collection));
  }
  const inOrder = records.sort((one, other) => (one.key < other.key ? -1 : 1));
  return { position: at, records: new Map(inOrder.map((record) => [record.key, record])) };
}

/** Waits until every region has folded what any region has folded by now, which is all that clients were told of. */
export async function foldedAlike(
  stores: ReadonlyMap<string, RegionStore>,
  partition: number,
): Promise<void> {
  const positions = async () =>
    Promise.all([...stores.values()].map(async (store) => (await store.readPositions(partition)).position));
  const goal = Math.max(...(await positions()));
  await eventually(`every region has folded position ${goal}`, async () =>
    (await positions()).every((position) => position >= goal) ? true : undefined,
  );
}

/** What is wrong with a snapshot, if anything is. */
export type Check = (snapshot: Snapshot) => string | undefined;

export class SnapshotWatch {
  readonly #stores: ReadonlyMap<string, RegionStore>;
  readonly #place: Place;
  readonly #check: Check;
  /** What the first region that was seen at a position held there. */
  readonly #seen = new Map<number, { readonly region: string; readonly text: string }>();
  readonly #compared = new Set<number>();
  readonly #problems: string[] = [];
  #watching: Promise<void>[] = [];
  #isOver = false;

  constructor(stores: ReadonlyMap<string, RegionStore>, options: Place & { readonly check: Check }) {
    this.#stores = stores;
    this.#place = options;
    this.#check = options.check;
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Positions at which several regions were seen. */
  get compared(): number {
    return this.#compared.size;
  }

  start(): void {
    this.#watching = [...this.#stores].map(async ([region, store]) => {
      try {
        await this.#watch(region, store);
      } catch (error) {
        this.#found(`${region} can't be looked at: ${String(error)}`);
      }
    });
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#watching);
  }

  async #watch(region: string, store: RegionStore): Promise<void> {
    while (!this.#isOver) {
      this.#look(region, await snapshotOf(store, this.#place));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #look(region: string, snapshot: Snapshot): void {
    const { position, records } = snapshot;
    const problem = this.#check(snapshot);
    if (problem !== undefined) this.#found(`${region} at ${position}: ${problem}`);
    const text = canonicalJson([...records.values()] as unknown as JsonValue);
    const before = this.#seen.get(position);
    if (before === undefined) this.#seen.set(position, { region, text });
    else if (before.region !== region) {
      this.#compared.add(position);
      if (before.text !== text)
        this.#found(`at ${position} ${before.region} holds ${before.text} and ${region} ${text}`);
    }
  }

  #found(problem: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(problem);
  }
}
