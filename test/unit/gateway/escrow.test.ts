/** Escrows over regions: takes that a region accepts alone, rights that move on demand, and those of a lost region. */
import { describe, expect, it } from "vitest";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import type { EscrowReport, WriteRequest } from "../../../services/gateway/gateway.ts";
import { Bed, COLLECTION, CONTEXT, overriding, read, TENANT, write, type RegionBed } from "./bed.ts";
import { life } from "./ordered.ts";

const STOCK: CollectionSchema = {
  fields: {
    name: { class: "lww", type: "string" },
    stock: { class: "merge", kind: "escrow" },
    status: { class: "authoritative", type: "string" },
  },
};
const RECORD = { collection: COLLECTION, key: "ada" };

async function threeRegions(stock: number): Promise<{
  bed: Bed;
  eu: RegionBed;
  us: RegionBed;
  ap: RegionBed;
}> {
  const bed = new Bed({ regions: ["eu", "us", "ap"] });
  await bed.startAll(STOCK);
  const [eu, us, ap] = bed.regions as [RegionBed, RegionBed, RegionBed];
  await bed.run(eu.gateway.write(give(stock)));
  await bed.converge();
  return { bed, eu, us, ap };
}

const give = (amount: number, changes: Partial<WriteRequest> = {}) =>
  write({ body: { give: { stock: amount } }, ...changes });
const take = (amount: number, changes: Partial<WriteRequest> = {}) =>
  write({ body: { take: { stock: amount } }, ...changes });

async function stockIn(bed: Bed, { gateway }: RegionBed): Promise<EscrowReport> {
  const { escrows } = await bed.run(gateway.readEscrows({ ...CONTEXT, ...RECORD }));
  return escrows[0]!;
}

async function shownIn(bed: Bed, { gateway }: RegionBed): Promise<unknown> {
  return (await bed.run(gateway.read(read()))).fields["stock"];
}

/** Takes again and again, as a client would, until it is accepted. */
async function takeInTime(bed: Bed, { gateway }: RegionBed, amount: number): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const answer = await bed.run(
      gateway.write(take(amount)).then(
        ({ status }) => status,
        (error: { code: string }) => error.code,
      ),
    );
    if (answer === "accepted") return;
    expect(answer).toBe("insufficient");
    await bed.pass(200);
  }
  throw new Error(`${amount} could not be taken`);
}

describe("an escrow", () => {
  it("is split over the regions at first, and what is given later is for the region that it came through", async () => {
    const { bed, eu, us } = await threeRegions(10);
    expect(await stockIn(bed, us)).toEqual({
      field: "stock",
      min: 0,
      value: 10,
      rights: { eu: 4, us: 3, ap: 3 },
      here: 3,
      total: 10,
    });
    await bed.run(us.gateway.write(give(5)));
    await bed.converge();
    expect((await stockIn(bed, eu)).rights).toEqual({ eu: 4, us: 8, ap: 3 });
  });

  it("is taken from at once, and shown so", async () => {
    const { bed, us } = await threeRegions(9);
    bed.servers.leader = undefined;
    const { status } = await bed.run(us.gateway.write(take(2)));
    expect(status).toBe("accepted");
    expect(await shownIn(bed, us)).toBe(7);
    expect(await stockIn(bed, us)).toMatchObject({ value: 9, here: 1, total: 7 });
  });

  it("is shown at its bound before anything was given", async () => {
    const bed = new Bed();
    await bed.startAll({ fields: { ...STOCK.fields, credit: { class: "merge", kind: "escrow", min: -5 } } });
    await bed.run(bed.first.gateway.write(write()));
    const { fields } = await bed.run(bed.first.gateway.read(read()));
    expect(fields).toEqual({ name: "Ada", stock: 0, credit: -5 });
    expect(await bed.refusal(bed.first.gateway.write(take(1)))).toBe("insufficient");
    const nothing = bed.first.gateway.readEscrows({ ...CONTEXT, ...RECORD });
    expect(await bed.refusal(nothing)).toBe("record-not-found");
  });

  it("refuses a write whole: nothing else of it takes effect", async () => {
    const { bed, us } = await threeRegions(9);
    const body = { take: { stock: 100 }, set: { name: "sold" } };
    const error = await bed.refused(us.gateway.write(write({ body })));
    expect(error).toMatchObject({
      code: "insufficient",
      message:
        'region us may take 3 of "stock", and all regions together 9: try again when something was given',
      details: { field: "stock", left: { field: "stock", here: 3, total: 9 } },
    });
    expect(error.details).not.toHaveProperty("retryAfterMs");
    expect((await bed.run(us.gateway.read(read()))).fields).toEqual({ stock: 9 });
  });

  it("is not for the log to take from", async () => {
    const { bed, eu } = await threeRegions(9);
    const mixed = { take: { stock: 1 }, set: { status: "paid" } };
    for (const body of [mixed, { take: { stock: 1 }, authoritative: true }]) {
      await expect(bed.run(eu.gateway.write(write({ body })))).rejects.toMatchObject({
        code: "take-is-local",
      });
    }
    const given = { give: { stock: 3 }, set: { status: "restocked" } };
    expect(await bed.run(eu.gateway.write(write({ body: given })))).toMatchObject({ status: "committed" });
    expect(await shownIn(bed, eu)).toBe(12);
  });

  it("of a deleted record has nothing to take", async () => {
    const { bed, eu, us } = await threeRegions(9);
    await bed.run(eu.gateway.remove(life()));
    await bed.converge();
    await bed.pass(500);
    const error = await bed.refused(us.gateway.write(take(1)));
    expect(error.details.left).toEqual({ field: "stock", here: 0, total: 0 });
    await bed.run(eu.gateway.restore(life()));
    await bed.pass(500);
    expect(await bed.run(us.gateway.write(take(3)))).toMatchObject({ status: "accepted" });
  });
});

