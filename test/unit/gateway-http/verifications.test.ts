/** Verification and repair over HTTP: what operators are shown of records that differ, and what they are refused. */
import { Compile } from "typebox/compile";
import { beforeEach, describe, expect, it } from "vitest";
import type { FieldState } from "../../../services/core/fields/index.ts";
import { ReconciliationError } from "../../../services/ports/reconciliation.ts";
import type { StoredRepair } from "../../../services/ports/region-store.ts";
import {
  RepairListAnswer,
  RepairReportAnswer,
  VerificationAnswer,
  VerificationListAnswer,
} from "../../../services/protocol/http/verifications.ts";
import { codeOf, get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION } from "./stub-gateway.ts";
import {
  deletedAt,
  differing,
  diverged,
  EDITED,
  matching,
  REPAIR,
  row,
  type StubReconciliation,
  TORN,
  VERIFICATION,
  verificationId,
} from "./stub-reconciliation.ts";

const URL_OF_ONE = `/v1/verifications/${VERIFICATION}`;
const SHOWN_ROW = { fields: { name: "Ada" }, version: 12, deleted: false };

let rig: Rig;
let reconciler: StubReconciliation;

beforeEach(async () => {
  rig = await buildRig();
  reconciler = rig.gateway.reconciliation!;
});

function know(...verifications: readonly ReturnType<typeof matching>[]): void {
  for (const verification of verifications) reconciler.known.set(verification.id, verification);
}

const verify = (body: unknown) => send(rig, "POST", { url: "/v1/verify", body });
const repair = (body: unknown, url = URL_OF_ONE) => send(rig, "POST", { url: `${url}/repair`, body });

/** The one differing record of an answer. */
async function shownRecord() {
  const response = await get(rig, URL_OF_ONE);
  expect(Compile(VerificationAnswer).Errors(response.json())).toEqual([]);
  return response.json<VerificationAnswer>().differences.sample[0]!;
}

