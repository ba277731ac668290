/** The feed on simulated regions: state, pending, committed; and clients that are slow, lose their connections and move. */
import { describe, expect, it } from "vitest";
import { FeedClient } from "./feed-client.ts";
import { testSeed } from "../property.ts";
import { Bed, list, write, type RegionBed } from "./bed.ts";

async function startBed(seed: number): Promise<Bed> {
  const bed = new Bed({ regions: ["eu", "us"], partitions: 2, seed });
  await bed.startAll();
  return bed;
}

function put(bed: Bed, region: RegionBed, key: string) {
  return bed.run(region.gateway.write(write({ key, body: { inc: { likes: 1 } } })));
}

describe("a subscription", () => {
  it("is told what is pending at once, and what is committed once it is", async () => {
    const bed = await startBed(1);
    const [eu] = bed.regions as [RegionBed];
    const client = new FeedClient(bed.world, { withPending: true });
    client.connect(eu.gateway);
    await bed.runUntil(() => client.cursor !== undefined, "the state");
    eu.stopRoles();
    await bed.pass(5_000);
    await put(bed, eu, "ada");
    await bed.runUntil(() => client.records.has("ada"), "the pending state");
    expect(client.records.get("ada")).toMatchObject({ pending: 1, fields: { likes: 1 } });
    eu.startApplier();
    eu.startRelay();
    await bed.runUntil(() => client.records.get("ada")?.pending === 0, "the committed state");
    expect(client.records.get("ada")).toMatchObject({
      fields: { likes: 1 },
      position: { sequence: expect.any(Number) as number },
    });
  });

  it("waits, where the region has not folded yet what its cursor stands for, and gives up at last", async () => {
    const bed = await startBed(2);
    const [eu, us] = bed.regions as [RegionBed, RegionBed];
    us.stopRoles();
    await bed.pass(5_000);
    const client = new FeedClient(bed.world, { withPending: false });
    client.connect(eu.gateway);
    await put(bed, eu, "ada");
    await bed.runUntil(() => client.records.get("ada")?.pending === 0, "the committed state");
    await bed.runUntil(() => client.cursor !== undefined, "a cursor");
    await put(bed, eu, "bob");
    await bed.runUntil(() => client.records.has("bob"), "the next one");
    const told = client.frames.length;
    client.connect(us.gateway);
    await bed.pass(2_000);
    expect(client.frames).toHaveLength(told);
    us.startApplier();
    await put(bed, eu, "cyd");
    await bed.runUntil(() => client.records.has("cyd"), "what has come since");
    us.stopRoles();
    await bed.pass(5_000);
    await put(bed, eu, "dan");
    client.connect(eu.gateway);
    await bed.runUntil(() => client.records.has("dan"), "what us lacks");
    client.connect(us.gateway);
    await bed.runUntil(() => !client.isConnected, "its end");
    expect(client.failure).toMatchObject({ code: "session-behind" });
  });

  it("begins anew where changes are no longer kept", async () => {
    const bed = await startBed(3);
    const { first } = bed;
    const client = new FeedClient(bed.world, { withPending: false });
    client.connect(first.gateway);
    await bed.runUntil(() => client.cursor !== undefined, "the state");
    client.disconnect();
    for (const key of ["a", "b", "c", "d"]) await put(bed, first, key);
    await bed.converge();
    for (const partition of [0, 1]) {
      const { position: upTo } = first.database.readPositions(partition);
      first.database.trimChanges({ partition, upTo, rowsMax: 100 });
    }
    client.connect(first.gateway);
    await bed.runUntil(() => !client.isConnected, "its end");
    expect(client.failure).toMatchObject({ code: "cursor-expired" });
  });
});

describe("clients that are slow, lose their connections and go on elsewhere", () => {
  const seeds = Array.from({ length: 12 }, (_, index) => testSeed() + index);
  it.each(seeds)("are told every newest committed state, and none twice (seed %i)", async (seed) => {
    const bed = await startBed(seed);
    const { random } = bed.world;
    const clients = [
      new FeedClient(bed.world, { withPending: false }),
      new FeedClient(bed.world, { withPending: false, prefix: "k1", framesAtOnce: 1 }),
      new FeedClient(bed.world, { withPending: true, framesAtOnce: 2 }),
      new FeedClient(bed.world, { withPending: false, key: "k3" }),
      new FeedClient(bed.world, { withPending: true, prefix: "k" }),
    ];
    const anywhere = () => bed.regions[Math.floor(random.fraction() * bed.regions.length)]!;
    for (let step = 0; step < 120; step += 1) {
      const region = anywhere();
      const key = `k${Math.floor(random.fraction() * 12)}`;
      void region.gateway.write(write({ key, body: { inc: { likes: 1 } } })).catch(() => undefined);
      if (random.chance(0.1)) void region.gateway.remove(write({ key })).catch(() => undefined);
      for (const client of clients) {
        if (random.chance(0.15)) client.disconnect();
        if (!client.isConnected || random.chance(0.05) || client.frames.length === 0)
          client.connect(anywhere().gateway);
      }
      if (random.chance(0.05)) region.faults.isDown = true;
      await bed.pass(random.fraction() * 120);
      for (const { faults } of bed.regions) if (random.chance(0.5)) faults.isDown = false;
    }
    for (const { faults } of bed.regions) faults.isDown = false;
    await bed.converge();
    const gateway = anywhere().gateway;
    for (const client of clients) client.connect(gateway);
    const isSettled = () =>
      clients.every(
        (client) =>
          client.cursor !== undefined && [...client.records.values()].every(({ pending }) => pending === 0),
      );
    await bed.pass(3_000);
    await bed.runUntil(isSettled, "nothing is pending");
    expect(clients.flatMap(({ faults }) => faults)).toEqual([]);
    const { records } = await bed.run(gateway.list(list()));
    for (const client of clients) {
      const { key, prefix = "" } = client.wanted;
      const wanted = records.filter((one) =>
        key === undefined ? one.key.startsWith(prefix) : one.key === key,
      );
      const known = [...client.records.values()].filter(({ deleted }) => deleted !== true);
      expect(Object.fromEntries(known.map((one) => [one.key, one.fields]))).toEqual(
        Object.fromEntries(wanted.map((one) => [one.key, one.fields])),
      );
    }
  });
});
