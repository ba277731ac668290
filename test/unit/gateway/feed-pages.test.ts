/** Pages of changes, shares of tenants, slow clients, and what is asked for by name: subscriptions that are opened by hand. */
import { describe, expect, it } from "vitest";
import { partitionOfRecord } from "../../../services/core/partition.ts";
import type { SubscribeRequest } from "../../../services/gateway/feed/feed.ts";
import type { FeedOutlet } from "../../../services/gateway/feed/outlet.ts";
import { TenantShares } from "../../../services/gateway/feed/shares.ts";
import type { GatewayService } from "../../../services/gateway/gateway-service.ts";
import type { ChangesFrame, ServerFrame, StateFrame } from "../../../services/protocol/http/feed.ts";
import { silentFeedMetrics } from "../../simulation/metrics.ts";
import { Bed, COLLECTION, overriding, TENANT, write, type RegionBed } from "./bed.ts";

const PARTITIONS = 2;
const REQUEST: SubscribeRequest = {
  tenant: TENANT,
  collection: COLLECTION,
  id: "s",
  withPending: false,
  isPage: true,
};

async function startBed(regions: readonly string[] = ["eu"]): Promise<Bed> {
  const bed = new Bed({ regions, partitions: PARTITIONS, seed: 7 });
  await bed.startAll();
  return bed;
}

function outletTo(frames: ServerFrame[], closed = new AbortController().signal): FeedOutlet {
  return {
    closed,
    isFull: false,
    send: ({ text }) => void frames.push(JSON.parse(text) as ServerFrame),
    drained: () => Promise.resolve(),
  };
}

async function page(bed: Bed, gateway: GatewayService, asked: Partial<SubscribeRequest>) {
  const frames: ServerFrame[] = [];
  const subscription = await bed.run(gateway.feed().open({ ...REQUEST, ...asked }, outletTo(frames)));
  await bed.run(subscription.run());
  return frames as ChangesFrame[];
}

async function putAll(bed: Bed, region: RegionBed, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await bed.run(region.gateway.write(write({ key, body: { inc: { likes: 1 } } })));
  }
  await bed.converge();
}

describe("a page of changes", () => {
  it("has about as many records as it may, of all partitions alike, and says whether more is there", async () => {
    const bed = await startBed();
    const { gateway } = bed.first;
    let { cursor } = (await page(bed, gateway, {})).at(-1)!;
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    for (let from = 0; from < keys.length; from += 6)
      await putAll(bed, bed.first, keys.slice(from, from + 6));
    const told: string[] = [];
    let pages = 0;
    for (let hasMore = true; hasMore; pages += 1) {
      const frames = await page(bed, gateway, { cursor, recordsMax: 4 });
      const records = frames.flatMap((frame) => frame.records);
      // An entry of the log is told as a whole: it may have all that was written together.
      expect(records.length).toBeLessThanOrEqual(4 + PARTITIONS * 6);
      hasMore = frames.at(-1)!.more === true;
      const partitions = new Set(records.map(({ position }) => position!.partition));
      if (pages === 0) expect(partitions.size).toBe(PARTITIONS);
      expect(frames.slice(0, -1).every(({ more }) => more === undefined)).toBe(true);
      told.push(...records.map(({ key }) => key));
      ({ cursor } = frames.at(-1)!);
    }
    expect(pages).toBeGreaterThan(3);
    expect(told.toSorted()).toEqual(keys.toSorted());
  });
});

describe("subscriptions of a process", () => {
  it("are not counted any more where the client has left while it was opened", async () => {
    const bed = await startBed();
    const counts: number[] = [];
    const feedMetrics = { ...silentFeedMetrics, subscribed: (count: number) => void counts.push(count) };
    const gateway = bed.first.anotherGateway({ feedMetrics });
    const left = new AbortController();
    const opening = gateway.feed().open({ ...REQUEST, isPage: false }, outletTo([], left.signal));
    left.abort();
    await bed.run(opening);
    expect(counts.at(-1)).toBe(0);
  });

  it("are shared by tenants: none has more than half", async () => {
    const bed = await startBed();
    const gateway = bed.first.anotherGateway({ subscriptionsMax: 4 });
    const open = () => gateway.feed().open({ ...REQUEST, isPage: false }, outletTo([]));
    const [first] = [await bed.run(open()), await bed.run(open())];
    expect(await bed.refusal(open())).toBe("too-many-subscriptions");
    first.close();
    await bed.run(open());
    const shares = new TenantShares(4);
    const leave = shares.enter("acme")!;
    expect([shares.enter("acme"), shares.enter("acme")]).toEqual([expect.any(Function), undefined]);
    expect([shares.enter("b"), shares.enter("c"), shares.enter("d")].map((one) => one === undefined)).toEqual(
      [false, false, true],
    );
    leave();
    leave();
    expect([shares.size, shares.enter("acme") === undefined, shares.size]).toEqual([3, false, 4]);
  });
});

