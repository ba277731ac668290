/**
 * The region's database stops answering in the middle of a request, at each of the request's calls in turn. Whoever asks is
 * told by the deadline, and a write that is told to be without effect has none.
 */
import { describe, expect, it } from "vitest";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import type { Gateway } from "../../../services/gateway/gateway.ts";
import { problemOf } from "../../../services/gateway/http/problem.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { Bed, COLLECTION, CONTEXT, list, read, TENANT, write, type RegionBed } from "./bed.ts";

const DEADLINE_MS = 700;
/** What may come on top: the grace, and the looks at the clock. */
const LATE_MS_MAX = 200;
const SCHEMA: CollectionSchema = {
  fields: {
    name: { class: "lww", type: "string" },
    likes: { class: "merge", kind: "counter" },
    email: { class: "authoritative", type: "string", unique: true },
    stock: { class: "merge", kind: "escrow", min: 0 },
  },
};
const HUNG = new Promise<never>(() => undefined);

/** A store that answers so many calls, and then none. */
function hangingAfter(store: RegionStore, calls: number): { store: RegionStore; calls: () => number } {
  let made = 0;
  const hanging = new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (...values: unknown[]) => {
        made += 1;
        return made > calls ? HUNG : (member.apply(target, values) as unknown);
      };
    },
  });
  return { store: hanging, calls: () => made };
}

const context = { ...CONTEXT, deadlineMs: DEADLINE_MS };
const record = { collection: COLLECTION, key: "ada" };
const once = { ...context, idempotencyKey: "once" };
const session = { positions: { 0: 1 }, wal: {} };

const REQUESTS: { readonly [name: string]: (gateway: Gateway) => Promise<unknown> } = {
  "a local write": (gateway) => gateway.write(write({ ...once, body: { inc: { likes: 1 } } })),
  "a local write that waits": (gateway) =>
    gateway.write(write({ ...once, body: { inc: { likes: 1 } }, waitCommitted: true })),
  "an authoritative write": (gateway) =>
    gateway.write(write({ ...once, body: { set: { email: "late@b" } } })),
  "an authoritative write in a session": (gateway) =>
    gateway.write(write({ ...once, session, body: { set: { email: "late@b" } } })),
  "a delete": (gateway) => gateway.remove({ ...once, ...record }),
  "a restore": (gateway) => gateway.restore({ ...once, ...record }),
  "a transaction": (gateway) =>
    gateway.transact({ ...once, body: { writes: [{ ...record, set: { email: "late@b" } }] } }),
  "a lease": (gateway) =>
    gateway.lease({ ...once, name: "l", action: { type: "acquire", holder: "h", ttlMs: 1_000 } }),
  "a reclaim": (gateway) => gateway.reclaim({ ...once, ...record, lostRegion: "us" }),
  "a schema": (gateway) => gateway.putCollection({ ...context, name: "more", schema: SCHEMA }),
  "a restored conflict": (gateway) => gateway.restoreConflict({ ...once, id: "0-1-0", waitCommitted: false }),
  "a local read": (gateway) => gateway.read(read({ ...context })),
  "a read in a session": (gateway) => gateway.read(read({ ...context, session, consistency: "session" })),
  "a bounded read": (gateway) =>
    gateway.read(read({ ...context, consistency: "bounded", stalenessMsMax: 60_000 })),
  "a linearizable read": (gateway) => gateway.read(read({ ...context, consistency: "linearizable" })),
  "a list": (gateway) => gateway.list(list({ ...context })),
  "a linearizable list": (gateway) => gateway.list(list({ ...context, consistency: "linearizable" })),
  "a look at a lease": (gateway) => gateway.readLease({ ...context, name: "l" }),
  "a look at escrows": (gateway) => gateway.readEscrows({ ...context, ...record }),
  "a look at an operation": (gateway) =>
    gateway.operation({ tenant: TENANT, id: "no", expiresAtMs: 1, deadlineMs: DEADLINE_MS }),
  "a look at conflicts": (gateway) =>
    gateway.conflicts({ tenant: TENANT, limit: 10, deadlineMs: DEADLINE_MS }),
  "a look at collections": (gateway) => gateway.listCollections(TENANT, DEADLINE_MS),
  "a look at the status": (gateway) => gateway.status(),
};

async function makeBed(): Promise<Bed> {
  const bed = new Bed({ regions: ["eu", "us"] });
  await bed.startAll(SCHEMA);
  await bed.run(bed.first.gateway.write(write({ body: { set: { email: "a@b", name: "Ada" } } })));
  await bed.converge();
  return bed;
}

/** The problem that the request ends with; undefined when it is answered. */
async function problemCode(bed: Bed, request: Promise<unknown>): Promise<string | undefined> {
  const settled = request.then(
    () => undefined,
    (error: unknown) => problemOf(error).code,
  );
  return bed.run(settled);
}

async function fieldsOf(bed: Bed, region: RegionBed): Promise<unknown> {
  await bed.converge();
  return (await bed.run(region.gateway.read(read()))).fields;
}

describe.each(Object.keys(REQUESTS))("%s", (name) => {
  it("is answered by its deadline, at whichever of its calls the database hangs", async () => {
    let hasHung = true;
    for (let calls = 0; hasHung; calls += 1) {
      const bed = await makeBed();
      const before = await fieldsOf(bed, bed.first);
      const { store, calls: made } = hangingAfter(bed.first.options.store, calls);
      const gateway = bed.first.anotherGateway({ store });
      const startedAtMs = bed.world.nowMs;
      const code = await problemCode(bed, REQUESTS[name]!(gateway));
      hasHung = made() > calls;
      const lateMs = bed.world.nowMs - startedAtMs - (name.endsWith("status") ? 1_000 : DEADLINE_MS);
      expect(lateMs).toBeLessThan(LATE_MS_MAX);
      if (hasHung && code !== undefined) expect(ALLOWED).toContain(code);
      if (code !== "store-unavailable") continue;
      // What was told to have no effect has none later, either.
      await bed.pass(3 * DEADLINE_MS);
      expect(await fieldsOf(bed, bed.first)).toEqual(before);
    }
  });
});

/** With a hung database; the others are answers that need it no more. */
const ALLOWED = [
  "store-unavailable",
  "outcome-unknown",
  "session-behind",
  "conflict-not-found",
  "lease-not-found",
  "record-not-found",
  "operation-not-found",
  "not-deleted",
  "region-alive",
];