describe("a verification", () => {
  it("begins of all partitions, or of one", async () => {
    const all = await verify({});
    expect(all.statusCode).toBe(202);
    expect(Compile(VerificationListAnswer).Errors(all.json())).toEqual([]);
    expect(all.json()).toMatchObject({
      verifications: [
        { id: verificationId(0), partition: 0, phase: "waiting" },
        { id: verificationId(1), partition: 1, phase: "waiting" },
      ],
    });
    await verify({ partition: 1 });
    expect(reconciler.verified).toEqual([0, 1, 1]);
  });

  it.each([
    [{ partition: 2 }, "partition", "there is no partition 2; the cluster has 0 to 1"],
    [{ partition: -1 }, "partition", '{"partition":0}'],
    [{ partition: "0" }, "partition", '{"partition":0}'],
    [{ partitions: 0 }, "partitions", '{"partition":0}'],
    [[], undefined, '{"partition":0}'],
  ])("does not begin for %j", async (body, field, detail) => {
    const refused = await verify(body);
    expect(codeOf(refused)).toBe("malformed-body");
    expect(refused.json<{ field?: string }>().field).toBe(field);
    expect(refused.json<{ detail: string }>().detail).toContain(detail);
    expect(reconciler.verified).toEqual([]);
  });

  it("is told with what differs, who holds what, and what is right", async () => {
    know(diverged([EDITED, TORN], ["state"]));
    const response = await get(rig, URL_OF_ONE);
    expect(Compile(VerificationAnswer).Errors(response.json())).toEqual([]);
    const answer = response.json<VerificationAnswer>();
    expect(answer).toMatchObject({ verdict: "diverged", position: 1_234, phase: "done" });
    expect(answer.differences).toMatchObject({ records: 2, rest: ["state"] });
    expect(answer.differences.sample).toEqual([
      {
        tenant: "default",
        collection: "users",
        key: "ada",
        rows: { eu: SHOWN_ROW, us: SHOWN_ROW, ap: { ...SHOWN_ROW, fields: { name: "Eve" } } },
        groups: [["eu", "us"], ["ap"]],
        differs: ["fields.name"],
        proven: { record: SHOWN_ROW, regions: ["eu", "us"], reason: "2 of 3 regions hold it" },
      },
      {
        tenant: "default",
        collection: "users",
        key: "bob",
        rows: {
          eu: { ...SHOWN_ROW, fields: { name: "Bob" } },
          us: { ...SHOWN_ROW, fields: { name: "Rob" } },
          ap: null,
        },
        groups: [["eu"], ["us"], ["ap"]],
        differs: ["row", "fields.name"],
      },
    ]);
  });

  it("shows what is hidden where fields show alike, and deletes and expiry", async () => {
    const ada = row("ada", "Ada");
    const name = { ...ada.fields["name"]!, position: 13 } as FieldState;
    const other = { ...ada, fields: { name }, version: 13, ...deletedAt(5), expiresAtMs: 9 };
    know(diverged([differing("ada", { eu: ada, us: other })]));
    const shown = await shownRecord();
    expect(shown.differs).toEqual(["state.name", "version", "deleted", "expires_at_ms"]);
    expect(shown.rows["us"]).toEqual({
      fields: { name: "Ada" },
      version: 13,
      deleted: true,
      tombstone: { at: "0198f0c0a0b00001", region: "eu", log_time_ms: 5 },
      expires_at_ms: 9,
      hidden: { name },
    });
    expect(shown.rows["eu"]!.hidden).toEqual({ name: ada.fields["name"] });
  });

  it("tells deletes of different times apart, and a field that one has not", async () => {
    know(
      diverged([
        differing("a", { eu: row("a", undefined, deletedAt(5)), us: row("a", undefined, deletedAt(6)) }),
        differing("b", { eu: row("b", "B"), us: row("b", undefined) }),
      ]),
    );
    const { sample } = (await get(rig, URL_OF_ONE)).json<VerificationAnswer>().differences;
    expect(sample.map(({ differs }) => differs)).toEqual([["tombstone"], ["fields.name"]]);
  });

  it("shows a field that no code could have written as it is", async () => {
    const damaged = row("ada", undefined, { fields: { name: { kind: "rumour", value: 1 } as never } });
    know(diverged([differing("ada", { eu: row("ada", "Ada"), us: damaged })]));
    expect((await shownRecord()).rows["us"]!.fields).toEqual({ name: { kind: "rumour", value: 1 } });
  });

  it("is told with as many records as an answer holds, and the number of all", async () => {
    const large = "x".repeat(60_000);
    const records = Array.from({ length: 100 }, (_, index) =>
      differing(`k${index}`, { eu: row(`k${index}`, large), us: null }),
    );
    know(diverged(records));
    const response = await get(rig, URL_OF_ONE);
    expect(response.body.length).toBeLessThan(4.3 * 1024 * 1024);
    const { differences } = response.json<VerificationAnswer>();
    expect(differences.records).toBe(100);
    expect(differences.sample.length).toBeGreaterThan(50);
    expect(differences.sample.length).toBeLessThan(100);
  });

  it("is listed with others, without the records", async () => {
    know(diverged([EDITED]), matching(1));
    const { verifications } = (await get(rig, "/v1/verifications")).json<VerificationListAnswer>();
    expect(verifications.map(({ id }) => id)).toEqual([verificationId(1), verificationId(0)]);
    expect(verifications[1]!.differences).toEqual({ records: 1, rest: [] });
    expect((await get(rig, "/v1/verifications?limit=1")).json()).toMatchObject({
      verifications: [{ id: verificationId(1) }],
    });
    expect(codeOf(await get(rig, "/v1/verifications?limit=0"))).toBe("invalid-parameter");
  });

  it("is not found where nobody knows it, and is named by a UUID", async () => {
    const unknown = await get(rig, `/v1/verifications/${OPERATION}`);
    expect(unknown.statusCode).toBe(404);
    expect(unknown.json()).toMatchObject({
      detail: expect.stringContaining(`knows no verification ${OPERATION}`),
    });
    expect(codeOf(await get(rig, "/v1/verifications/x"))).toBe("invalid-parameter");
    expect(codeOf(await get(rig, `${URL_OF_ONE}?limit=1`))).toBe("invalid-parameter");
  });
});

