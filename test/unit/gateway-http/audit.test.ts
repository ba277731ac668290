/** `/v1/audit`, and what operators' requests leave in the trail. */
import { Compile } from "typebox/compile";
import { beforeEach, describe, expect, it } from "vitest";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { AuditAnswer, AuditHeadAnswer } from "../../../services/protocol/http/audit.ts";
import { StoreUnavailableError } from "../../../services/ports/region-store.ts";
import { codeOf, get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { CONFLICT } from "./stub-gateway.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

const told = () => rig.gateway.audit.trail.rows.map(({ action, outcome, about }) => [action, outcome, about]);
const AWAY = new StoreUnavailableError("it is away", { outcome: "unknown" });

type Order = readonly [method: "POST" | "PUT" | "DELETE", url: string, body: object | undefined];

const ORDERS: { readonly [action: string]: Order } = {
  "schema-put": ["PUT", "/v1/collections/users", { fields: { name: { class: "lww" } } }],
  "member-add": ["POST", "/v1/members", { action: "add", region: "us" }],
  "member-remove": ["POST", "/v1/members", { action: "remove", region: "us" }],
  rejoin: ["POST", "/v1/rejoin", {}],
  drain: ["POST", "/v1/drain", { force: true }],
  undrain: ["DELETE", "/v1/drain", undefined],
  verify: ["POST", "/v1/verify", {}],
  "leader-move": ["POST", "/v1/leader", { region: "us" }],
  "log-rebuild": ["POST", "/v1/log/rebuild", { dry_run: false }],
  "escrow-reclaim": ["POST", "/v1/collections/users/records/a/reclaim", { region: "ap" }],
  "conflict-restore": ["POST", `/v1/conflicts/${CONFLICT}/restore`, undefined],
  backup: ["POST", "/v1/backups", { partition: 0 }],
};

const give = ([method, url, body]: Order, headers: { [name: string]: string } = {}) =>
  send(rig, method, { url, ...(body === undefined ? {} : { body }), headers });

describe("an operator's order", () => {
  it.each(Object.entries(ORDERS))("%s is kept before it is done, and after", async (action, order) => {
    expect((await give(order, { "forebay-actor": "ada" })).statusCode).toBeLessThan(300);
    const { rows } = rig.gateway.audit.trail;
    expect(rows.map((row) => [row.action, row.outcome])).toEqual([
      [action, "intent"],
      [action, "done"],
    ]);
    expect(new Set(rows.map(({ act }) => act)).size).toBe(1);
    for (const { actor, address } of rows)
      expect({ actor, address }).toEqual({ actor: "ada", address: "127.0.0.1" });
  });

  it("that can't be kept is refused and not done, but for those that mend", async () => {
    const mending = ["drain", "log-rebuild", "leader-move", "backup"];
    for (const [action, order] of Object.entries(ORDERS)) {
      rig = await buildRig();
      rig.gateway.audit.failure = AWAY;
      const answer = await give(order);
      if (mending.includes(action)) expect(answer.statusCode).toBeLessThan(300);
      else expect([answer.statusCode, codeOf(answer)]).toEqual([503, "store-unavailable"]);
      const { drainOrders, leaderMoves, memberChanges, reclaims, conflictRestorals } = rig.gateway;
      const made = [...drainOrders, ...leaderMoves, ...memberChanges, ...reclaims, ...conflictRestorals];
      expect(made).toHaveLength(["drain", "leader-move"].includes(action) ? 1 : 0);
    }
  });

  it("that is refused, or may have been done, says so", async () => {
    await give(["POST", "/v1/leader", { region: "mars" }]);
    rig.gateway.drain = () => Promise.reject(new GatewayError("outcome-unknown", "nobody knows"));
    await give(ORDERS["drain"]!);
    rig.gateway.drain = () => Promise.reject(new Error("a secret of the region"));
    await give(ORDERS["drain"]!);
    const endings = told().filter(([, outcome]) => outcome !== "intent");
    expect(endings).toEqual([
      ["leader-move", "refused", expect.stringContaining("unknown-region")],
      ["drain", "unknown", expect.stringContaining("outcome-unknown")],
      ["drain", "failed", '{"problem":"internal"}'],
    ]);
  });

  it("is of whoever says so, in a bounded text; of nobody's otherwise", async () => {
    await give(ORDERS["verify"]!);
    expect(rig.gateway.audit.trail.rows[0]!.actor).toBe("anonymous");
    for (const actor of ["", "a".repeat(129), "ä"]) {
      const answer = await give(ORDERS["verify"]!, { "forebay-actor": actor });
      expect([answer.statusCode, codeOf(answer)]).toEqual([400, "invalid-parameter"]);
    }
  });

  it("that is about nothing that there is is not kept", async () => {
    const answer = await give(["POST", "/v1/conflicts/0-7-7/restore", undefined]);
    expect([answer.statusCode, codeOf(answer)]).toEqual([404, "conflict-not-found"]);
    expect(told()).toEqual([]);
  });

  it("that only says what it would do is not kept", async () => {
    await give(["POST", "/v1/log/rebuild", {}]);
    await give(["POST", "/v1/leader", { nonsense: true }]);
    expect(told()).toEqual([]);
  });

  it("with a long text is kept by its beginning and its hash", async () => {
    const fields = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`field${index}`, { class: "lww" }]),
    );
    await give(["PUT", "/v1/collections/users", { fields }]);
    const about = JSON.parse(rig.gateway.audit.trail.rows[0]!.about) as object;
    expect(Object.keys(about)).toEqual(["begins", "length", "sha256"]);
  });
});

