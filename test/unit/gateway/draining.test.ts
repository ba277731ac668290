/** A region that is taken out of service: what it refuses, what goes on, when it is done, and when it may be drained at all. */
import { describe, expect, it } from "vitest";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import type { DrainStore } from "../../../services/gateway/drain-gate.ts";
import type { DrainReport } from "../../../services/gateway/status-report.ts";
import type { GatewayService } from "../../../services/gateway/gateway-service.ts";
import { StoreUnavailableError } from "../../../services/ports/region-store.ts";
import { CONTEXT, overriding, list, read, SCHEMA, write, type Bed, type RegionBed } from "./bed.ts";
import { acquire, lease, life, transaction } from "./ordered.ts";
import { placedBed, type PlacedBed } from "./placed.ts";

const ORDER = { isForced: false };

async function draining(bed: Bed, region: RegionBed): Promise<DrainReport | undefined> {
  return (await bed.run(region.gateway.status())).draining;
}

/** Asks for the status until it says so. */
async function drained(bed: Bed, region: RegionBed): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    if ((await draining(bed, region))?.isDrained === true) return;
    await bed.pass(500);
  }
  throw new Error(`${region.name} was never drained`);
}

describe("a region that is drained", () => {
  it("takes no new writes, of no kind", async () => {
    const { bed, eu } = await placedBed();
    await bed.run(eu.gateway.drain(ORDER));
    const { gateway } = eu;
    const requests: readonly (() => Promise<unknown>)[] = [
      () => gateway.write(write()),
      () => gateway.remove(life()),
      () => gateway.restore(life()),
      () => gateway.transact(transaction([{ key: "ada", inc: { likes: 1 } }])),
      () => gateway.lease(lease(acquire("one"))),
      () => gateway.reclaim({ ...life(), lostRegion: "ap" }),
      () => gateway.putCollection({ ...CONTEXT, name: "other", schema: SCHEMA }),
      () =>
        gateway.restoreConflict({ ...CONTEXT, id: "0-1-0", idempotencyKey: undefined, waitCommitted: false }),
    ];
    for (const request of requests) {
      const error = await bed.refused(request());
      expect(error.code).toBe("draining");
      expect(error.details.retryAfterMs).toBeGreaterThan(0);
      expect(error.message).toContain("another region");
    }
    expect(gateway.drainReason).toContain("forebay region undrain eu");
  });

  it("reads on, also through the log, and others write on", async () => {
    const { bed, eu, us } = await placedBed();
    await bed.run(eu.gateway.drain(ORDER));
    await bed.run(us.gateway.write(write({ body: { set: { name: "Grace" } } })));
    await bed.converge();
    for (const consistency of ["local", "linearizable"] as const) {
      const { fields } = await bed.run(eu.gateway.read(read({ consistency })));
      expect(fields).toMatchObject({ name: "Grace" });
    }
    expect((await bed.run(eu.gateway.list(list()))).records).toHaveLength(1);
  });

  it("sends what it has taken, hands leadership over, and says when nothing is left", async () => {
    const { bed, eu, us } = await placedBed();
    await bed.run(eu.gateway.write(write()));
    const begun = (await bed.run(eu.gateway.drain(ORDER))).draining!;
    expect(begun).toMatchObject({ leads: [0], isDrained: false });
    await drained(bed, eu);
    expect(await draining(bed, eu)).toMatchObject({ pendingRows: 0, leads: [], sinceMs: begun.sinceMs });
    expect(bed.servers.leader).toBe("us");
    expect((await bed.run(us.gateway.read(read()))).fields).toMatchObject({ name: "Ada" });
  });

  it("is not done while a row is pending, nobody leads, or before every process can have heard of it", async () => {
    const { bed, ap } = await placedBed();
    ap.stopRoles();
    await bed.run(ap.gateway.write(write()));
    await bed.run(ap.gateway.drain(ORDER));
    await bed.pass(30_000);
    expect(await draining(bed, ap)).toMatchObject({ pendingRows: 1, isDrained: false });
    ap.startApplier();
    ap.startRelay();
    await drained(bed, ap);
    await bed.run(ap.gateway.undrain());
    expect((await bed.run(ap.gateway.drain(ORDER))).draining).toMatchObject({
      pendingRows: 0,
      leads: [],
      isDrained: false,
    });
    bed.servers.leader = undefined;
    await bed.pass(10_000);
    expect(await draining(bed, ap)).toMatchObject({ isDrained: false });
  });

  it("is not done while nobody takes over what it leads", async () => {
    const { bed, eu, silence } = await placedBed();
    silence("us");
    silence("ap");
    await bed.run(eu.gateway.drain({ isForced: true }));
    await bed.pass(30_000);
    expect(await draining(bed, eu)).toMatchObject({ pendingRows: 0, leads: [0], isDrained: false });
    bed.servers.leader = "us";
    await drained(bed, eu);
  });

  it("is so for all of its processes soon, and for those that start later", async () => {
    const { bed, eu } = await placedBed();
    const other = eu.anotherGateway();
    void other.watchDrain(new AbortController().signal);
    await bed.run(eu.gateway.drain(ORDER));
    await bed.pass(600);
    expect(await bed.refusal(other.write(write()))).toBe("draining");
    const later = eu.anotherGateway();
    await bed.run(later.lookAtDrain());
    expect(await bed.refusal(later.write(write()))).toBe("draining");
    await bed.run(later.undrain());
    await bed.pass(600);
    expect((await bed.run(other.write(write()))).status).toBe("accepted");
    expect(eu.gateway.drainReason).toBeUndefined();
  });

  it("stays drained while its database is away for a moment", async () => {
    const { bed, eu } = await placedBed();
    await bed.run(eu.gateway.drain(ORDER));
    eu.faults.isDown = true;
    await bed.pass(2_000);
    expect(await bed.refusal(eu.gateway.write(write()))).toBe("draining");
    eu.faults.isDown = false;
  });

  it("goes on giving rights to escrows to regions that need them", async () => {
    const { bed, eu, us } = await placedBed();
    const schema: CollectionSchema = { fields: { stock: { class: "merge", kind: "escrow" } } };
    await bed.run(eu.gateway.putCollection({ ...CONTEXT, name: "shop", schema }));
    await bed.converge();
    const shop = (body: object) => write({ collection: "shop", body });
    await bed.run(eu.gateway.write(shop({ give: { stock: 10 } })));
    await bed.converge();
    await bed.run(eu.gateway.drain(ORDER));
    expect(await bed.refusal(us.gateway.write(shop({ take: { stock: 8 } })))).toBe("insufficient");
    await bed.pass(2_000);
    expect((await bed.run(us.gateway.write(shop({ take: { stock: 8 } })))).status).toBe("accepted");
    await drained(bed, eu);
  });
});