describe("a process without a reconciler", () => {
  it("says so, and still lists what repairs have changed", async () => {
    rig.gateway.reconciliation = undefined;
    for (const response of [
      await verify({}),
      await repair({ reason: "x" }),
      await get(rig, URL_OF_ONE),
      await get(rig, "/v1/verifications"),
    ]) {
      expect(response.statusCode).toBe(503);
      expect(codeOf(response)).toBe("reconciler-unavailable");
      expect(response.json()).toMatchObject({
        detail: "this process of region eu runs no reconciler; ask one that does",
      });
    }
    expect((await get(rig, "/v1/repairs")).json()).toEqual({ repairs: [] });
  });
});

describe("a repair", () => {
  it("only says what it would do, unless it is told to do it", async () => {
    know(diverged([EDITED, TORN]));
    const dry = await repair({ reason: "edited by hand" });
    expect(Compile(RepairReportAnswer).Errors(dry.json())).toEqual([]);
    expect(dry.json()).toMatchObject({
      dry_run: true,
      records: 1,
      sample: [{ key: "ada" }],
      undecided: { records: 1, sample: [{ key: "bob" }] },
      positions: [],
    });
    expect(dry.json()).not.toHaveProperty("id");
    const done = await repair({ reason: "edited by hand", dry_run: false, preferred: "us" });
    expect(done.json()).toMatchObject({
      id: REPAIR,
      dry_run: false,
      records: 2,
      undecided: { records: 0, sample: [] },
      positions: [1_240],
    });
    expect(reconciler.repairs).toEqual([
      { verification: VERIFICATION, isDryRun: true, preferred: undefined, reason: "edited by hand" },
      { verification: VERIFICATION, isDryRun: false, preferred: "us", reason: "edited by hand" },
    ]);
  });

  it.each([
    [{}, "reason"],
    [{ reason: "" }, "reason"],
    [{ reason: "  " }, "reason"],
    [{ reason: "a\0" }, "reason"],
    [{ reason: "x".repeat(201) }, "reason"],
    [{ reason: "x", dry_run: "no" }, "dry_run"],
    [{ reason: "x", preferred: "US" }, "preferred"],
    [{ reason: "x", force: true }, "force"],
  ])("is not done for %j", async (body, field) => {
    know(diverged([EDITED]));
    const refused = await repair(body);
    expect(codeOf(refused)).toBe("malformed-body");
    if ("reason" in body) expect(refused.json<{ field?: string }>().field).toBe(field);
    expect(refused.json<{ detail: string }>().detail).toContain("reason");
    expect(reconciler.repairs).toEqual([]);
  });

  it("does not prefer a region that there is not, or that was not compared", async () => {
    const found = diverged([TORN]);
    const regions = found.regions.map((one) =>
      one.region === "ap" ? { ...one, problem: "it did not answer" } : one,
    );
    know({ ...found, regions });
    const unknown = await repair({ reason: "x", preferred: "mars" });
    expect([unknown.statusCode, codeOf(unknown)]).toEqual([422, "unknown-region"]);
    expect(unknown.json()).toMatchObject({
      field: "preferred",
      detail: 'region "mars" has no part in the verification; those that were are eu, us',
    });
    const away = await repair({ reason: "x", preferred: "ap" });
    expect([away.statusCode, codeOf(away)]).toEqual([409, "region-not-compared"]);
    expect(away.json()).toMatchObject({
      detail: "region ap was not compared (it did not answer); those that were are eu, us",
    });
    expect(reconciler.repairs).toEqual([]);
  });

  it.each([
    ["not-diverged", 409, "not-diverged"],
    ["outdated", 409, "verification-outdated"],
    ["unavailable", 503, "reconciler-unavailable"],
    ["old-software", 503, "not-supported-yet"],
    ["unknown-verification", 404, "verification-not-found"],
  ] as const)("that the reconciler refuses as %s has status %i", async (why, status, code) => {
    reconciler.failure = new ReconciliationError(why, "says why");
    const refused = await repair({ reason: "x" });
    expect([refused.statusCode, codeOf(refused)]).toEqual([status, code]);
    expect(refused.json()).toMatchObject({ detail: "says why" });
  });

  it("is not made of a verification that nobody knows", async () => {
    expect(codeOf(await repair({ reason: "x" }))).toBe("verification-not-found");
    know(matching(0));
    expect(codeOf(await repair({ reason: "x" }))).toBe("not-diverged");
    expect(codeOf(await repair({ reason: "x" }, "/v1/verifications/x"))).toBe("invalid-parameter");
  });
});