describe("the trail", () => {
  const page = async (query: string) => {
    const answer = await get(rig, `/v1/audit?${query}`);
    expect(answer.statusCode).toBe(200);
    const body = answer.json<AuditAnswer>();
    expect(Compile(AuditAnswer).Errors(body)).toEqual([]);
    return { sequences: body.rows.map(({ sequence }) => sequence), next: body.next_cursor };
  };

  beforeEach(async () => {
    for (const action of ["verify", "leader-move", "verify"]) await give(ORDERS[action]!);
  });

  it("is read by pages, both ways", async () => {
    expect(await page("limit=4")).toEqual({ sequences: [6, 5, 4, 3], next: "b3" });
    expect(await page("limit=4&cursor=b3")).toEqual({ sequences: [2, 1], next: undefined });
    expect(await page("limit=4&after=0")).toEqual({ sequences: [1, 2, 3, 4], next: "a4" });
    expect(await page("limit=4&cursor=a4")).toEqual({ sequences: [5, 6], next: undefined });
    expect(await page("action=leader-move")).toEqual({ sequences: [4, 3], next: undefined });
    expect(await page("since_ms=99999999999999")).toEqual({ sequences: [], next: undefined });
  });

  it.each(["action=dance", "since_ms=x", "after=-1", "cursor=c3", "cursor=b0", "limit=0", "before=3"])(
    "is not read with %s",
    async (query) => {
      expect((await get(rig, `/v1/audit?${query}`)).statusCode).toBe(400);
    },
  );

  it("tells where it ends, and where others ended", async () => {
    rig.gateway.audit.trail.keepHead({ region: "us", sequence: 3, hash: "ab".repeat(32), seenAtMs: 5 });
    const body = (await get(rig, "/v1/audit/head")).json<AuditHeadAnswer>();
    expect(Compile(AuditHeadAnswer).Errors(body)).toEqual([]);
    expect(body).toMatchObject({ region: "eu", sequence: 6, seen: [{ region: "us", sequence: 3 }] });
  });

  it("that can't be read says so", async () => {
    rig.gateway.audit.failure = new StoreUnavailableError("it is away", { outcome: "none" });
    expect(codeOf(await get(rig, "/v1/audit"))).toBe("store-unavailable");
  });
});