describe("the rights to an escrow", () => {
  it("come from other regions when a write was refused for want of them", async () => {
    const { bed, us } = await threeRegions(9);
    const error = await bed.refused(us.gateway.write(take(5)));
    expect(error).toMatchObject({ code: "insufficient", details: { retryAfterMs: 1_000 } });
    await bed.pass(1_000);
    expect(await bed.run(us.gateway.write(take(5)))).toMatchObject({ status: "accepted" });
    await bed.converge();
    for (const region of bed.regions) expect(await shownIn(bed, region)).toBe(4);
  });

  it("come all to where they are needed: every region can sell the last piece", async () => {
    for (const name of [0, 1, 2]) {
      const { bed } = await threeRegions(9);
      await takeInTime(bed, bed.regions[name]!, 9);
      await bed.converge();
      for (const region of bed.regions) expect(await shownIn(bed, region)).toBe(0);
    }
  });

  it("come before a write has to be refused, where they run low", async () => {
    const { bed, us } = await threeRegions(300);
    await bed.run(us.gateway.write(take(90)));
    await bed.pass(2_000);
    const { here, total } = await stockIn(bed, us);
    expect(total).toBe(210);
    expect(here).toBeGreaterThan(40);
  });

  it("can't come over a cut; what is here is sold, and no more", async () => {
    const { bed, eu, us } = await threeRegions(9);
    bed.servers.cutOff.add("us");
    await bed.run(us.gateway.write(take(3)));
    await bed.run(eu.gateway.write(take(3)));
    expect(await bed.refusal(us.gateway.write(take(1)))).toBe("insufficient");
    await bed.pass(3_000);
    expect(await bed.refusal(us.gateway.write(take(1)))).toBe("insufficient");
    bed.servers.cutOff.delete("us");
    await takeInTime(bed, us, 3);
    await bed.converge();
    for (const region of bed.regions) expect(await shownIn(bed, region)).toBe(0);
  });

  it("go to one of two regions that each need what the other has, and then to the other", async () => {
    const { bed, eu, us } = await threeRegions(6);
    await bed.run(bed.regions[2]!.gateway.write(take(2)));
    await bed.converge();
    // Each has two, and wants three.
    await Promise.all([bed.refusal(eu.gateway.write(take(3))), bed.refusal(us.gateway.write(take(3)))]);
    await bed.pass(1_000);
    const answers = await bed.run(
      Promise.all(
        [eu, us].map(({ gateway }) =>
          gateway.write(take(3)).then(
            () => "accepted",
            () => "insufficient",
          ),
        ),
      ),
    );
    expect(answers.toSorted()).toEqual(["accepted", "insufficient"]);
    const loser = answers[0] === "accepted" ? us : eu;
    await takeInTime(bed, loser, 1);
    await bed.converge();
    for (const region of bed.regions) expect(await shownIn(bed, region)).toBe(0);
  });

  it("don't go into limbo while the log has no leader, however long one region asks", async () => {
    const { bed, eu, us, ap } = await threeRegions(300);
    bed.servers.leader = undefined;
    await bed.run(ap.gateway.write(take(100)));
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await bed.refusal(ap.gateway.write(take(50)));
      await bed.pass(2_000);
    }
    const left = (await stockIn(bed, eu)).here + (await stockIn(bed, us)).here;
    // What was granted before anybody could know is on its way once, and not again and again.
    expect(left).toBeGreaterThanOrEqual(100);
    bed.servers.leader = "eu";
    await bed.pass(5_000);
    await takeInTime(bed, ap, 200);
    await bed.converge();
    for (const region of bed.regions) expect(await shownIn(bed, region)).toBe(0);
  });

  it("are asked for by name, and with nothing of what was written", async () => {
    const { bed, us } = await threeRegions(300);
    const sent: string[] = [];
    const { bus } = us.options;
    const gateway = us.anotherGateway({
      bus: overriding(bus, {
        request: (request) => {
          sent.push(Buffer.from(request.data).toString());
          return bus.request(request);
        },
      }),
    });
    const body = { take: { stock: 95 }, set: { name: "secret".repeat(20_000) } };
    expect((await bed.run(gateway.write(write({ body })))).status).toBe("accepted");
    await bed.pass(2_000);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.join()).not.toContain("secret");
    expect((await stockIn(bed, us)).here).toBeGreaterThan(50);
  });

  it("of a region that nobody asks stay where they are", async () => {
    const { bed, eu } = await threeRegions(9);
    await bed.pass(5_000);
    expect((await stockIn(bed, eu)).rights).toEqual({ eu: 3, us: 3, ap: 3 });
  });
});