function stored(ordinal: number, name = "Eve"): StoredRepair {
  const key = `k${ordinal}`;
  return {
    tenant: "default",
    collection: "users",
    key,
    partition: 0,
    position: 1_240,
    ordinal,
    logTimeMs: 1_720_000_000_000,
    repair: REPAIR,
    reason: "edited by hand",
    before: row(key, name),
    after: row(key, "Ada"),
  };
}

describe("repairs of the past", () => {
  it("are shown before and after, and go on where the page before has ended", async () => {
    rig.gateway.storedRepairs = [stored(0), stored(1), { ...stored(2), before: null }];
    const first = (await get(rig, "/v1/repairs?limit=2")).json<RepairListAnswer>();
    expect(Compile(RepairListAnswer).Errors(first)).toEqual([]);
    expect(first.repairs).toMatchObject([
      { key: "k2", before: null, after: SHOWN_ROW, differs: ["row"] },
      {
        repair: REPAIR,
        key: "k1",
        position: { partition: 0, sequence: 1_240 },
        log_time_ms: 1_720_000_000_000,
        reason: "edited by hand",
        before: { ...SHOWN_ROW, fields: { name: "Eve" } },
        after: SHOWN_ROW,
        differs: ["fields.name"],
      },
    ]);
    const url = `/v1/repairs?limit=2&cursor=${first.next_cursor}`;
    const second = (await get(rig, url)).json<RepairListAnswer>();
    expect(second.repairs.map(({ key }) => key)).toEqual(["k0"]);
    expect(second).not.toHaveProperty("next_cursor");
  });

  it("are asked for by record and by repair", async () => {
    await get(rig, `/v1/repairs?collection=users&key=ada%2Fb&repair=${REPAIR.toUpperCase()}`);
    await get(rig, "/v1/repairs");
    expect(rig.gateway.repairLists).toEqual([
      { tenant: "default", collection: "users", key: "ada/b", repair: REPAIR, limit: 101 },
      { limit: 101 },
    ]);
  });

  it("come on shorter pages where rows are large, and none is passed over", async () => {
    rig.gateway.storedRepairs = Array.from({ length: 80 }, (_, index) => stored(index, "x".repeat(100_000)));
    const keys: string[] = [];
    let url = "/v1/repairs";
    let pages = 0;
    for (; url !== ""; pages += 1) {
      const response = await get(rig, url);
      expect(response.body.length).toBeLessThan(4.3 * 1024 * 1024);
      const page = response.json<RepairListAnswer>();
      keys.push(...page.repairs.map(({ key }) => key));
      url = page.next_cursor === undefined ? "" : `/v1/repairs?cursor=${page.next_cursor}`;
    }
    expect(pages).toBe(2);
    expect(keys).toEqual(rig.gateway.storedRepairs.map(({ key }) => key).toReversed());
  });

  it.each([
    ["key=ada", "invalid-parameter"],
    ["collection=$x", "invalid-parameter"],
    ["collection=users&key=", "invalid-key"],
    ["repair=x", "invalid-parameter"],
    ["limit=1001", "invalid-parameter"],
    ["cursor=x", "invalid-cursor"],
    ["tenant=other", "invalid-parameter"],
  ])("are not asked for like this: %s", async (query, code) => {
    expect(codeOf(await get(rig, `/v1/repairs?${query}`))).toBe(code);
    expect(rig.gateway.repairLists).toEqual([]);
  });
});
