/** Trimming under trouble, of a region that is away for long, and bugs of it that the checks have to find. */
import { describe, expect, it } from "vitest";
import { AWAY_MS_MAX, CalmCluster } from "./calm-cluster.ts";
import { overriding } from "./overriding.ts";
import { simulate, type SimulationOptions } from "./scenario.ts";
import { firstSeed } from "./seeds.ts";
import { firstFailure } from "./first-failure.ts";

describe("clients that go on for longer than operations are known", () => {
  for (let seed = firstSeed; seed < firstSeed + 4; seed += 1) {
    it(`find all regions alike, seed ${seed}`, { timeout: 120_000 }, async () => {
      const { forgotten, logTrimmed, walTrimmed } = await simulate(seed, { troubleMs: 35_000 });
      for (const trimmed of [forgotten, logTrimmed, walTrimmed]) expect(trimmed).toBeGreaterThan(0);
    });
  }
});

const PLANTED: readonly {
  readonly bug: string;
  readonly finds: RegExp;
  readonly wrapStore: NonNullable<SimulationOptions["wrapStore"]>;
}[] = [
  {
    bug: "deletes rows of its WAL that others have not folded",
    finds: /I13/,
    wrapStore: (store) =>
      overriding(store, {
        trimWal: (options) => store.trimWal({ ...options, upTo: Number.MAX_SAFE_INTEGER }),
      }),
  },
  {
    bug: "takes what it has folded itself for folded by all",
    finds: /I13/,
    wrapStore: (store) =>
      overriding(store, {
        findTrimMark: (options) => store.findTrimMark({ ...options, positionMax: Number.MAX_SAFE_INTEGER }),
      }),
  },
  {
    bug: "forgets operations at its own pace",
    finds: /I4|I6/,
    wrapStore: (store, { name, database }) =>
      overriding(store, {
        loadSlice: async (options) => {
          const slice = await store.loadSlice(options);
          const { position } = database.loadPartition(options.partition);
          const isKept = (at: number) => name !== "us" || at > position - 10;
          return { ...slice, operations: new Map([...slice.operations].filter(([, at]) => isKept(at))) };
        },
      }),
  },
];

describe("planted bugs of trimming are caught", () => {
  for (const { bug, finds, wrapStore } of PLANTED) {
    it(`a region that ${bug}`, async () => {
      await expect(firstFailure((seed) => simulate(seed, { wrapStore }))).resolves.toMatch(finds);
    });
  }
});

describe("a region that is away", () => {
  it("keeps all that it needs for as long as it counts, is named, and comes back without loss", async () => {
    const calm = new CalmCluster();
    await calm.start();
    await calm.writeFor(3_000, ["eu", "us", "ap"]);
    expect(calm.first).toBeGreaterThan(1);
    calm.cluster.servers.cutOff.add("ap");
    const at = calm.position("ap");
    await calm.writeFor(AWAY_MS_MAX - 10_000, ["eu", "us", "ap"]);
    expect(calm.first).toBeLessThanOrEqual(at + 1);
    const { watermark } = calm.region("ap").database.loadPartition(0).origins["eu"]!;
    expect(calm.region("eu").database.trimming.walTrimmed(0)).toBeLessThanOrEqual(watermark);
    expect(calm.region("eu").database.loadPartition(0).forgotten.position).toBeLessThanOrEqual(at);
    expect(await calm.trimStatus("us")).toMatchObject({ pinnedBy: { region: "ap" }, away: [] });
    calm.cluster.servers.cutOff.clear();
    await calm.writeFor(10_000, ["eu", "us"]);
    expect(calm.first).toBeGreaterThan(at + 1);
    expect(calm.region("ap").database.trimming.walTrimmed(0)).toBeGreaterThan(0);
    expect(await calm.trimStatus("us")).toMatchObject({ pinnedBy: undefined, away: [] });
    await calm.world.run(calm.world.nowMs + 5_000);
    const rows = (name: string) => JSON.stringify(calm.region(name).database.records(0).toSorted(byKey));
    expect(rows("ap")).toBe(rows("eu"));
    expect(rows("us")).toBe(rows("eu"));
  });

  it("pins the others no longer once it was away for too long, says so, and takes local writes on", async () => {
    const calm = new CalmCluster();
    await calm.start();
    await calm.writeFor(2_000, ["eu", "us", "ap"]);
    calm.cluster.servers.cutOff.add("ap");
    // What has come already is still folded.
    await calm.world.run(calm.world.nowMs + 500);
    const at = calm.position("ap");
    await calm.writeFor(AWAY_MS_MAX + 10_000, ["eu", "us"]);
    expect(calm.first).toBeGreaterThan(at + 1);
    expect(calm.region("eu").database.loadPartition(0).forgotten.position).toBeGreaterThan(at);
    expect(await calm.trimStatus("us")).toMatchObject({ pinnedBy: undefined, away: [{ region: "ap" }] });
    calm.cluster.servers.cutOff.clear();
    const before = calm.first;
    // What it had folded and not told before it was cut off counts as news, once.
    await calm.writeFor(AWAY_MS_MAX + 10_000, ["eu", "us", "ap"]);
    expect(calm.position("ap")).toBe(at);
    expect(await calm.trimStatus("ap")).toMatchObject({ needsBootstrap: true });
    // Its ticks come again, and tell of nothing that it has folded: it does not pin the others with them.
    expect(calm.first).toBeGreaterThan(before + 20);
    expect(await calm.trimStatus("us")).toMatchObject({ pinnedBy: undefined, away: [{ region: "ap" }] });
    const operation = await calm.write("ap");
    expect(
      await calm.call("ap", (gateway, context) => gateway.operation({ ...context, id: operation })),
    ).toMatchObject({ status: "accepted" });
  });
});

function byKey(one: { key: string }, other: { key: string }): number {
  return one.key < other.key ? -1 : 1;
}
