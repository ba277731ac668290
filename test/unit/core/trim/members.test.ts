import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OrderedEntry, TickEntry } from "../../../../services/core/entry.ts";
import { foldEntries } from "../../../../services/core/fold/fold.ts";
import { initialPartitionState, type PartitionState } from "../../../../services/core/fold/state.ts";
import { ZERO_HASH } from "../../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../../services/core/hlc.ts";
import { uuidOf } from "../../../../services/core/operation-id.ts";
import { placeMembers } from "../../../../services/core/trim/members.ts";
import { checkProperty } from "../../property.ts";

const MEMBERS = ["ap", "eu", "us"] as const;
const STARTED_AT_MS = 1_000;
const AWAY_MS_MAX = 60_000;

interface Said {
  readonly region: string;
  readonly applied: number;
  readonly atMs: number;
}

/** A log of ticks: position `n + 2` is what was said as the n-th. */
function fold(said: readonly Said[]): PartitionState {
  const genesis = {
    kind: "genesis",
    cluster: uuidOf("cluster"),
    partition: 0,
    partitions: 1,
    members: MEMBERS,
  } as const;
  const at = (position: number, storedAtMs: number, entry: OrderedEntry["entry"]): OrderedEntry => ({
    position,
    storedAtMs,
    checksum: ZERO_HASH,
    entry,
  });
  const entries = said.map(({ region, applied, atMs }, index) => at(index + 2, atMs, tick(region, applied)));
  const slice = { records: new Map(), operations: new Map<string, number>() };
  const state = initialPartitionState(0);
  return foldEntries({ state, slice, entries: [at(1, STARTED_AT_MS, genesis), ...entries] }).state;
}

function tick(origin: string, appliedPosition: number): TickEntry {
  const hlc = hlcFromMilliseconds(1);
  return {
    kind: "tick",
    origin,
    hlc,
    walHead: 0,
    appliedPosition,
    chain: ZERO_HASH,
    software: "test",
    reads: 3,
  };
}

function place(said: readonly Said[]) {
  return placeMembers(fold(said), { awayMsMax: AWAY_MS_MAX, startedAtMs: STARTED_AT_MS });
}

const all = (atMs: number, applied: number): Said[] => MEMBERS.map((region) => ({ region, applied, atMs }));

/** Each second from a time to another. */
function others(fromMs: number, toMs = fromMs): Said[] {
  const seconds = Math.floor((toMs - fromMs) / 1_000);
  return Array.from({ length: seconds + 1 }, (_, second) => second * 1_000 + fromMs).flatMap((atMs) => [
    { region: "eu", applied: 4, atMs },
    { region: "us", applied: 5, atMs },
  ]);
}

describe("how far the members are", () => {
  it("is where the last of them is", () => {
    expect(place([...all(2_000, 1), { region: "us", applied: 4, atMs: 2_000 }])).toEqual({
      foldedByAll: 1,
      pinnedBy: undefined,
      away: [],
    });
  });

  it("is nothing while one was never heard, since the log was made", () => {
    const placed = place([
      { region: "eu", applied: 1, atMs: 30_000 },
      { region: "us", applied: 2, atMs: 30_000 },
    ]);
    expect(placed.foldedByAll).toBe(0);
    expect(placed.pinnedBy).toEqual({ region: "ap", position: 0, sinceMs: STARTED_AT_MS });
  });

  it("names who is silent, since when", () => {
    const placed = place([
      ...all(2_000, 1),
      { region: "eu", applied: 4, atMs: 20_000 },
      { region: "us", applied: 5, atMs: 20_000 },
    ]);
    expect(placed).toEqual({
      foldedByAll: 1,
      pinnedBy: { region: "ap", position: 1, sinceMs: 2_000 },
      away: [],
    });
  });

  it("does not count who was away for too long, and counts it again once it folds on", () => {
    const before = [...all(2_000, 1), ...others(31_000, 2_000 + AWAY_MS_MAX)];
    expect(place(before)).toMatchObject({ foldedByAll: 1, away: [] });
    const after = [...before, ...others(2_001 + AWAY_MS_MAX)];
    expect(place(after)).toMatchObject({
      foldedByAll: 4,
      away: [{ region: "ap", position: 1, sinceMs: 2_000 }],
    });
    const back = [...after, { region: "ap", applied: 2, atMs: 2_001 + AWAY_MS_MAX }];
    expect(place(back)).toMatchObject({ foldedByAll: 2, away: [] });
  });

  it("gives everybody time to speak after the log was away", () => {
    const backAtMs = 2_000 + 2 * AWAY_MS_MAX;
    const early = [...all(2_000, 1), ...others(backAtMs, backAtMs + 29_000)];
    expect(place(early)).toMatchObject({ foldedByAll: 1, away: [] });
    const late = [...early, ...others(backAtMs + 30_000)];
    expect(place(late)).toMatchObject({ foldedByAll: 4, away: [{ region: "ap", position: 1 }] });
  });

  it("does not count who speaks and folds nothing: what it says is no sign that it needs less", () => {
    const said = Array.from({ length: 100 }, (_, second) =>
      MEMBERS.map((region) => ({
        region,
        applied: region === "ap" ? 1 : second + 1,
        atMs: 2_000 + second * 1_000,
      })),
    ).flat();
    expect(place(said)).toMatchObject({
      foldedByAll: 100,
      away: [{ region: "ap", position: 1, sinceMs: 2_000 }],
    });
    expect(place(said.slice(0, 90)).pinnedBy).toEqual({ region: "ap", position: 1, sinceMs: 2_000 });
  });

  it("is never beyond a member that counts, and rises as long as nobody comes back", () => {
    const history = fc.array(
      fc.record({
        region: fc.constantFrom(...MEMBERS),
        advance: fc.integer({ min: 0, max: 3 }),
        afterMs: fc.constantFrom(0, 1_000, 20_000),
      }),
      { maxLength: 60 },
    );
    checkProperty(
      fc.property(history, (steps) => {
        const applied = new Map<string, number>();
        let atMs = STARTED_AT_MS;
        const said = steps.map(({ region, advance, afterMs }, index) => {
          const position = Math.min(index + 1, (applied.get(region) ?? 0) + advance);
          applied.set(region, position);
          return { region, applied: position, atMs: (atMs += afterMs) };
        });
        const { foldedByAll, away } = place(said);
        const counting = MEMBERS.filter((region) => away.every((one) => one.region !== region));
        for (const region of counting) expect(foldedByAll).toBeLessThanOrEqual(applied.get(region) ?? 0);
        if (counting.length > 0)
          expect(counting.map((region) => applied.get(region) ?? 0)).toContain(foldedByAll);
        for (const { sinceMs } of away) expect(atMs - sinceMs).toBeGreaterThan(AWAY_MS_MAX);
      }),
    );
  });
});
