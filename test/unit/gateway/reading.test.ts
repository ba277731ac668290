/** Reads and lists through a gateway on the simulated twin: the view, its version, sessions and pages. */
import { describe, expect, it } from "vitest";
import { partitionOf } from "../../../services/core/partition.ts";
import { EMPTY_SESSION, mergeSessions, seenPosition, seenWal } from "../../../services/core/session.ts";
import { Bed, COLLECTION, CONTEXT, list, overriding, read, SCHEMA, write, type RegionBed } from "./bed.ts";

async function startedBed(options: ConstructorParameters<typeof Bed>[0] = {}): Promise<Bed> {
  const bed = new Bed(options);
  await bed.startAll();
  return bed;
}

async function twoRegions(): Promise<{ bed: Bed; eu: RegionBed; us: RegionBed }> {
  const bed = await startedBed({ regions: ["eu", "us"] });
  return { bed, eu: bed.regions[0]!, us: bed.regions[1]! };
}

const named = (name: string) => ({ set: { name } });

describe("a read", () => {
  it("shows the region's own write at once, and counts it as pending", async () => {
    const { bed, eu, us } = await twoRegions();
    bed.servers.cutOff.add("eu");
    await bed.run(eu.gateway.write(write()));
    const result = await bed.run(eu.gateway.read(read()));
    expect(result).toMatchObject({ key: "ada", fields: { name: "Ada" }, pending: 1 });
    expect(result.session.wal).toEqual({ eu: { "0": 1 } });
    expect(await bed.refusal(us.gateway.read(read()))).toBe("record-not-found");
  });

  it("is read once for all who ask for it together, and each has the one that it asked for", async () => {
    const bed = await startedBed();
    const asked: string[][] = [];
    const { store } = bed.first.options;
    const readRecords: typeof store.readRecords = (options) => {
      asked.push(options.records.map(({ key }) => key));
      return store.readRecords(options);
    };
    const gateway = bed.first.anotherGateway({ store: overriding(store, { readRecords }) });
    for (const key of ["ada", "grace"])
      await bed.run(gateway.write(write({ key, body: { set: { name: key } } })));
    const keys = ["ada", "grace", "ada", "ada", "grace"];
    const found = await bed.run(Promise.all(keys.map((key) => gateway.read(read({ key })))));
    expect(found.map(({ fields }) => fields["name"])).toEqual(keys);
    expect(asked).toEqual([["ada", "grace"]]);
  });

  it("is at the position that it says, which is in the session", async () => {
    const { bed, eu } = await twoRegions();
    await bed.run(eu.gateway.write(write()));
    await bed.converge();
    const before = eu.database.readPositions(0).position;
    const result = await bed.run(eu.gateway.read(read({ session: seenWal("ap", 3, 5) })));
    // Ticks may move the region on while it reads.
    expect(result.asOf.partition).toBe(0);
    expect(result.asOf.sequence).toBeGreaterThanOrEqual(before);
    expect(result.asOf.sequence).toBeLessThanOrEqual(eu.database.readPositions(0).position);
    expect(result.session).toEqual(mergeSessions(seenWal("ap", 3, 5), seenPosition(0, result.asOf.sequence)));
  });

  it("has a version that changes with every change of the view, and with nothing else", async () => {
    const { bed, eu, us } = await twoRegions();
    const versions: string[] = [];
    const look = async (region: RegionBed = eu) => {
      const { version } = await bed.run(region.gateway.read(read()));
      versions.push(version);
      return version;
    };
    await bed.run(us.gateway.write(write({ waitCommitted: true })));
    await bed.converge();
    const committed = await look();
    expect(await look(us)).toBe(committed);
    bed.servers.cutOff.add("eu");
    await bed.run(eu.gateway.write(write({ body: named("one") })));
    const pending = await look();
    await bed.run(eu.gateway.write(write({ key: "grace" })));
    expect(await look()).toBe(pending);
    await bed.run(eu.gateway.write(write({ body: named("two") })));
    await look();
    bed.servers.cutOff.delete("eu");
    await bed.converge();
    expect(await look()).toBe(await look(us));
    expect(new Set(versions).size).toBe(4);
    expect(committed).toMatch(/^\d+$/);
    expect(pending).toBe(`${committed}.eu.1`);
  });

  it("of what there is not says what there is not", async () => {
    const bed = await startedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(write()));
    expect(await bed.refusal(gateway.read(read({ key: "grace" })))).toBe("record-not-found");
    expect(await bed.refusal(gateway.read(read({ collection: "orders" })))).toBe("unknown-collection");
    expect(await bed.refusal(gateway.read(read({ tenant: "other" })))).toBe("unknown-collection");
    await expect(bed.run(gateway.read(read({ key: "" })))).rejects.toMatchObject({ code: "invalid-key" });
  });

  it("does not show another tenant's record of the same name (I14)", async () => {
    const bed = await startedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.putCollection({ ...CONTEXT, tenant: "other", name: COLLECTION, schema: SCHEMA }));
    await bed.run(gateway.write(write()));
    expect(await bed.refusal(gateway.read(read({ tenant: "other" })))).toBe("record-not-found");
    expect((await bed.run(gateway.list(list({ tenant: "other" })))).records).toEqual([]);
    expect(await bed.run(gateway.listCollections("other"))).toHaveLength(1);
    expect(await bed.run(gateway.listCollections("third"))).toEqual([]);
  });
});

