/** The conflict log: the same in every region, and a way back for what lost, as a new write. */
import { beforeEach, describe, expect, it } from "vitest";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import type {
  ConflictPage,
  ConflictReport,
  ConflictsRequest,
  RestoreConflictRequest,
} from "../../../services/gateway/gateway.ts";
import { Bed, COLLECTION, CONTEXT, read, SCHEMA, TENANT, write, type RegionBed } from "./bed.ts";
import { life } from "./ordered.ts";

const FIELDS: CollectionSchema["fields"] = {
  ...SCHEMA.fields,
  settings: { class: "merge", kind: "map" },
  tags: { class: "merge", kind: "set" },
};

let bed: Bed;
let eu: RegionBed;
let us: RegionBed;

beforeEach(async () => {
  bed = new Bed({ regions: ["eu", "us"] });
  [eu, us] = bed.regions as [RegionBed, RegionBed];
  await bed.startAll({ fields: FIELDS });
});

/** `eu` writes while it is cut off, `us` a moment later: neither knows of the other, and `us` wins. */
async function collide(inEu: object, inUs: object, key = "ada"): Promise<void> {
  bed.servers.cutOff.add("eu");
  await bed.run(eu.gateway.write(write({ key, body: inEu })));
  await bed.pass(20);
  await bed.run(us.gateway.write(write({ key, body: inUs, waitCommitted: true })));
  bed.servers.cutOff.delete("eu");
  await bed.converge();
}

function page(region: RegionBed, changes: Partial<ConflictsRequest> = {}): Promise<ConflictPage> {
  return bed.run(region.gateway.conflicts({ tenant: TENANT, limit: 100, ...changes }));
}

async function listed(region: RegionBed, changes?: Partial<ConflictsRequest>) {
  return (await page(region, changes)).conflicts;
}

async function only(region: RegionBed): Promise<ConflictReport> {
  const conflicts = await listed(region);
  expect(conflicts).toHaveLength(1);
  return conflicts[0]!;
}

function restoring(id: string, changes: Partial<RestoreConflictRequest> = {}): RestoreConflictRequest {
  return { ...CONTEXT, id, idempotencyKey: undefined, waitCommitted: false, ...changes };
}

async function fieldsIn(region: RegionBed) {
  return (await bed.run(region.gateway.read(read()))).fields;
}

describe("conflicts", () => {
  it("are the same in every region, with both values and who wrote them", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const conflict = await only(eu);
    expect(conflict).toMatchObject({
      id: `0-${conflict.position.sequence}-0`,
      collection: COLLECTION,
      key: "ada",
      field: "name",
      reason: "concurrent",
      position: { partition: 0 },
      loser: { region: "eu", value: "Ada", operator: "set" },
      winner: { region: "us", value: "Grace" },
    });
    expect(conflict.loser.operation === undefined).not.toBe(conflict.winner.operation === undefined);
    expect(conflict).not.toHaveProperty("entry");
    expect(await only(us)).toEqual(conflict);
  });

  it("name plain regions, and say of a value that the log has decided on that it was", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" }, authoritative: true });
    const { loser, winner } = await only(us);
    expect(loser).toMatchObject({ region: "eu", value: "Ada" });
    expect(loser).not.toHaveProperty("isDecided");
    expect(winner).toMatchObject({ region: "us", value: "Grace", isDecided: true });
    expect(winner).not.toHaveProperty("operator");
  });

  it("come by pages, newest first, and by what they are of", async () => {
    for (const key of ["a", "b", "c"]) {
      await collide(
        { set: { name: "Ada" }, put: { settings: { sms: 1 } } },
        { set: { name: "Grace" }, put: { settings: { sms: 2 } } },
        key,
      );
    }
    const all = await listed(us);
    expect(all.map(({ key, field }) => `${key} ${field}`)).toEqual(
      ["c", "b", "a"].flatMap((key) => [`${key} settings`, `${key} name`]),
    );
    const seen: ConflictReport[] = [];
    let before: ConflictPage["next"];
    do {
      const { conflicts, next } = await page(us, { limit: 2, before });
      seen.push(...conflicts);
      before = next;
    } while (before !== undefined);
    expect(seen).toEqual(all);
    expect((await page(us, { limit: 6 })).next).toBeUndefined();
    expect(await listed(us, { collection: COLLECTION, key: "b", field: "settings" })).toMatchObject([
      { key: "b", entry: "sms", loser: { value: 1, operator: "put" } },
    ]);
    expect(await listed(us, { region: "us" })).toEqual([]);
    expect(await listed(us, { tenant: "other" })).toEqual([]);
  });
});