describe("a gateway that can't read whether its region is drained", () => {
  const stop = new AbortController().signal;
  const never = () => new Promise<never>(() => undefined);
  const away = () => Promise.reject(new StoreUnavailableError("away", { outcome: "none" }));

  /** Of which reads of the order are the test's, while the requests' store is as it was. */
  async function watching(
    readDrain: DrainStore["readDrain"],
  ): Promise<PlacedBed & { gateway: GatewayService; ways: { readDrain: DrainStore["readDrain"] } }> {
    const placed = await placedBed();
    const ways = { readDrain: () => placed.eu.options.store.readDrain() };
    const drainStore = overriding(placed.eu.options.store, { readDrain: () => ways.readDrain() });
    const gateway = placed.eu.anotherGateway({ drainStore });
    await placed.bed.run(gateway.lookAtDrain());
    void gateway.watchDrain(stop);
    ways.readDrain = readDrain;
    return { ...placed, gateway, ways };
  }

  it("goes on for a moment, and takes nothing any more before the region can count as drained", async () => {
    for (const readDrain of [away, never]) {
      const { bed, eu, gateway } = await watching(readDrain);
      await bed.pass(1_000);
      expect((await bed.run(gateway.write(write()))).status).toBe("accepted");
      await bed.converge();
      await bed.run(eu.gateway.drain({ isForced: true }));
      await bed.pass(2_000);
      const head = eu.database.walHead(0).sequence;
      await expect(bed.run(gateway.write(write()))).rejects.toMatchObject({ outcome: "none" });
      await drained(bed, eu);
      expect(eu.database.walHead(0).sequence).toBe(head);
    }
  });

  it("waits for a database that restarts, and refuses at once where it stays away", async () => {
    const { bed, eu, gateway, ways } = await watching(away);
    await bed.pass(2_000);
    let answer: unknown;
    void gateway.write(write({ deadlineMs: 10_000 })).then((result) => (answer = result.status));
    await bed.pass(2_000);
    expect(answer).toBeUndefined();
    ways.readDrain = () => eu.options.store.readDrain();
    await bed.pass(1_000);
    expect(answer).toBe("accepted");
    ways.readDrain = away;
    await bed.pass(8_000);
    const startedMs = bed.world.nowMs;
    await expect(bed.run(gateway.write(write()))).rejects.toMatchObject({ outcome: "none" });
    expect(bed.world.nowMs - startedMs).toBeLessThan(100);
  });

  it("writes on where the answer is slow", async () => {
    const { bed, eu, gateway, ways } = await watching(away);
    ways.readDrain = async () => {
      await eu.options.clock.sleep(3_000);
      return eu.options.store.readDrain();
    };
    await bed.pass(10_000);
    expect((await bed.run(gateway.write(write({ deadlineMs: 10_000 })))).status).toBe("accepted");
  });

  it("does not forget an order for a look that had begun before", async () => {
    const { bed, eu, gateway, ways } = await watching(away);
    let answer: (drain: undefined) => void = () => undefined;
    ways.readDrain = () => new Promise((resolve) => (answer = resolve));
    await bed.pass(600);
    const late = answer;
    ways.readDrain = () => eu.options.store.readDrain();
    await bed.run(gateway.drain(ORDER));
    late(undefined);
    await bed.pass(1);
    expect(await bed.refusal(gateway.write(write()))).toBe("draining");
  });
});

