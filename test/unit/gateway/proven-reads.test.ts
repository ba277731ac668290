/** Reads with a promise: bounded ones prove their age from the log itself, linearizable ones pass a barrier in it (I12). */
import { describe, expect, it } from "vitest";
import { MAX_OFFSET_MS } from "../../../services/core/hlc.ts";
import { seenPosition } from "../../../services/core/session.ts";
import type { ListRequest, ReadRequest } from "../../../services/gateway/gateway.ts";
import { COLLECTION, CONTEXT, list, read, write, type Bed, type RegionBed } from "./bed.ts";
import { credit, life, ORDERED, orderedBed, pay, standStill, twoOrderedRegions } from "./ordered.ts";

const bounded = (stalenessMsMax: number, changes: Partial<ReadRequest> = {}) =>
  read({ consistency: "bounded", stalenessMsMax, ...changes });
const linearizable = (changes: Partial<ReadRequest> = {}) =>
  read({ consistency: "linearizable", ...changes });
const linearizableList = (changes: Partial<ListRequest> = {}) =>
  list({ consistency: "linearizable", ...changes });

async function staleness(bed: Bed, region: RegionBed): Promise<number> {
  const error = await bed.refused(region.gateway.read(bounded(0)));
  expect(error.code).toBe("too-stale");
  return error.details.stalenessMs!;
}

describe("a bounded read", () => {
  it("is answered while the region hears of all others, with no more than the time between ticks", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(pay()));
    await bed.pass(3_000);
    for (const region of [eu, us]) {
      expect((await bed.run(region.gateway.read(bounded(2_500)))).fields).toEqual({ status: "paid" });
      const listed = region.gateway.list(list({ consistency: "bounded", stalenessMsMax: 2_500 }));
      expect((await bed.run(listed)).records).toHaveLength(1);
      expect(await staleness(bed, region)).toBeLessThan(2_500);
      expect(await staleness(bed, region)).toBeGreaterThanOrEqual(MAX_OFFSET_MS);
    }
  });

  it("is refused in a region that is cut off, with how old it may be, which grows with time", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(pay()));
    await bed.pass(2_000);
    bed.servers.cutOff.add("us");
    const before = await staleness(bed, us);
    await bed.pass(5_000);
    const error = await bed.refused(us.gateway.read(bounded(3_000)));
    expect(error.code).toBe("too-stale");
    expect(error.details.retryAfterMs).toBeGreaterThan(0);
    expect(error.message).toContain(`${error.details.stalenessMs} ms`);
    expect(error.details.stalenessMs).toBeGreaterThanOrEqual(before + 5_000);
    expect(await bed.refusal(us.gateway.list(list({ consistency: "bounded", stalenessMsMax: 3_000 })))).toBe(
      "too-stale",
    );
    expect((await bed.run(us.gateway.read(bounded(60_000)))).fields).toEqual({ status: "paid" });
    bed.servers.cutOff.delete("us");
    await bed.pass(3_000);
    expect((await bed.run(us.gateway.read(bounded(3_000)))).fields).toEqual({ status: "paid" });
  });

  it("is refused where another region is not heard of: it may have accepted writes since", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(pay()));
    bed.servers.cutOff.add("us");
    await bed.pass(6_000);
    await bed.run(us.gateway.write(write()));
    expect(await staleness(bed, eu)).toBeGreaterThanOrEqual(6_000);
    expect(await bed.refusal(eu.gateway.read(bounded(3_000)))).toBe("too-stale");
  });

  it("never misses what is older than it says, whatever is asked at what time", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { random } = bed.world;
    const written: { readonly atMs: number; readonly count: number }[] = [];
    for (let count = 1; count <= 40; count += 1) {
      if (random.chance(0.2)) bed.servers.cutOff.add("us");
      if (random.chance(0.4)) bed.servers.cutOff.delete("us");
      await bed.run(eu.gateway.write(write({ body: { inc: { likes: 1 } } })));
      written.push({ atMs: bed.world.nowMs, count });
      await bed.pass(random.integer(10, 900));
      const stalenessMsMax = random.integer(1_000, 6_000);
      const askedAtMs = bed.world.nowMs;
      const answer = await bed.run(us.gateway.read(bounded(stalenessMsMax)).catch(() => undefined));
      if (answer === undefined) continue;
      const old = written.filter(({ atMs }) => atMs <= askedAtMs - stalenessMsMax);
      expect(answer.fields["likes"] ?? 0).toBeGreaterThanOrEqual(old.at(-1)?.count ?? 0);
    }
  });

  it("waits for what its session has seen, too", async () => {
    const { bed, us } = await twoOrderedRegions();
    const request = bounded(60_000, { session: seenPosition(0, 1_000_000), deadlineMs: 300 });
    expect(await bed.refusal(us.gateway.read(request))).toBe("session-behind");
  });

  it("shows the region's own pending writes, as every read of its view", async () => {
    const { bed, eu } = await twoOrderedRegions();
    await bed.pass(2_000);
    bed.servers.leader = undefined;
    await bed.run(eu.gateway.write(write()));
    expect(await bed.run(eu.gateway.read(bounded(5_000)))).toMatchObject({ pending: 1 });
  });
});

