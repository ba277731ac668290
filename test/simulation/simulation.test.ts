import { describe, expect, it } from "vitest";
import {
  StoreUnavailableError,
  type RegionStore,
  type WalAppend,
} from "../../services/ports/region-store.ts";
import type { SimulatedRegion } from "./cluster.ts";
import { overriding } from "./overriding.ts";
import { simulate } from "./scenario.ts";
import { firstSeed, trySeeds } from "./seeds.ts";

trySeeds({ offset: 0, count: 150 });

describe("simulated cluster", () => {
  it("replays a seed exactly", async () => {
    const one = await simulate(firstSeed);
    const other = await simulate(firstSeed);
    expect(other).toEqual(one);
    expect((await simulate(firstSeed + 1)).fingerprint).not.toBe(one.fingerprint);
  });
});

/** Each wraps the store in a bug; some seed must find it, and the checker must name the invariant. */
const PLANTED: readonly {
  readonly bug: string;
  readonly finds: RegExp;
  readonly wrap: (store: RegionStore, region: SimulatedRegion) => RegionStore;
}[] = [
  {
    bug: "answers before the row is committed",
    finds: /I1/,
    wrap: (store) =>
      overriding(store, {
        append: async (options) => {
          const hlc = "0000000000000001";
          void store.append(options).catch(() => undefined);
          return options.operations.map(
            (_, index) => ({ status: "accepted", sequence: index + 1, hlc }) as never,
          );
        },
      }),
  },
  {
    bug: "loses an append that it has answered",
    finds: /I1|I2/,
    wrap: (store, region) =>
      overriding(store, {
        append: async (options) => {
          const outcomes = await store.append(options);
          const rows = region.database.walRows(options.partition) as unknown[];
          if (rows.length % 7 === 0) rows.pop();
          return outcomes;
        },
      }),
  },
  {
    bug: "forgets which operation ids took effect",
    finds: /I4|I6/,
    wrap: (store) =>
      overriding(store, {
        loadSlice: async (options) => ({
          ...(await store.loadSlice(options)),
          operations: new Map<string, number>(),
        }),
      }),
  },
  {
    bug: "folds onto rows that it has not read",
    finds: /I6|I11/,
    wrap: (store) =>
      overriding(store, {
        loadSlice: async (options) => ({ ...(await store.loadSlice(options)), records: new Map() }),
      }),
  },
  {
    bug: "drops what lost",
    finds: /I6.*conflicts/,
    wrap: (store) =>
      overriding(store, {
        commitFold: (options) =>
          store.commitFold({ ...options, result: { ...options.result, conflicts: [] } }),
      }),
  },
  {
    bug: "commits a fold although another applier was there first",
    finds: /I16|I6/,
    wrap: (store, region) =>
      overriding(store, {
        commitFold: async (options) => {
          const { position } = region.database.loadPartition(options.result.state.partition);
          if (position !== options.expectedPosition) {
            region.database.commitFold({ ...options, expectedPosition: position });
            return;
          }
          await store.commitFold(options);
        },
        // Two appliers at once, which a role that is granted to everybody makes likely.
        acquireRole: async (options) => (await store.acquireRole(options)) ?? { epoch: 1 },
      }),
  },
  {
    bug: "says that a fold is committed before it is",
    // A wrong guess of the applier that it hears of too late leaves it with another state than the log's.
    finds: /I6|I7|I11|I12|I16/,
    wrap: (store) => {
      let committing = Promise.resolve();
      return overriding(store, {
        commitFold: async (options) => {
          const before = committing;
          committing = before.catch(() => undefined).then(() => store.commitFold(options));
          committing.catch(() => undefined);
          // That one has failed is heard one too late.
          await before;
        },
      });
    },
  },
  {
    bug: "appends takes whatever the region has the rights to",
    finds: /I10/,
    wrap: (store) =>
      overriding(store, {
        append: (options) => store.append({ ...options, operations: options.operations.map(withoutTakes) }),
      }),
  },
  {
    bug: "hands rights over that it has promised to its own writes",
    finds: /I10/,
    wrap: (store, region) =>
      overriding(store, {
        append: (options) =>
          store.append({
            ...options,
            operations: options.operations.map(({ handsOver: _, ...operation }) => operation),
          }),
        readEscrows: async (options) => {
          const { escrows, ...place } = await store.readEscrows(options);
          // As the log has it, without what is pending.
          return {
            ...place,
            escrows: escrows.map((escrow) => ({ ...escrow, here: escrow.rights[region.name] ?? 0 })),
          };
        },
      }),
  },
  {
    bug: "says that it has folded more than it has",
    finds: /I11/,
    wrap: (store, region) =>
      overriding(store, {
        readPositions: async (partition) => {
          const positions = await store.readPositions(partition);
          const origins = Object.entries(positions.origins).map(([name, origin]) => {
            // The relay asks for the own origin, and needs the truth.
            const watermark = name === region.name ? origin.watermark : origin.watermark + 1_000;
            return [name, { ...origin, watermark }];
          });
          return { ...positions, origins: Object.fromEntries(origins) as never };
        },
      }),
  },
];

function withoutTakes({ takes: _, ...operation }: WalAppend): WalAppend {
  return operation;
}

describe("planted bugs are caught", () => {
  for (const { bug, finds, wrap } of PLANTED) {
    it(`a store that ${bug}`, async () => {
      await expect(firstFailure(wrap)).resolves.toMatch(finds);
    });
  }
});

async function firstFailure(wrap: (typeof PLANTED)[number]["wrap"]): Promise<string> {
  for (let seed = 1; seed <= 40; seed += 1) {
    try {
      await simulate(seed, { wrapStore: wrap });
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw error;
      return String(error).split("\n").slice(0, 2).join(" ");
    }
  }
  return "no seed found it";
}
