/** Verdicts under trouble are true: and whoever compares wrongly is caught. */
import { describe, expect, it } from "vitest";
import type { PartitionSnapshot, Snapshots } from "../../services/ports/partition-snapshot.ts";
import { overriding } from "./overriding.ts";
import { firstSeed } from "./seeds.ts";
import { DRIFT_KINDS } from "./drift.ts";
import { simulateVerdicts } from "./verdicts.ts";

const RUNS_MAX = 5;
const HALF = Math.ceil(DRIFT_KINDS.length / 2);

describe("verdicts under trouble", () => {
  it.each([
    [DRIFT_KINDS.slice(0, HALF), 0],
    [DRIFT_KINDS.slice(HALF), 1],
  ])("say nothing of drift where there is none, and find %s: seed + %d", async (kinds, offset) => {
    const report = await simulateVerdicts(firstSeed + offset, { verifications: 4, kinds });
    expect(report).toMatchObject({ planted: kinds.length, missed: [], misplaced: [] });
    expect(report.withoutDrift).toMatchObject({ match: 4, diverged: 0 });
  });
});

/** A store whose snapshots are another's, with something wrong about them. */
function withSnapshots(
  change: (
    snapshot: PartitionSnapshot,
    reopen: () => Promise<PartitionSnapshot>,
  ) => Partial<PartitionSnapshot>,
): NonNullable<Parameters<typeof simulateVerdicts>[1]["wrapStore"]> {
  return (store) => {
    const openSnapshot: Snapshots["openSnapshot"] = async (options) => {
      const snapshot = await store.openSnapshot(options);
      const changed = change(snapshot, () => store.openSnapshot(options));
      return overriding(snapshot, changed);
    };
    return overriding(store, { openSnapshot });
  };
}

describe("planted bugs are caught", () => {
  it("snapshots that are of a later position than they say", async () => {
    const wrapStore = withSnapshots((_, reopen) => ({
      digestLeaves: async (options) => (await reopen()).digestLeaves(options),
      digestRest: async (options) => (await reopen()).digestRest(options),
    }));
    // Seen only where something was folded between the two looks: about one run in ten has no such moment.
    let diverged = 0;
    for (let seed = firstSeed; diverged === 0 && seed < firstSeed + RUNS_MAX; seed += 1) {
      const { withoutDrift } = await simulateVerdicts(seed, { verifications: 6, kinds: [], wrapStore });
      ({ diverged } = withoutDrift);
    }
    expect(diverged).toBeGreaterThan(0);
  });

  it("digests that leave out operations, and leaves that tell of no claims", async () => {
    const wrapStore = withSnapshots((snapshot) => ({
      digestRest: async (options) => ({
        ...(await snapshot.digestRest(options)),
        operations: { count: 0, hash: "" },
      }),
      readLeaves: async function* (options) {
        for await (const rows of snapshot.readLeaves(options))
          yield rows.filter(({ collection }) => collection !== "$claims");
      },
    }));
    const kinds = ["claim dropped", "operation dropped"] as const;
    // What is missed is not repaired either.
    const options = { verifications: 0, kinds, wrapStore, areRowsChecked: false };
    const { missed } = await simulateVerdicts(firstSeed, options);
    expect(missed).toEqual(kinds);
  });
});