describe("a session (I11)", () => {
  it("reads its own buffered write in another region, as soon as that has folded it", async () => {
    const { bed, eu, us } = await twoRegions();
    const { session } = await bed.run(eu.gateway.write(write()));
    const elsewhere = await bed.run(us.gateway.read(read({ session, consistency: "session" })));
    expect(elsewhere.fields).toEqual({ name: "Ada" });
    expect(elsewhere.session.positions["0"]).toBe(elsewhere.asOf.sequence);
  });

  it("is told to come back when the region is still behind at the deadline", async () => {
    const { bed, eu, us } = await twoRegions();
    bed.servers.cutOff.add("us");
    await bed.world.run(bed.world.nowMs + 2_000);
    const { session } = await bed.run(eu.gateway.write(write({ waitCommitted: true })));
    for (const seen of [session, seenWal("eu", 0, 1), { ...session, wal: {} }]) {
      const behind = { session: seen, consistency: "session", deadlineMs: 700 } as const;
      const error = await bed.refused(us.gateway.read(read(behind)));
      expect(error.code).toBe("session-behind");
      expect(error.details.retryAfterMs).toBeGreaterThan(0);
      expect(await bed.refusal(us.gateway.list(list(behind)))).toBe("session-behind");
    }
    expect(await bed.refusal(us.gateway.read(read({ session })))).toBe("record-not-found");
  });

  it("does not wait in the region that buffered the write", async () => {
    const { bed, eu } = await twoRegions();
    bed.servers.leader = undefined;
    const { session } = await bed.run(eu.gateway.write(write()));
    const result = await bed.run(eu.gateway.read(read({ session, consistency: "session" })));
    expect(result.fields).toEqual({ name: "Ada" });
  });

  it("never goes backwards over what another client's pending write showed it", async () => {
    const { bed, eu, us } = await twoRegions();
    // Of a region that is cut off, a publish may still land late.
    bed.servers.isClosed = true;
    await bed.run(eu.gateway.write(write()));
    const { session } = await bed.run(eu.gateway.read(read()));
    const request = { session, consistency: "session", deadlineMs: 500 } as const;
    expect(await bed.refusal(us.gateway.read(read(request)))).toBe("session-behind");
    const listed = await bed.run(eu.gateway.list(list()));
    expect(await bed.refusal(us.gateway.read(read({ ...request, session: listed.session })))).toBe(
      "session-behind",
    );
  });

  it("waits for one partition only when it reads, and for all when it lists", async () => {
    const bed = await startedBed({ partitions: 4 });
    const { gateway } = bed.first;
    await bed.run(gateway.write(write()));
    const here = partitionOf(read(), 4);
    const far = (here + 1) % 4;
    const session = seenPosition(far, 1_000_000);
    const request = { session, consistency: "session", deadlineMs: 300 } as const;
    expect((await bed.run(gateway.read(read(request)))).fields).toEqual({ name: "Ada" });
    expect(await bed.refusal(gateway.list(list(request)))).toBe("session-behind");
  });

  it("that has seen a new collection waits for it, rather than be told that there is none", async () => {
    const { bed, eu, us } = await twoRegions();
    bed.servers.cutOff.add("us");
    await bed.world.run(bed.world.nowMs + 1_500);
    await bed.run(eu.gateway.putCollection({ ...CONTEXT, name: "orders", schema: SCHEMA }));
    const { session } = await bed.run(eu.gateway.write(write({ collection: "orders", waitCommitted: true })));
    const request = { collection: "orders", session, consistency: "session", deadlineMs: 20_000 } as const;
    // Others ask in vain at the same time, which fills the cache with what there is not yet.
    const over = new AbortController();
    const others = (async () => {
      while (!over.signal.aborted) {
        await us.gateway.read(read({ collection: "orders" })).catch(() => undefined);
        await us.options.clock.sleep(20);
      }
    })();
    const reading = us.gateway.read(read(request));
    const listing = us.gateway.list(list(request));
    await bed.world.run(bed.world.nowMs + 2_000);
    bed.servers.cutOff.delete("us");
    expect((await bed.run(reading)).fields).toEqual({ name: "Ada" });
    expect((await bed.run(listing)).records).toHaveLength(1);
    over.abort();
    await bed.run(others);
  });
});

