/** Bugs in how regions of different releases get along: some seed must find each. */
import { describe, expect, it } from "vitest";
import { ENTRY_VERSION } from "../../services/protocol/entry-codec.ts";
import { overriding } from "./overriding.ts";
import { simulateUpgrade, type UpgradeOptions } from "./upgrade-scenario.ts";
import { firstFailure } from "./first-failure.ts";

const PLANTED: readonly {
  readonly bug: string;
  readonly finds: RegExp;
  readonly wrapStore: NonNullable<UpgradeOptions["wrapStore"]>;
  /** Where few seeds would find it by themselves. */
  readonly plan?: UpgradeOptions["plan"];
}[] = [
  {
    bug: "promises the newest version, whatever its processes read",
    finds: /entry-versions: an entry of version \d+ is in partition \d, and \w+ reads up to/,
    wrapStore: (store) =>
      overriding(store, {
        promiseReads: async (options) => {
          await store.promiseReads(options);
          return ENTRY_VERSION;
        },
      }),
  },
  {
    bug: "takes all members for as new as itself",
    finds: /entry-versions: an entry of version \d+ is in partition \d, and \w+ reads up to/,
    wrapStore: (store) =>
      overriding(store, {
        readPositions: async (partition) => {
          const positions = await store.readPositions(partition);
          const origins = Object.entries(positions.origins).map(([name, origin]) => {
            const { tick } = origin;
            return [name, { ...origin, tick: tick && { ...tick, reads: ENTRY_VERSION } }] as const;
          });
          return { ...positions, origins: Object.fromEntries(origins) };
        },
      }),
  },
  {
    bug: "lets a process fold that reads less than was just promised",
    finds: /entry-versions: .* promised more/,
    wrapStore: (store, { database: { entryVersions } }) => {
      entryVersions.refusal = () => undefined;
      return store;
    },
    plan: { returns: 2, pauseMs: [4_000, 12_000] },
  },
  {
    bug: "does not remember what its state is made of",
    finds: /entry-versions: a process of \w+ that reads up to \d+ folds up to/,
    wrapStore: (store) =>
      overriding(store, {
        needVersion: () => Promise.resolve(),
        neededVersions: () => Promise.resolve([]),
      }),
    plan: { returns: 2, pauseMs: [12_000, 15_000], awayMs: [20_000, 30_000] },
  },
];

describe("planted bugs of upgrades are caught", () => {
  for (const { bug, finds, ...planted } of PLANTED) {
    it(`a region that ${bug}`, async () => {
      await expect(firstFailure((seed) => simulateUpgrade(seed, planted))).resolves.toMatch(finds);
    });
  }
});
