import { describe, expect, it } from "vitest";
import { initialPartitionState } from "../../../services/core/fold/state.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Entry, OrderedEntry } from "../../../services/core/entry.ts";
import { SlowestRegion, type FoldPlace } from "../../../services/relay/slowest.ts";

const genesis: Entry = {
  kind: "genesis",
  cluster: uuidOf("cluster"),
  partition: 0,
  partitions: 1,
  members: ["ap", "eu", "us"],
};

function tick(origin: string, appliedPosition: number): Entry {
  const hlc = hlcFromMilliseconds(1_000);
  return {
    kind: "tick",
    origin,
    hlc,
    walHead: 0,
    appliedPosition,
    chain: ZERO_HASH,
    software: "1",
    reads: 3,
  };
}

/** The real fold of ticks, each stored at its time; then the log goes on to a position. */
function placeAfter(ticks: readonly { region: string; applied: number; atMs: number }[], position: number) {
  const entries: OrderedEntry[] = [
    { entry: genesis, storedAtMs: 1 },
    ...ticks.map(({ region, applied, atMs }) => ({ entry: tick(region, applied), storedAtMs: atMs })),
  ].map((one, index) => ({ ...one, position: index + 1, checksum: sha256(String(index)) }));
  const slice = { records: new Map(), operations: new Map<string, number>() };
  const { state } = foldEntries({ state: initialPartitionState(0), slice, entries });
  return { ...state, position };
}

const slowestPosition = (place: FoldPlace): number => new SlowestRegion().position(place);

describe("the slowest region", () => {
  it("is none that ticks and stands still, until it moves", () => {
    const slowest = new SlowestRegion();
    const at = (atMs: number, applied: number) =>
      slowest.position(placeAfter([{ region: "ap", applied, atMs }], 100));
    expect([at(9_000, 70), at(12_000, 70), at(14_000, 70)]).toEqual([70, 70, 70]);
    expect([at(14_001, 70), at(20_000, 70)]).toEqual([100, 100]);
    expect([at(21_000, 71), at(25_000, 72), at(30_000, 72), at(30_001, 72)]).toEqual([71, 72, 72, 100]);
  });

  it("is the one whose tick tells the lowest position", () => {
    const place = placeAfter(
      [
        { region: "us", applied: 90, atMs: 9_000 },
        { region: "ap", applied: 70, atMs: 9_000 },
      ],
      100,
    );
    expect(slowestPosition(place)).toBe(70);
    expect(slowestPosition(placeAfter([], 100))).toBe(100);
  });

  it("is none that has fallen silent, nor one that catches up with a long past", () => {
    const silent = placeAfter(
      [
        { region: "ap", applied: 70, atMs: 5_000 },
        { region: "us", applied: 90, atMs: 9_000 },
      ],
      100,
    );
    expect(slowestPosition(silent)).toBe(90);
    const returned = placeAfter(
      [
        { region: "ap", applied: 70, atMs: 9_000 },
        { region: "us", applied: 9_990, atMs: 9_000 },
      ],
      10_000,
    );
    expect(slowestPosition(returned)).toBe(9_990);
  });
});
