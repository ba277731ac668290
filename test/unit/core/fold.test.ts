import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestText, addToDigest, EMPTY_DIGEST } from "../../../services/core/digest.ts";
import type { OrderedEntry } from "../../../services/core/entry.ts";
import { foldEntries, LogMismatchError, type FoldResult } from "../../../services/core/fold/fold.ts";
import {
  hlcFloor,
  initialPartitionState,
  type FoldSlice,
  type PartitionState,
} from "../../../services/core/fold/state.ts";
import { ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { canonicalJson } from "../../../services/core/json.ts";
import { showFields, type StoredRecord } from "../../../services/core/record.ts";
import { checkProperty } from "../property.ts";
import { anyChange, buildLog, changesByKind, KEYS, REGIONS, steps, type Step } from "./histories.ts";
import { Oracle } from "./oracle.ts";

const EMPTY_SLICE: FoldSlice = { records: new Map(), operations: new Map() };

function foldAll(entries: readonly OrderedEntry[]): FoldResult {
  return foldEntries({ state: initialPartitionState(0), slice: EMPTY_SLICE, entries });
}

function shown(records: ReadonlyMap<string, StoredRecord | null>, key: string): object {
  const record = [...records.values()].find((candidate) => candidate?.key === key);
  return record === undefined || record === null ? {} : showFields(record.fields);
}

function shownByOracle(entries: readonly OrderedEntry[]): string {
  const oracle = new Oracle(REGIONS);
  for (const entry of entries) oracle.take(entry);
  return canonicalJson(Object.fromEntries(KEYS.map((key) => [key, oracle.fields(key)])));
}

function shownByFold(entries: readonly OrderedEntry[]): string {
  const { records } = foldAll(entries);
  return canonicalJson(Object.fromEntries(KEYS.map((key) => [key, shown(records, key)])));
}

describe("fold against the oracle", () => {
  for (const [kind, change] of Object.entries(changesByKind)) {
    it(`agrees on every history of ${kind} fields`, () => {
      checkProperty(
        fc.property(steps(change), (history) => {
          const log = buildLog(history, { noise: true });
          expect(shownByFold(log)).toBe(shownByOracle(log));
        }),
      );
    });
  }

  it("agrees on histories of all kinds, whatever comes twice, late, from strangers or with gaps", () => {
    checkProperty(
      fc.property(steps(anyChange), (history) => {
        const log = buildLog(history, { noise: true });
        expect(shownByFold(log)).toBe(shownByOracle(log));
      }),
      { runs: 500 },
    );
  });

  it("the oracle notices an operation that was applied twice, lost, or thought to have seen more", () => {
    const inc = (origin: Step["origin"], argument: number): Step => ({
      origin,
      key: "one",
      changes: [{ field: "total", kind: "counter", operator: "inc", argument }],
      behind: 0,
      ahead: 0,
      repeats: false,
      noise: "none",
    });
    const log = buildLog([inc("eu", 1), inc("us", 2)], { noise: false });
    const twice = [...log, { ...log[2]!, position: 4, entry: renamed(log[2]!) }];
    expect(shownByFold(log)).toBe(shownByOracle(log));
    expect(shownByFold(twice as OrderedEntry[])).not.toBe(shownByOracle(log));
    expect(shownByFold(log.slice(0, 2))).not.toBe(shownByOracle(log));
    const tags = (operator: "add" | "remove", origin: Step["origin"], behind: number): Step => ({
      ...inc(origin, 0),
      changes: [{ field: "tags", kind: "set", operator, argument: ["red"] }],
      behind,
    });
    const concurrent = buildLog([tags("add", "eu", 0), tags("remove", "us", 9)], { noise: false });
    const informed = buildLog([tags("add", "eu", 0), tags("remove", "us", 0)], { noise: false });
    expect(shownByFold(concurrent)).toContain("red");
    expect(shownByFold(informed)).not.toBe(shownByOracle(concurrent));
  });
});

/** The same increment under another id, as a fold without a memory would see it. */
function renamed(ordered: OrderedEntry): object {
  const { entry } = ordered;
  if (entry.kind !== "batch") throw new Error("not a batch");
  const { chain } = foldAll(buildLog([], { noise: false })).state.origins["ap"]!;
  const operation = { ...entry.operations[0]!.operation, id: "00000000-0000-8000-8000-000000000000" };
  return { ...entry, origin: "ap", previous: chain, operations: [{ operation, text: "again" }] };
}

describe("fold", () => {
  it("does not depend on how entries are grouped into calls", () => {
    checkProperty(
      fc.property(
        steps(anyChange),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
        (history, sizes) => {
          const log = buildLog(history, { noise: true });
          const whole = foldAll(log);
          const grouped = foldInGroups(log, sizes);
          expect(canonicalJson(grouped.state)).toBe(canonicalJson(whole.state));
          expect(digestOf(grouped.records)).toBe(digestOf(whole.records));
          expect(grouped.outcomes).toBe(canonicalJson(whole.outcomes));
          expect(grouped.conflicts).toBe(canonicalJson(whole.conflicts));
        },
      ),
    );
  });

  it("gives concurrent writes of different origins the same result in every order of arrival", () => {
    checkProperty(
      fc.property(steps(anyChange), fc.array(fc.nat()), (history, order) => {
        // Nobody has seen anything of the others; stamps belong to the operation, not to its place.
        const concurrent = history.map(
          (step) => ({ ...step, behind: Number.MAX_SAFE_INTEGER, noise: "none", repeats: false }) as const,
        );
        const log = buildLog(concurrent, { noise: false });
        expect(shownByFold(interleaved(log, order))).toBe(shownByFold(log));
      }),
      { runs: 500 },
    );
  });

  it("takes an operation id once, whichever region it comes through (I4)", () => {
    checkProperty(
      fc.property(steps(anyChange), (history) => {
        const log = buildLog(history, { noise: true });
        const ids = foldAll(log).outcomes.map((outcome) => outcome.id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  it("refuses a gap, an old epoch and another past of an origin, and counts them (I3)", () => {
    const write: Step = {
      origin: "eu",
      key: "one",
      changes: [{ field: "name", kind: "lww", operator: "set", argument: "Ada" }],
      behind: 0,
      ahead: 0,
      repeats: false,
      noise: "none",
    };
    const log = buildLog([write, write, write], { noise: false });
    const [genesis, first, second, third] = log as [OrderedEntry, OrderedEntry, OrderedEntry, OrderedEntry];
    const at = (position: number, ordered: OrderedEntry, changes: object = {}): OrderedEntry =>
      ({ ...ordered, position, entry: { ...ordered.entry, ...changes } }) as OrderedEntry;
    const gap = foldAll([genesis, first, at(3, third)]);
    expect(gap.counts.gaps).toBe(1);
    expect(gap.state.origins["eu"]?.watermark).toBe(1);
    const stale = foldAll([genesis, at(2, first, { epoch: 2 }), at(3, second)]);
    expect(stale.counts.staleEpochs).toBe(1);
    expect(stale.state.origins["eu"]?.watermark).toBe(1);
    const other = foldAll([genesis, first, at(3, second, { previous: ZERO_HASH })]);
    expect(other.counts.brokenChains).toBe(1);
    expect(other.state.origins["eu"]?.watermark).toBe(1);
  });

  it("stops at a jump of the log, at another partition's log and at one without a genesis (I16)", () => {
    const log = buildLog([], { noise: false });
    expect(() => foldAll([{ ...log[0]!, position: 2 }])).toThrow(LogMismatchError);
    const other = { ...log[0]!, entry: { ...log[0]!.entry, partition: 3 } } as OrderedEntry;
    expect(() => foldAll([other])).toThrow(/partition 3, not 0/);
    const tick = { kind: "tick", origin: "eu" } as OrderedEntry["entry"];
    expect(() => foldAll([{ ...log[0]!, entry: tick }])).toThrow(/genesis/);
  });

  it("takes log time from the log, and never lets it go back (I5)", () => {
    const log = buildLog([], { noise: false });
    const again = (position: number, storedAtMs: number) => ({ ...log[0]!, position, storedAtMs });
    const { state } = foldAll([{ ...log[0]!, storedAtMs: 5_000 }, again(2, 4_000)]);
    expect(state.logTimeMs).toBe(5_000);
  });

  it("forgets a marker once nothing older can come from any member", () => {
    const set = (operator: "set" | "unset", origin: Step["origin"]): Step => ({
      origin,
      key: "one",
      changes: [{ field: "name", kind: "lww", operator, argument: operator === "set" ? "Ada" : null }],
      behind: 0,
      ahead: 0,
      repeats: false,
      noise: "none",
    });
    const before = foldAll(buildLog([set("set", "eu"), set("unset", "eu")], { noise: false }));
    const held = [...before.records.values()][0]!;
    expect(Object.keys(held.fields)).toEqual(["name"]);
    const ticks = REGIONS.map((origin, index) =>
      tickEntry({ origin, position: before.state.position + 1 + index }),
    );
    const after = foldEntries({
      state: before.state,
      slice: { ...EMPTY_SLICE, records: before.records },
      entries: ticks,
    });
    expect(hlcFloor(after.state) > hlcFloor(before.state)).toBe(true);
  });
});

function tickEntry(options: { origin: string; position: number }): OrderedEntry {
  const { origin, position } = options;
  const tick = {
    kind: "tick",
    origin,
    hlc: hlcFromMilliseconds(1_000_000),
    walHead: 0,
    appliedPosition: 0,
  } as const;
  const entry = { ...tick, chain: ZERO_HASH, software: "test", reads: 1 };
  return { position, storedAtMs: 2_000, checksum: ZERO_HASH, entry };
}

function foldInGroups(log: readonly OrderedEntry[], sizes: readonly number[]) {
  let state: PartitionState = initialPartitionState(0);
  const records = new Map<string, StoredRecord>();
  const operations = new Map<string, number>();
  const outcomes: unknown[] = [];
  const conflicts: unknown[] = [];
  for (let start = 0, group = 0; start < log.length; group += 1) {
    const size = sizes[group % sizes.length]!;
    const result = foldEntries({
      state,
      slice: { records, operations },
      entries: log.slice(start, start + size),
    });
    state = result.state;
    // What a database does: members come back in another order.
    for (const [id, record] of result.records)
      records.set(id, JSON.parse(canonicalJson(record)) as StoredRecord);
    for (const { id, position } of result.outcomes) operations.set(id, position);
    outcomes.push(...result.outcomes);
    conflicts.push(...result.conflicts);
    start += size;
  }
  return { state, records, outcomes: canonicalJson(outcomes), conflicts: canonicalJson(conflicts) };
}

function digestOf(records: ReadonlyMap<string, StoredRecord | null>): string {
  const present = [...records.values()].filter((record) => record !== null);
  return digestText(present.reduce(addToDigest, EMPTY_DIGEST));
}

/** Another order of arrival that keeps each origin's own order. */
function interleaved(log: readonly OrderedEntry[], order: readonly number[]): OrderedEntry[] {
  const [genesis, ...rest] = log as [OrderedEntry, ...OrderedEntry[]];
  const queues = REGIONS.map((region) =>
    rest.filter(({ entry }) => entry.kind === "batch" && entry.origin === region),
  );
  const taken = [genesis];
  for (let index = 0; taken.length < log.length; index += 1) {
    const waiting = queues.filter((queue) => queue.length > 0);
    taken.push(waiting[(order[index % Math.max(1, order.length)] ?? 0) % waiting.length]!.shift()!);
  }
  return taken.map((ordered, index) => ({ ...ordered, position: index + 1 }));
}