describe("keys that are unsettled", () => {
  it("are waited for once, together, where the region is behind", async () => {
    const bed = await startBed(["eu", "us"]);
    const [eu, us] = bed.regions as [RegionBed, RegionBed];
    us.stopRoles();
    await bed.pass(5_000);
    const [state] = [(await page(bed, eu.gateway, {})).at(-1)!];
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    for (const key of keys) await bed.run(eu.gateway.write(write({ key })));
    await bed.pass(5_000);
    const { cursor } = (await page(bed, eu.gateway, { cursor: state.cursor })).at(-1)!;
    const asked = { cursor, withPending: true, unsettled: keys };
    expect(await bed.refusal(page(bed, us.gateway, asked))).toBe("session-behind");
    us.startApplier();
    us.startRelay();
    const told = (await page(bed, us.gateway, asked)).flatMap(({ records }) => records);
    expect(told.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
    const wrong = page(bed, us.gateway, { ...asked, unsettled: ["a\0"] });
    await expect(wrong).rejects.toMatchObject({ code: "invalid-key" });
  });
});

describe("a pending state that comes to nothing before its subscription reads changes", () => {
  it.each([
    ["the state is listed", false],
    ["it is named as unsettled", true],
  ])("is told anew, where %s", async (_, isNamed) => {
    const bed = await startBed(["eu", "us"]);
    const [eu, us] = bed.regions as [RegionBed, RegionBed];
    const { cursor } = (await page(bed, eu.gateway, {})).at(-1)!;
    eu.stopRoles();
    await bed.pass(5_000);
    eu.startApplier();
    await bed.run(eu.gateway.write(write({ body: { set: { name: "older" } } })));
    await bed.pass(1_000);
    await bed.run(us.gateway.write(write({ body: { set: { name: "newer" } } })));
    await bed.pass(5_000);
    const settled = isNamed ? (await page(bed, eu.gateway, { cursor })).at(-1)!.cursor : undefined;
    const { store } = eu.options;
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const gateway = eu.anotherGateway({
      store: overriding(store, {
        readChanges: async (query) => {
          if (query.after < Number.MAX_SAFE_INTEGER) await held;
          return store.readChanges(query);
        },
      }),
    });
    const outlet = new SlowOutlet();
    const asked = { cursor: settled, unsettled: ["ada"], withPending: true, isPage: false };
    const subscription = await bed.run(gateway.feed().open({ ...REQUEST, ...asked }, outlet));
    void subscription.run();
    const told = () => outlet.frames.flatMap(({ records }) => records);
    await bed.runUntil(() => told().length > 0, "the pending state");
    expect(told()).toMatchObject([{ key: "ada", pending: 1, fields: { name: "newer" } }]);
    eu.startRelay();
    await bed.converge();
    letGo();
    await bed.pass(5_000);
    expect(told().slice(1)).toMatchObject([{ key: "ada", pending: 0, fields: { name: "newer" } }]);
    subscription.close();
  });
});

/** A client that takes frames only while a test lets it. */
class SlowOutlet implements FeedOutlet {
  readonly frames: (StateFrame | ChangesFrame)[] = [];
  readonly closed = new AbortController().signal;
  isFull = false;
  #waiting: (() => void)[] = [];

  send({ text }: { readonly text: string }): void {
    this.frames.push(JSON.parse(text) as StateFrame | ChangesFrame);
  }

  drained(): Promise<void> {
    return this.isFull ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whoever waits looks again, and may find no room. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function keyIn(partition: number): string {
  const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`);
  const placement = { partitions: PARTITIONS, partitionBy: undefined };
  return keys.find(
    (key) => partitionOfRecord({ tenant: TENANT, collection: COLLECTION, key }, placement) === partition,
  )!;
}

describe("a state that one partition completes while another waits for room", () => {
  it("is not gone on with: what waited is told as a change, within the cursor of its frame", async () => {
    const bed = await startBed();
    const { first } = bed;
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const { store } = first.options;
    const gateway = first.anotherGateway({
      store: overriding(store, {
        readChanges: async (query) => {
          if (query.partition === 1 && query.ranges.length > 0) await held;
          return store.readChanges(query);
        },
      }),
    });
    const outlet = new SlowOutlet();
    const subscription = await bed.run(gateway.feed().open({ ...REQUEST, isPage: false }, outlet));
    void subscription.run();
    await bed.pass(1_000);
    outlet.isFull = true;
    const key = keyIn(0);
    await putAll(bed, first, [key]);
    await bed.runUntil(() => outlet.waiting > 0, "the client has fallen behind");
    outlet.wake();
    await bed.runUntil(() => outlet.waiting > 0, "what was read waits for room");
    letGo();
    const complete = () => outlet.frames.findIndex((frame) => frame.type === "state" && frame.complete);
    await bed.runUntil(() => complete() >= 0, "the end of the state");
    outlet.isFull = false;
    outlet.wake();
    await bed.runUntil(() => outlet.frames.some(({ records }) => records.length > 0), "the change");
    const after = outlet.frames.slice(complete() + 1);
    expect(after).toMatchObject([{ type: "changes", records: [{ key }] }]);
    subscription.close();
    const { cursor } = after.at(-1)!;
    const told = (await page(bed, gateway, { cursor })).flatMap(({ records }) => records);
    expect(told).toEqual([]);
  });
});
