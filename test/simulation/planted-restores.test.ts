/** Bugs in what a database does that went back: some seed must find each. */
import { describe, expect, it } from "vitest";
import { uuidOf } from "../../services/core/operation-id.ts";
import type { WalRow } from "../../services/ports/region-store.ts";
import { overriding } from "./overriding.ts";
import { simulate, type SimulationOptions } from "./scenario.ts";
import { firstFailure } from "./first-failure.ts";

const PLANTED: readonly {
  readonly bug: string;
  readonly finds: RegExp;
  readonly wrapStore: NonNullable<SimulationOptions["wrapStore"]>;
}[] = [
  {
    bug: "does not look whether its WAL is the log's, and goes on under the same sequences",
    finds: /I1\b|I2|I3|I4|I16|convergence/,
    wrapStore: (store) =>
      overriding(store, {
        commitFold: ({ tail: _, ...options }) => store.commitFold(options),
        checkWal: () => Promise.resolve(),
      }),
  },
  {
    bug: "drops what the log does not know when it rejoins",
    // Or it waits for ever for what was numbered, and is not there.
    finds: /I1\b|I2|I10|convergence/,
    wrapStore: (store, region) =>
      overriding(store, {
        commitFold: async (options) => {
          await store.commitFold(options);
          const { membership, state } = options.result;
          const joined = membership?.joined[region.name];
          if (joined === undefined) return;
          const rows = region.database.walRows(state.partition) as WalRow[];
          const first = rows.findIndex(({ sequence }) => sequence > joined.watermark);
          if (first !== -1) rows.splice(first);
        },
      }),
  },
  {
    bug: "sends again what the log knows when it rejoins",
    finds: /I4|I10/,
    wrapStore: (store, region) =>
      overriding(store, {
        commitFold: async (options) => {
          const { membership, state } = options.result;
          if (membership?.joined[region.name] !== undefined) forgetIds(region, state.partition);
          await store.commitFold(options);
        },
      }),
  },
  {
    bug: "trims rows under whose sequences the log has others",
    finds: /I1\b|I10/,
    wrapStore: (store, region) =>
      overriding(store, {
        trimWal: async (options) => {
          const rows = region.database.walRows(options.partition) as WalRow[];
          const folded =
            region.database.loadPartition(options.partition).origins[region.name]?.watermark ?? 0;
          const isRejoining = region.database.walHead(options.partition).trouble !== undefined;
          if (isRejoining) rows.splice(0, rows.filter(({ sequence }) => sequence <= folded).length);
          return store.trimWal(options);
        },
      }),
  },
];

/** Under other ids nobody knows that they have taken effect. */
function forgetIds(
  region: Parameters<NonNullable<SimulationOptions["wrapStore"]>>[1],
  partition: number,
): void {
  const known = region.database.outcomes(partition);
  const rows = region.database.walRows(partition) as WalRow[];
  for (const [index, row] of rows.entries()) {
    if (known.has(row.id)) rows[index] = { ...row, id: uuidOf("twice", row.id) };
  }
}

describe("planted bugs of databases that went back are caught", () => {
  for (const { bug, finds, wrapStore } of PLANTED) {
    it(`a region that ${bug}`, { timeout: 240_000 }, async () => {
      await expect(firstFailure((seed) => simulate(seed, { wrapStore, hasRestores: true }))).resolves.toMatch(
        finds,
      );
    });
  }
});