describe("a drain", () => {
  it("goes on where it was when it is ordered again, and ends when it is taken back, however often", async () => {
    const { bed, eu } = await placedBed();
    const first = (await bed.run(eu.gateway.drain(ORDER))).draining!;
    await bed.pass(1_000);
    expect((await bed.run(eu.gateway.drain(ORDER))).draining!.sinceMs).toBe(first.sinceMs);
    expect((await bed.run(eu.gateway.undrain())).draining).toBeUndefined();
    expect((await bed.run(eu.gateway.undrain())).draining).toBeUndefined();
    expect((await bed.run(eu.gateway.write(write()))).status).toBe("accepted");
  });

  it("of a second region is refused, unless it is forced", async () => {
    const { bed, eu, us } = await placedBed();
    await bed.run(eu.gateway.drain(ORDER));
    const error = await bed.refused(us.gateway.drain(ORDER));
    expect(error.code).toBe("drain-refused");
    expect(error.message).toContain("only 1 of 3 regions would be left, and a majority is 2 (eu is drained)");
    expect((await bed.run(us.gateway.write(write()))).status).toBe("accepted");
    await bed.run(us.gateway.drain({ isForced: true }));
    expect(await bed.refusal(us.gateway.write(write()))).toBe("draining");
  });

  it("is refused while another region can't be asked, unless it is forced", async () => {
    const { bed, us, silence } = await placedBed();
    silence("ap");
    await bed.pass(3_000);
    const error = await bed.refused(us.gateway.drain(ORDER));
    expect(error.code).toBe("drain-refused");
    expect(error.message).toContain("ap does not answer");
    expect((await bed.run(us.gateway.drain({ isForced: true }))).draining).toBeDefined();
  });

  it("of two regions at once is never one of both", async () => {
    for (let seed = 0; seed < 5; seed += 1) {
      const { bed, eu, us } = await placedBed();
      await bed.pass(seed * 7);
      const orders = [eu, us].map(({ gateway }) => gateway.drain(ORDER));
      const outcomes = await bed.run(Promise.allSettled(orders));
      expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(1);
      for (const [index, region] of [eu, us].entries()) {
        const isDrained = region.database.drain.read() !== undefined;
        expect(isDrained).toBe(outcomes[index]!.status === "fulfilled");
      }
    }
  });

  const unavailable = (outcome: "none" | "unknown") =>
    new StoreUnavailableError("the connection broke", { outcome });

  it("has begun and ended although the database can't tell the status then", async () => {
    const { bed, eu } = await placedBed();
    const { store } = eu.options;
    const mute = overriding(store, {
      walHead: () => Promise.reject(unavailable("none")),
    });
    const gateway = eu.anotherGateway({ store: mute });
    const begun = await bed.run(gateway.drain(ORDER));
    expect(begun).toMatchObject({ region: "eu", partitions: [], draining: { isDrained: false } });
    expect(eu.database.drain.read()).toBeDefined();
    const ended = await bed.run(gateway.undrain());
    expect(ended).toMatchObject({ region: "eu", partitions: [], draining: undefined });
    expect(eu.database.drain.read()).toBeUndefined();
  });

  it("says that it may have begun or ended where the database hangs", async () => {
    const { bed, eu } = await placedBed();
    const never = () => new Promise<never>(() => undefined);
    const gateway = eu.anotherGateway({
      drainStore: overriding(eu.options.store, { startDrain: never, endDrain: never }),
    });
    for (const order of [() => gateway.drain(ORDER), () => gateway.undrain()]) {
      await expect(bed.run(order())).rejects.toMatchObject({ outcome: "unknown" });
    }
  });

  /** Of a gateway of us: what happens right after its order is in the database, before the others are asked again. */
  function onceOrdered(us: RegionBed, then: () => void): GatewayService {
    const { store } = us.options;
    const drainStore = overriding(store, {
      async startDrain(options) {
        const drain = await store.startDrain(options);
        then();
        return drain;
      },
    });
    return us.anotherGateway({ drainStore });
  }

  it("that is refused in the end leaves what somebody else has forced meanwhile", async () => {
    const { bed, eu, us } = await placedBed();
    const gateway = onceOrdered(us, () => {
      eu.database.drain.start();
      us.database.drain.start({ isForced: true });
    });
    expect(await bed.refusal(gateway.drain(ORDER))).toBe("drain-refused");
    expect(us.database.drain.read()).toBeDefined();
    expect(gateway.drainReason).toBeDefined();
  });

  it("that joins one which another gateway has begun does not take it back", async () => {
    const { bed, eu, us } = await placedBed();
    const { store } = us.options;
    const drainStore = overriding(store, {
      startDrain(options) {
        us.database.drain.start();
        eu.database.drain.start();
        return store.startDrain(options);
      },
    });
    await bed.run(us.anotherGateway({ drainStore }).drain(ORDER));
    expect(us.database.drain.read()).toBeDefined();
  });

  it("that can't be taken back says that the region is drained, and why", async () => {
    const { bed, eu, us } = await placedBed();
    const gateway = onceOrdered(us, () => {
      eu.database.drain.start();
      us.faults.isDown = true;
    });
    const error = await bed.refused(gateway.drain(ORDER));
    expect(error.code).toBe("outcome-unknown");
    expect(error.message).toContain("region us is drained, and should not be");
    expect(error.message).toContain("forebay region undrain us");
  });

  it("needs a majority of those that hold each partition's log", async () => {
    const { bed, us } = await placedBed(2);
    const { log } = us.options;
    const held = overriding(log, {
      async leadership(partition) {
        const leadership = await log.leadership(partition);
        return partition === 0 ? leadership : { ...leadership, leader: "us", replicas: [] };
      },
    });
    const error = await bed.refused(us.anotherGateway({ log: held }).drain(ORDER));
    expect(error.code).toBe("drain-refused");
    expect(error.message).toContain("only 0 of 1 regions that hold partition 1's log would be left");
    expect(us.database.drain.read()).toBeUndefined();
  });

  it("is refused while nobody can tell who holds a log, or a region is silent on one partition", async () => {
    const { bed, eu, us, silence } = await placedBed(2);
    const unled = { leader: undefined, term: undefined, leaderSinceMs: undefined, replicas: [] };
    const log = overriding(us.options.log, { leadership: () => Promise.resolve(unled) });
    const error = await bed.refused(us.anotherGateway({ log }).drain(ORDER));
    expect(error.message).toContain("not known at the moment who holds partition 0's log");
    const young = overriding(us.options.log, {
      leadership: async (partition) => ({
        ...(await us.options.log.leadership(partition)),
        unknownReplicas: 1,
      }),
    });
    const unsure = await bed.refused(us.anotherGateway({ log: young }).drain(ORDER));
    expect(unsure.message).toContain(
      "eu, which leads partition 0, does not know all that should hold its log",
    );
    silence("ap", 1);
    expect((await bed.refused(eu.gateway.drain(ORDER))).message).toContain("ap does not answer");
  });

  it("can't be ordered without the database", async () => {
    const { bed, eu } = await placedBed();
    eu.faults.isDown = true;
    await expect(bed.run(eu.gateway.drain(ORDER))).rejects.toThrow("the database is down");
    eu.faults.isDown = false;
    expect(await draining(bed, eu)).toBeUndefined();
  });
});