describe("a linearizable read", () => {
  it("waits in a region whose applier lags, and then sees what was acknowledged before it", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(pay()));
    await standStill(bed, us);
    await bed.run(eu.gateway.write(credit(7)));
    expect((await bed.run(us.gateway.read(read()))).fields).toEqual({ status: "paid" });
    const reading = us.gateway.read(linearizable({ deadlineMs: 20_000 }));
    const listing = us.gateway.list(linearizableList({ deadlineMs: 20_000 }));
    await bed.pass(2_000);
    us.startApplier();
    const seen = await bed.run(reading);
    expect(seen).toMatchObject({ fields: { status: "paid", credit: 7 } });
    expect(seen.session.positions["0"]).toBe(seen.asOf.sequence);
    const { records } = await bed.run(listing);
    expect(records.map(({ fields }) => fields["credit"])).toEqual([7]);
  });

  it("is refused at its deadline, when the region has not folded so far by then", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(pay()));
    await standStill(bed, us);
    const startedAtMs = bed.world.nowMs;
    const error = await bed.refused(us.gateway.read(linearizable({ deadlineMs: 700 })));
    expect(error.code).toBe("session-behind");
    expect(error.details.retryAfterMs).toBeGreaterThan(0);
    expect(bed.world.nowMs - startedAtMs).toBeLessThanOrEqual(800);
  });

  it("does not show what the log has not ordered: another region could not", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(credit(1)));
    await standStill(bed, eu);
    eu.startApplier();
    await bed.run(eu.gateway.write(write()));
    await bed.run(eu.gateway.write(write({ key: "grace" })));
    expect((await bed.run(eu.gateway.read(read()))).pending).toBe(1);
    for (const region of [eu, us]) {
      const seen = await bed.run(region.gateway.read(linearizable()));
      expect(seen).toMatchObject({ fields: { credit: 1, status: "pending" }, pending: 0 });
      expect(seen.version).toMatch(/^\d+$/);
      expect(await bed.refusal(region.gateway.read(linearizable({ key: "grace" })))).toBe("record-not-found");
      const { records } = await bed.run(region.gateway.list(linearizableList()));
      expect(records.map(({ key, pending }) => [key, pending])).toEqual([["ada", 0]]);
    }
  });

  it("by list goes on over pages that hold pending records only", async () => {
    const { bed, eu } = await twoOrderedRegions();
    for (const key of ["a", "d"]) await bed.run(eu.gateway.write(credit(1, { key })));
    await standStill(bed, eu);
    eu.startApplier();
    for (const key of ["b", "c"]) await bed.run(eu.gateway.write(write({ key })));
    const keys: string[] = [];
    let after: string | undefined;
    do {
      const page = await bed.run(eu.gateway.list(linearizableList({ after, limit: 1 })));
      keys.push(...page.records.map(({ key }) => key));
      after = page.next;
    } while (after !== undefined);
    expect(keys).toEqual(["a", "d"]);
  });

  it("in a session waits for the session's local writes, which the log orders first", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await standStill(bed, eu);
    eu.startApplier();
    const { session } = await bed.run(eu.gateway.write(write()));
    const reading = [eu, us].map(({ gateway }) =>
      gateway.read(linearizable({ session, deadlineMs: 20_000 })),
    );
    await bed.pass(1_000);
    eu.startRelay();
    for (const { fields, pending } of await bed.run(Promise.all(reading))) {
      expect([fields["name"], pending]).toEqual(["Ada", 0]);
    }
  });

  it("sees every committed write that was acknowledged before it, anywhere, at any time", async () => {
    const bed = await orderedBed({ regions: ["eu", "us", "ap"], seed: 7 });
    bed.faults.jitterMs = 50;
    const { random } = bed.world;
    const { clock } = bed.first.options;
    const seen = { acknowledged: 0, last: 0 };
    const writer = async () => {
      for (let round = 0; round < 60; round += 1) {
        const { gateway } = random.pick(bed.regions);
        const { results } = await gateway.write(credit(1, { deadlineMs: 20_000 }));
        const [{ fields }] = results as unknown as [{ fields: { credit: number } }];
        seen.acknowledged = Math.max(seen.acknowledged, fields.credit);
        await clock.sleep(random.integer(0, 60));
      }
    };
    const reader = async () => {
      while (seen.acknowledged < 60) {
        await clock.sleep(random.integer(0, 40));
        const { acknowledged, last } = seen;
        const { gateway } = random.pick(bed.regions);
        const answer = await gateway.read(linearizable({ deadlineMs: 20_000 })).catch(() => undefined);
        const value = (answer?.fields["credit"] ?? 0) as number;
        expect(value).toBeGreaterThanOrEqual(acknowledged);
        // Nor does a later read go behind an earlier one, of whichever client.
        expect(value).toBeGreaterThanOrEqual(last);
        seen.last = Math.max(seen.last, value);
      }
    };
    await bed.run(Promise.all([writer(), reader(), reader(), reader()]));
    expect(seen.last).toBeGreaterThan(0);
  });

  it("of a collection that was made elsewhere a moment ago finds it, without a session", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await standStill(bed, us);
    await bed.run(eu.gateway.putCollection({ ...CONTEXT, name: "orders", schema: ORDERED }));
    await bed.run(eu.gateway.write(credit(3, { collection: "orders" })));
    const changes = { collection: "orders", deadlineMs: 20_000 };
    const reading = us.gateway.read(linearizable(changes));
    const listing = us.gateway.list(linearizableList(changes));
    reading.catch(() => undefined);
    listing.catch(() => undefined);
    await bed.pass(500);
    us.startApplier();
    expect((await bed.run(reading)).fields["credit"]).toBe(3);
    expect((await bed.run(listing)).records).toHaveLength(1);
    expect(await bed.refusal(us.gateway.read(linearizable({ collection: "nobody" })))).toBe(
      "unknown-collection",
    );
  });

  it("of a deleted record tells that it is deleted, in a region that lags as well", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(pay()));
    await standStill(bed, us);
    await bed.run(eu.gateway.remove(life()));
    expect(await bed.run(us.gateway.read(read()))).toMatchObject({ fields: { status: "paid" } });
    const reading = us.gateway.read(linearizable({ deadlineMs: 20_000 })).catch((error: unknown) => error);
    us.startApplier();
    expect(await bed.run(reading)).toMatchObject({ code: "record-deleted" });
    expect((await bed.run(us.gateway.list(linearizableList({ collection: COLLECTION })))).records).toEqual(
      [],
    );
  });
});