describe("a list", () => {
  const KEYS = ["a/1", "a/2", "b", "é", "😀", "{t}:1", "~"];

  it("goes over committed and only pending records, page by page, in the order of bytes", async () => {
    const bed = await startedBed({ partitions: 4 });
    const { gateway } = bed.first;
    for (const key of KEYS.filter((_, index) => index % 2 === 0))
      await bed.run(gateway.write(write({ key })));
    await bed.converge();
    bed.servers.leader = undefined;
    for (const key of KEYS.filter((_, index) => index % 2 === 1))
      await bed.run(gateway.write(write({ key })));
    const sorted = KEYS.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    for (const limit of [1, 2, 3, KEYS.length, KEYS.length + 1]) {
      const seen: string[] = [];
      let after: string | undefined;
      let session = EMPTY_SESSION;
      do {
        const page = await bed.run(gateway.list(list({ after, limit, session })));
        expect(page.records.length).toBeLessThanOrEqual(limit);
        seen.push(...page.records.map(({ key }) => key));
        ({ next: after, session } = page);
      } while (after !== undefined);
      expect(seen).toEqual(sorted);
      expect(Object.values(session.wal["eu"] ?? {}).length).toBeGreaterThan(0);
    }
  });

  it("says how much of each record is pending, and gives the version that a read gives", async () => {
    const bed = await startedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(write({ key: "a" })));
    await bed.converge();
    bed.servers.leader = undefined;
    for (const key of ["a", "b", "b"])
      await bed.run(gateway.write(write({ key, body: { inc: { likes: 1 } } })));
    const { records } = await bed.run(gateway.list(list()));
    expect(records.map(({ key, pending, fields }) => [key, pending, fields])).toEqual([
      ["a", 1, { name: "Ada", likes: 1 }],
      ["b", 2, { likes: 2 }],
    ]);
    for (const record of records) {
      const { asOf: _, session: __, ...view } = await bed.run(gateway.read(read({ key: record.key })));
      expect(record).toEqual(view);
    }
  });

  it("takes a prefix as it is, and ends where the last page is just full", async () => {
    const bed = await startedBed();
    const { gateway } = bed.first;
    for (const key of ["a%", "a_b", "ab", "b"]) await bed.run(gateway.write(write({ key })));
    const keys = async (prefix: string, limit = 100) => {
      const { records, next } = await bed.run(gateway.list(list({ prefix, limit })));
      return [...records.map(({ key }) => key), next];
    };
    expect(await keys("a", 3)).toEqual(["a%", "a_b", "ab", undefined]);
    expect(await keys("a", 2)).toEqual(["a%", "a_b", "a_b"]);
    expect(await keys("a%")).toEqual(["a%", undefined]);
    expect(await keys("a_")).toEqual(["a_b", undefined]);
    expect(await keys("zz")).toEqual([undefined]);
    expect(await bed.refusal(gateway.list(list({ collection: "orders" })))).toBe("unknown-collection");
  });
});