describe("the rights of a lost region", () => {
  const reclaim = (lostRegion: string) => ({ ...CONTEXT, ...RECORD, idempotencyKey: undefined, lostRegion });

  it("are not reclaimed while it lives", async () => {
    const { bed, eu } = await threeRegions(9);
    // A region that has never spoken may never have been there.
    await bed.pass(2_000);
    const refused = (region: string) => bed.refusal(eu.gateway.reclaim(reclaim(region)));
    expect(await refused("ap")).toBe("region-alive");
    expect(await refused("eu")).toBe("region-alive");
    expect(await refused("nowhere")).toBe("record-missing");
  });

  it("are not reclaimed when the log was away, and with it everybody", async () => {
    const { bed, eu, ap } = await threeRegions(9);
    await bed.pass(2_000);
    bed.servers.leader = undefined;
    const { operation: id } = await bed.run(ap.gateway.write(take(3)));
    await bed.pass(15_000);
    bed.servers.leader = "eu";
    for (let attempt = 0; attempt < 40; attempt += 1) {
      const code = await bed.refusal(eu.gateway.reclaim(reclaim("ap")));
      expect(["no-quorum", "region-alive", "outcome-unknown"]).toContain(code);
      await bed.pass(250);
    }
    expect(await bed.run(eu.gateway.operation({ tenant: TENANT, id }))).toMatchObject({
      status: "committed",
    });
  });

  it("of a collection without escrows are not even asked for", async () => {
    const bed = new Bed();
    await bed.startAll();
    const refusal = bed.run(bed.first.gateway.reclaim(reclaim("ap")));
    await expect(refusal).rejects.toMatchObject({ code: "wrong-operator" });
  });

  it("are handed over, and what it has taken meanwhile is superseded when it returns", async () => {
    const { bed, eu, us, ap } = await threeRegions(9);
    bed.servers.cutOff.add("ap");
    await bed.pass(12_000);
    const answer = await bed.run(eu.gateway.reclaim(reclaim("ap")));
    expect(answer).toMatchObject({ status: "committed", results: [{ fields: { stock: 3 } }] });
    expect((await stockIn(bed, eu)).rights).toEqual({ eu: 6, us: 3, ap: 0 });
    await bed.run(eu.gateway.write(take(6)));
    // The first may ask the second for some of what it has left, and then has to give it back.
    await takeInTime(bed, us, 3);
    // It does not know of it yet.
    const late = await bed.run(ap.gateway.write(take(2)));
    bed.servers.cutOff.delete("ap");
    await bed.converge();
    await bed.pass(500);
    const report = await bed.run(eu.gateway.operation({ tenant: TENANT, id: late.operation }));
    expect(report).toMatchObject({ status: "superseded", lostFields: ["stock"] });
    for (const region of bed.regions) expect(await shownIn(bed, region)).toBe(0);
    const { conflicts } = await bed.run(eu.gateway.conflicts({ tenant: TENANT, limit: 10 }));
    expect(conflicts.map(({ reason, loser }) => [reason, loser.operator, loser.value])).toEqual([
      ["insufficient", "take", 2],
    ]);
    expect(await bed.refusal(ap.gateway.write(take(1)))).toBe("insufficient");
  });

  it("come back to it as far as there are any, so that what it has taken can take effect", async () => {
    const { bed, eu, ap } = await threeRegions(9);
    bed.servers.cutOff.add("ap");
    const { operation: id } = await bed.run(ap.gateway.write(take(1)));
    await bed.pass(12_000);
    await bed.run(eu.gateway.reclaim(reclaim("ap")));
    bed.servers.cutOff.delete("ap");
    await bed.converge();
    await bed.pass(2_000);
    await takeInTime(bed, ap, 3);
    await bed.converge();
    const { status } = await bed.run(eu.gateway.operation({ tenant: TENANT, id }));
    const left = status === "committed" ? 5 : 6;
    for (const region of bed.regions) expect(await shownIn(bed, region)).toBe(left);
  });
});