describe("a conflict's loser", () => {
  it("is written again as a new write, in any region, and is soon everywhere", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const { id } = await only(us);
    const result = await bed.run(us.gateway.restoreConflict(restoring(id)));
    expect(result).toMatchObject({ status: "accepted", region: "us", isReplayed: false });
    expect(Object.keys(result.session.wal)).toEqual(["us"]);
    expect(await fieldsIn(us)).toEqual({ name: "Ada" });
    await bed.converge();
    expect(await fieldsIn(eu)).toEqual({ name: "Ada" });
    // It had seen what it replaced.
    expect((await only(eu)).id).toBe(id);
  });

  it("is waited for when the client asks to", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const { id } = await only(us);
    const result = await bed.run(us.gateway.restoreConflict(restoring(id, { waitCommitted: true })));
    expect(result).toMatchObject({ status: "committed", position: { partition: 0 } });
  });

  it.each([
    {
      what: "an unset",
      lost: { unset: ["name"] },
      won: { set: { name: "Grace" } },
      shown: { settings: { sms: 0 } },
    },
    {
      what: "an entry of several",
      lost: { put: { settings: { sms: 1, post: 1 } } },
      won: { put: { settings: { sms: 2 } } },
      shown: { settings: { sms: 1, post: 1 } },
    },
    {
      what: "a dropped entry",
      lost: { drop: { settings: ["sms"] } },
      won: { put: { settings: { sms: 2 } } },
      shown: { settings: {} },
    },
    {
      what: "a null",
      lost: { set: { anything: null } },
      won: { unset: ["anything"] },
      shown: { anything: null, settings: { sms: 0 } },
    },
  ])("is what it was: $what", async ({ lost, won, shown }) => {
    const schema = { fields: { ...FIELDS, anything: { class: "lww" } as const } };
    await bed.run(eu.gateway.putCollection({ ...CONTEXT, name: COLLECTION, schema }));
    await bed.run(us.gateway.write(write({ body: { put: { settings: { sms: 0 } } } })));
    await bed.converge();
    await collide(lost, won);
    const { id } = await only(us);
    expect(await fieldsIn(us)).not.toEqual(shown);
    await bed.run(us.gateway.restoreConflict(restoring(id)));
    await bed.converge();
    for (const region of [eu, us]) expect(await fieldsIn(region)).toEqual(shown);
  });

  it("is written once per Idempotency-Key, in whatever region", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const { id } = await only(us);
    const request = restoring(id, { idempotencyKey: "back" });
    const first = await bed.run(us.gateway.restoreConflict(request));
    const again = await bed.run(us.gateway.restoreConflict(request));
    expect(again).toMatchObject({ operation: first.operation, isReplayed: true });
    await bed.converge();
    const elsewhere = await bed.run(eu.gateway.restoreConflict(request));
    expect(elsewhere).toMatchObject({ operation: first.operation, status: "committed", isReplayed: true });
    const other = eu.gateway.write(write({ idempotencyKey: "back", body: { set: { name: "Eve" } } }));
    expect(await bed.refusal(other)).toBe("idempotency-key-reused");
  });

  it("can't be written while the record is deleted, and can once it is restored", async () => {
    await bed.run(eu.gateway.write(write({ waitCommitted: true })));
    await bed.converge();
    bed.servers.cutOff.add("eu");
    const body = { inc: { likes: 2 }, add: { tags: ["x", "y"] } };
    await bed.run(eu.gateway.write(write({ body })));
    await bed.run(us.gateway.remove(life()));
    bed.servers.cutOff.delete("eu");
    await bed.converge();
    const conflicts = await listed(us);
    expect(conflicts.map(({ reason, loser, winner }) => [reason, loser.operator, winner.isDecided])).toEqual([
      ["deleted", "add", true],
      ["deleted", "inc", true],
    ]);
    for (const { id } of conflicts) {
      const error = await bed.refused(eu.gateway.restoreConflict(restoring(id)));
      expect(error.code).toBe("conflict-not-restorable");
      expect(error.message).toContain('record "ada" of collection "users" is deleted');
    }
    await bed.run(us.gateway.restore(life()));
    for (const { id } of conflicts) {
      await bed.run(us.gateway.restoreConflict(restoring(id, { idempotencyKey: id })));
    }
    await bed.converge();
    expect(await fieldsIn(eu)).toEqual({ name: "Ada", likes: 2, tags: ["x", "y"] });
    // What was answered once is answered again, also when the record is gone by then.
    await bed.run(us.gateway.remove(life()));
    await bed.converge();
    const [{ id }] = conflicts as [ConflictReport];
    const again = await bed.run(eu.gateway.restoreConflict(restoring(id, { idempotencyKey: id })));
    expect(again).toMatchObject({ status: "committed", isReplayed: true });
  });

  it("takes the way that its field's class asks for by now", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const name = { class: "authoritative", type: "string" } as const;
    await bed.run(
      eu.gateway.putCollection({ ...CONTEXT, name: COLLECTION, schema: { fields: { ...FIELDS, name } } }),
    );
    // Until the region has folded the schema and looked at it again.
    await bed.pass(6_000);
    const { id } = await only(us);
    const result = await bed.run(us.gateway.restoreConflict(restoring(id)));
    expect(result).toMatchObject({ status: "committed", isDecided: true });
    await bed.converge();
    expect(await fieldsIn(eu)).toEqual({ name: "Ada" });
  });

  it("can't be written where the schema does not take it any more", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const name = { class: "lww", type: "string", deprecated: true } as const;
    await bed.run(
      eu.gateway.putCollection({ ...CONTEXT, name: COLLECTION, schema: { fields: { ...FIELDS, name } } }),
    );
    await bed.converge();
    await bed.pass(6_000);
    const error = await bed.refused(us.gateway.restoreConflict(restoring((await only(us)).id)));
    expect(error.code).toBe("conflict-not-restorable");
    expect(error.details.field).toBe("name");
    expect(error.message).toContain("deprecated");
  });

  it("is unknown under any other id, and to any other tenant", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const { id, position } = await only(us);
    const { sequence } = position;
    const others = ["", "x", `0-${sequence}`, `0-${sequence}-1`, `1-${sequence}-0`, `00-${sequence}-0`, `0-${sequence}-0 `]; // prettier-ignore
    for (const other of [...others, "999999999-999999999999999-999999999", "-1-1-1", "1e3-1-1"]) {
      const error = await bed.refused(us.gateway.restoreConflict(restoring(other)));
      expect(error.code, other).toBe("conflict-not-found");
    }
    const theirs = us.gateway.restoreConflict(restoring(id, { tenant: "other" }));
    expect(await bed.refusal(theirs)).toBe("conflict-not-found");
    expect(await fieldsIn(us)).toEqual({ name: "Grace" });
  });

  it("is unknown to a region that has not come so far, which says so", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const ahead = us.database.readPositions(0).position + 1_000;
    const error = await bed.refused(us.gateway.restoreConflict(restoring(`0-${ahead}-0`)));
    expect(error).toMatchObject({ code: "conflict-not-found", details: { retryAfterMs: 1_000 } });
    expect(error.message).toContain("can't know");
  });

  it("is not to be had from what was recorded without its operator", async () => {
    await collide({ set: { name: "Ada" } }, { set: { name: "Grace" } });
    const { id } = await only(us);
    const [stored] = us.database.listConflicts({ tenant: TENANT, limit: 1 });
    const { operator: _, ...loser } = stored!.loser;
    Object.assign(us.database.readConflict(stored!)!, { loser });
    expect((await only(us)).loser).not.toHaveProperty("operator");
    expect(await bed.refusal(us.gateway.restoreConflict(restoring(id)))).toBe("conflict-not-restorable");
  });
});
