/** Leases through the gateway: the log grants them, by its own time, and every region tells the same of them. */
import { describe, expect, it } from "vitest";
import type { GatewayError } from "../../../services/gateway/errors.ts";
import type { WriteResult } from "../../../services/gateway/gateway.ts";
import { CONTEXT, overriding, read, write, type Bed } from "./bed.ts";
import { acquire, credit, lease, orderedBed, standStill, twoOrderedRegions } from "./ordered.ts";

interface Grant {
  readonly token: number;
  readonly expiresAtMs: number;
}

const NAMED = { ...CONTEXT, name: "job" };

function grantOf({ results }: WriteResult): Grant {
  const [grant] = results as unknown as [Grant];
  return grant;
}

async function granted(bed: Bed, holder: string, ttlMs?: number): Promise<Grant> {
  return grantOf(await bed.run(bed.first.gateway.lease(lease(acquire(holder, ttlMs)))));
}

function fenced(token: number) {
  return write({ body: { inc: { credit: 1 }, fence: { lease: "job", token: String(token) } } });
}

describe("acquiring a lease", () => {
  it("grants it with a token, which is the grant's position, and an end by log time", async () => {
    const bed = await orderedBed();
    const result = await bed.run(bed.first.gateway.lease(lease(acquire("one", 5_000))));
    expect(result).toMatchObject({ status: "committed", isDecided: true });
    const { token, expiresAtMs } = grantOf(result);
    expect(token).toBe(result.position!.sequence);
    const { storedAtMs } = bed.servers.messages(0)[token - 1]!;
    expect(expiresAtMs).toBe(storedAtMs + 5_000);
  });

  it("is refused while another holds it, in any region, and says who", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await granted(bed, "one");
    for (const { gateway } of [eu, us]) {
      const error = await bed.refused(gateway.lease(lease(acquire("two"))));
      expect(error.code).toBe("lease-held");
      expect(error.message).toContain('"one"');
      expect(error.details).toMatchObject({ position: { partition: 0 }, isReplayed: false });
    }
  });

  it("grants it to its holder anew, with a higher token that fences the old one off", async () => {
    const bed = await orderedBed();
    const first = await granted(bed, "one");
    const second = await granted(bed, "one");
    expect(second.token).toBeGreaterThan(first.token);
    expect(await bed.refusal(bed.first.gateway.write(fenced(first.token)))).toBe("stale-fence");
    expect(await bed.run(bed.first.gateway.write(fenced(second.token)))).toMatchObject({
      status: "committed",
    });
  });

  it("lets one of several through who ask at the same time, in different regions", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const asking = [eu, us, eu, us].map(({ gateway }, number) =>
      gateway.lease(lease(acquire(`worker-${number}`))).then(
        () => "granted",
        (error: GatewayError) => error.code,
      ),
    );
    const answers = await bed.run(Promise.all(asking));
    expect(answers.toSorted()).toEqual(["granted", "lease-held", "lease-held", "lease-held"]);
  });

  it("again under the same key tells of the same grant, rather than to grant it anew", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const request = lease(acquire("one"), { idempotencyKey: "grant-1" });
    const first = await bed.run(eu.gateway.lease(request));
    await bed.pass(100);
    for (const { gateway } of [eu, us]) {
      const again = await bed.run(gateway.lease(request));
      expect(again).toMatchObject({ isReplayed: true, results: first.results });
    }
  });
});

describe("a lease that is held", () => {
  it("passes to another after its end, and not before", async () => {
    const bed = await orderedBed();
    const { expiresAtMs, token } = await granted(bed, "one", 2_500);
    while (bed.first.options.clock.nowMs() < expiresAtMs - 300) {
      expect(await bed.refusal(bed.first.gateway.lease(lease(acquire("two"))))).toBe("lease-held");
      await bed.pass(200);
    }
    await bed.pass(1_000);
    expect((await granted(bed, "two")).token).toBeGreaterThan(token);
  });

  it("goes on when it is renewed in time, with the same token", async () => {
    const { bed, us } = await twoOrderedRegions();
    const grant = await granted(bed, "one", 2_000);
    for (let round = 0; round < 4; round += 1) {
      await bed.pass(1_200);
      const renewed = await bed.run(
        us.gateway.lease(lease({ type: "renew", token: grant.token, ttlMs: 2_000 })),
      );
      expect(grantOf(renewed).token).toBe(grant.token);
    }
    expect(await bed.refusal(us.gateway.lease(lease(acquire("two"))))).toBe("lease-held");
  });

  it("can't be renewed or released once it is over, passed on or released, nor with another token", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const lost = async (token: number) => {
      for (const action of [
        { type: "renew", token, ttlMs: 5_000 },
        { type: "release", token },
      ] as const) {
        expect(await bed.refusal(gateway.lease(lease(action)))).toBe("lease-lost");
      }
    };
    await lost(1);
    const first = await granted(bed, "one", 1_000);
    await lost(first.token + 1);
    await bed.pass(3_000);
    await lost(first.token);
    const second = await granted(bed, "two");
    await lost(first.token);
    await bed.run(gateway.lease(lease({ type: "release", token: second.token })));
    await lost(second.token);
  });

  it("is free at once when it is released", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { token } = await granted(bed, "one", 60_000);
    const released = await bed.run(us.gateway.lease(lease({ type: "release", token })));
    expect(released).not.toHaveProperty("results");
    expect(await bed.refusal(eu.gateway.write(fenced(token)))).toBe("stale-fence");
    expect((await granted(bed, "two")).token).toBeGreaterThan(token);
  });
});

