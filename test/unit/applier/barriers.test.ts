/** The applier stops at a barrier for whoever looks, and no longer than it must; repairs are folded onto what the database holds. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import {
  BARRIER_STOP_MS_MAX,
  type BarrierObserver,
  type BarrierStop,
} from "../../../services/applier/barrier-stop.ts";
import { rowHash } from "../../../services/core/digest.ts";
import type { BarrierEntry, RecordRepair } from "../../../services/core/entry.ts";
import { chain, sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { encodeChanges } from "../../../services/protocol/change-codec.ts";
import { encodeBatch, encodeEntry, encodeOperation } from "../../../services/protocol/entry-codec.ts";
import { Bed, COLLECTION, TENANT } from "../gateway/bed.ts";
import { silentMetrics } from "../../simulation/metrics.ts";

const KEY = { tenant: TENANT, collection: COLLECTION, key: "ada" };
const BODY = encodeChanges([{ field: "likes", kind: "counter", operator: "inc", argument: 1 }]);

/** What the relay of `eu` sends: one increment after the other. */
class Increments {
  #sequence = 0;
  #chain = ZERO_HASH;

  next(): Uint8Array {
    this.#sequence += 1;
    const line = encodeOperation({
      ...KEY,
      id: uuidOf("increment", String(this.#sequence)),
      hlc: hlcFromMilliseconds(1_000 + this.#sequence),
      seen: 0,
      requestHash: sha256(BODY),
      body: BODY,
    });
    const range = { first: this.#sequence, last: this.#sequence, previous: this.#chain };
    this.#chain = chain(this.#chain, line);
    return encodeBatch({ origin: "eu", epoch: 1, ...range }, [line]);
  }
}

function barrier(name: string, origin = "eu"): BarrierEntry {
  return { kind: "barrier", origin, id: uuidOf(name), purpose: "verify" };
}

/** A region whose applier folds what a test puts into the log. */
class Fold {
  readonly bed: Bed;
  readonly increments = new Increments();
  readonly #stop = new AbortController();

  constructor(observer?: BarrierObserver, seed = 1) {
    this.bed = new Bed({ regions: ["eu"], seed });
    const { options } = this.bed.first;
    const applier = new Applier({
      ...options,
      members: ["eu"],
      partition: 0,
      metrics: silentMetrics,
      ...(observer && { barriers: observer }),
    });
    void applier.run(this.#stop.signal);
  }

  async start(): Promise<void> {
    await this.bed.world.runUntil(() => this.position === 1, { limitMs: 60_000, what: "the genesis" });
  }

  put(data: Uint8Array): void {
    this.bed.servers.store(0, data);
  }

  get position(): number {
    return this.bed.first.database.loadPartition(0).position;
  }

  get row(): StoredRecord | undefined {
    return this.bed.first.database.records(0).find(({ key }) => key === KEY.key);
  }

  async runTo(position: number): Promise<void> {
    await this.bed.world.runUntil(() => this.position === position, {
      limitMs: 60_000,
      what: `position ${position}`,
    });
  }

  pass(durationMs: number): Promise<void> {
    return this.bed.world.run(this.bed.world.nowMs + durationMs);
  }
}

/** Holds the applier until it is let go. */
class Holding implements BarrierObserver {
  readonly stops: BarrierStop[] = [];
  /** What the database had committed when each stop began. */
  readonly committed: number[] = [];
  fold: Fold | undefined;
  letGo: () => void = () => undefined;

  atBarrier(stop: BarrierStop): Promise<void> {
    this.stops.push(stop);
    this.committed.push(this.fold!.position);
    return new Promise((resolve) => (this.letGo = resolve));
  }
}

describe("a barrier", () => {
  it("is where everything before is committed and nothing after, until the observer is done", async () => {
    const observer = new Holding();
    const fold = (observer.fold = new Fold(observer));
    await fold.start();
    for (const data of [fold.increments.next(), encodeEntry(barrier("one")), fold.increments.next()])
      fold.put(data);
    await fold.runTo(3);
    await fold.pass(BARRIER_STOP_MS_MAX / 2);
    expect(observer.stops).toMatchObject([{ partition: 0, position: 3, barrier: barrier("one") }]);
    expect(observer.committed).toEqual([3]);
    expect(observer.stops[0]!.logTimeMs).toBe(fold.bed.first.database.loadPartition(0).logTimeMs);
    expect(fold.position).toBe(3);
    expect(fold.row?.version).toBe(2);
    observer.letGo();
    await fold.runTo(4);
    expect(observer.stops[0]!.passed.aborted).toBe(false);
  });

  it("holds folding for a bounded time, and says so to whoever is late", async () => {
    const observer = new Holding();
    const fold = (observer.fold = new Fold(observer));
    await fold.start();
    for (const data of [encodeEntry(barrier("one")), encodeEntry(barrier("two")), fold.increments.next()])
      fold.put(data);
    await fold.runTo(2);
    const stoppedAtMs = fold.bed.world.nowMs;
    await fold.runTo(3);
    expect(observer.stops[0]!.passed.aborted).toBe(true);
    expect(fold.bed.world.nowMs - stoppedAtMs).toBeGreaterThanOrEqual(BARRIER_STOP_MS_MAX - 100);
    await fold.pass(100);
    expect(observer.stops[1]!.passed.aborted).toBe(false);
    await fold.runTo(4);
  });

  it("stops nothing where the observer fails, at once or later, and for strangers", async () => {
    const asked: number[] = [];
    const failing: BarrierObserver = {
      atBarrier: ({ position }) => {
        asked.push(position);
        if (position === 2) throw new Error("at once");
        return Promise.reject(new Error("later"));
      },
    };
    const fold = new Fold(failing);
    await fold.start();
    for (const name of ["one", "two"]) fold.put(encodeEntry(barrier(name)));
    fold.put(encodeEntry(barrier("three", "mars")));
    fold.put(fold.increments.next());
    const startMs = fold.bed.world.nowMs;
    await fold.runTo(5);
    expect(asked).toEqual([2, 3]);
    expect(fold.bed.world.nowMs - startMs).toBeLessThan(BARRIER_STOP_MS_MAX);
  });

  it("is passed where nobody looks", async () => {
    const fold = new Fold();
    await fold.start();
    fold.put(encodeEntry(barrier("one")));
    fold.put(fold.increments.next());
    await fold.runTo(3);
  });
});

describe("a repair of a row that was edited in the database", () => {
  function drifted(row: StoredRecord): StoredRecord {
    return { ...row, fields: { likes: { kind: "counter", sum: 99 } } };
  }

  function repairOf(right: StoredRecord, wrong: StoredRecord): RecordRepair {
    const { tenant, collection, key, ...record } = right;
    return { tenant, collection, key, expected: [rowHash(right), rowHash(wrong)].toSorted(), record };
  }

  /** A region with a row of two increments, in the applier's memory too, that says 99 in the database. */
  async function driftedFold(seed?: number) {
    const fold = new Fold(undefined, seed);
    await fold.start();
    fold.put(fold.increments.next());
    fold.put(fold.increments.next());
    fold.put(encodeEntry(barrier("one")));
    await fold.runTo(4);
    const right = fold.row!;
    fold.bed.first.database.edit(0, KEY, drifted(right));
    return { fold, right, records: [repairOf(right, drifted(right))] };
  }

  const about = {
    kind: "repair",
    origin: "eu",
    id: uuidOf("repair"),
    at: 4,
    atMs: 0,
    reason: "majority",
  } as const;

  it("is folded onto what is there, though memory holds what was folded", async () => {
    const { fold, right, records } = await driftedFold();
    fold.put(encodeEntry({ ...about, records }));
    await fold.runTo(5);
    expect(fold.row).toEqual(right);
    const made = fold.bed.first.database.listRepairs({ limit: 9 });
    expect(made).toMatchObject([{ position: 5, ordinal: 0, before: drifted(right), after: right }]);
    fold.put(fold.increments.next());
    await fold.runTo(6);
    expect(fold.row?.fields["likes"]).toEqual({ kind: "counter", sum: 3 });
  });

  // Of different seeds, whose calls to the database take different times.
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "is overtaken by a write before it, which memory has put right already (%i)",
    async (seed) => {
      const { fold, records } = await driftedFold(seed);
      // In one delivery, so that they could be one group.
      fold.bed.servers.cutOff.add("eu");
      fold.put(fold.increments.next());
      fold.put(encodeEntry({ ...about, records }));
      fold.put(fold.increments.next());
      await fold.pass(100);
      fold.bed.servers.cutOff.delete("eu");
      await fold.runTo(7);
      expect(fold.row?.fields["likes"]).toEqual({ kind: "counter", sum: 4 });
      const held = fold.bed.first.database.loadSlice({ partition: 0, records: [KEY], operations: [] });
      expect(held.records.get(recordIdText(KEY))).toEqual(fold.row);
    },
  );
});