describe("a fenced write", () => {
  it("is refused once log time has passed the lease's end, although nobody else has asked for it", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { token } = await granted(bed, "one", 1_500);
    expect(await bed.run(us.gateway.write(fenced(token)))).toMatchObject({ status: "committed" });
    await bed.pass(4_000);
    const error = await bed.refused(eu.gateway.write(fenced(token)));
    expect(error.code).toBe("stale-fence");
    expect((await bed.run(eu.gateway.read(read()))).fields["credit"]).toBe(1);
  });

  it("that waited for the log too long is refused with the token that was right when it was sent", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { token } = await granted(bed, "one", 1_000);
    await standStill(bed, eu);
    await bed.run(us.gateway.lease(lease(acquire("two"))));
    eu.startApplier();
    expect(await bed.refusal(eu.gateway.write(fenced(token)))).toBe("stale-fence");
  });
});

describe("reading a lease", () => {
  it("tells who holds it, in a region that did not grant it, and then that nobody does", async () => {
    const { bed, us } = await twoOrderedRegions();
    const grant = await granted(bed, "one", 2_000);
    const held = await bed.run(us.gateway.readLease(NAMED));
    expect(held).toMatchObject({ name: "job", holder: "one", ...grant });
    expect(held.session.positions["0"]).toBeGreaterThan(grant.token);
    await bed.pass(4_000);
    expect(await bed.run(us.gateway.readLease(NAMED))).toMatchObject({ holder: null, token: grant.token });
  });

  it("tells nobody after a release", async () => {
    const bed = await orderedBed();
    const { token } = await granted(bed, "one");
    await bed.run(bed.first.gateway.lease(lease({ type: "release", token })));
    expect(await bed.run(bed.first.gateway.readLease(NAMED))).toMatchObject({ holder: null, token });
  });

  it("of one that nobody ever held, or that is another tenant's, is refused as such", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const error = await bed.refused(gateway.readLease(NAMED));
    expect(error.code).toBe("lease-not-found");
    expect(error.details.session!.positions["0"]).toBeGreaterThan(0);
    await granted(bed, "one");
    expect(await bed.refusal(gateway.readLease({ ...NAMED, tenant: "other" }))).toBe("lease-not-found");
  });

  it("is refused without the log: a region's own view would be of no use", async () => {
    const { bed, us } = await twoOrderedRegions();
    await granted(bed, "one");
    bed.servers.leader = undefined;
    expect(await bed.refusal(us.gateway.readLease(NAMED))).toBe("no-quorum");
  });

  it("does not call a lease free that was renewed while the region looked", async () => {
    const bed = await orderedBed();
    const { store, clock } = bed.first.options;
    const { token } = await granted(bed, "one", 1_500);
    const slow = overriding(store, {
      readRecord: async (options) => {
        const record = await store.readRecord(options);
        await clock.sleep(4_000);
        return record;
      },
    });
    const reading = bed.first.anotherGateway({ store: slow }).readLease({ ...NAMED, deadlineMs: 10_000 });
    await bed.pass(500);
    await bed.run(bed.first.gateway.lease(lease({ type: "renew", token, ttlMs: 60_000 })));
    expect(await bed.run(reading)).toMatchObject({ holder: "one", token });
  });

  it("puts into the session what was seen, which may be later than the read's barrier", async () => {
    const bed = await orderedBed();
    const { store, clock } = bed.first.options;
    await granted(bed, "one", 1_000);
    const slow = overriding(store, {
      readRecord: async (options) => {
        await clock.sleep(4_000);
        return store.readRecord(options);
      },
    });
    const reading = bed.first.anotherGateway({ store: slow }).readLease({ ...NAMED, deadlineMs: 10_000 });
    await bed.pass(2_500);
    const { token } = await granted(bed, "two");
    const seen = await bed.run(reading);
    expect(seen).toMatchObject({ holder: "two", token });
    expect(seen.session.positions["0"]).toBeGreaterThanOrEqual(token);
  });
});

describe("leases", () => {
  it("are apart from records of the same key, and by tenant", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await granted(bed, "one");
    await bed.run(gateway.write(credit(1, { key: "job" })));
    expect(await bed.refusal(gateway.write(credit(1, { collection: "$leases" })))).toBe("unknown-collection");
    expect(await bed.refusal(gateway.read(read({ collection: "$leases", key: "job" })))).toBe(
      "unknown-collection",
    );
    const other = await bed.run(gateway.lease(lease(acquire("two"), { tenant: "other" })));
    expect(other).toMatchObject({ status: "committed" });
    expect(await bed.run(gateway.readLease(NAMED))).toMatchObject({ holder: "one" });
  });

  it("are in the partition of their name", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const { gateway } = bed.first;
    for (const name of ["a", "b", "c", "{a}:1"]) {
      const { position } = await bed.run(gateway.lease(lease(acquire("one"), { name })));
      const { position: beside } = await bed.run(gateway.write(credit(1, { key: name })));
      expect(beside!.partition).toBe(position!.partition);
      expect(await bed.run(gateway.readLease({ ...CONTEXT, name }))).toMatchObject({ holder: "one" });
    }
  });
});
