/** `/v1/leader`, `/v1/drain`, and what a drained region tells a balancer. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { codeOf, get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";

let rig: Rig;

beforeAll(async () => {
  rig = await buildRig();
});

afterEach(() => {
  rig.gateway.leaderMoves.length = 0;
  rig.gateway.drainOrders.length = 0;
  rig.gateway.draining = undefined;
  rig.drained.reason = undefined;
  rig.reasons.length = 0;
});

const move = (body: unknown) => send(rig, "POST", { url: "/v1/leader", body });
const drain = (body: unknown) => send(rig, "POST", { url: "/v1/drain", body });

describe("leadership", () => {
  it("is told partition by partition", async () => {
    expect((await get(rig, "/v1/leader")).json()).toEqual({
      partitions: [
        {
          partition: 0,
          leader: "eu",
          leader_since_ms: 1_720_000_000_000,
          ranking: [{ region: "eu", quorum_round_trip_ms: 85 }, { region: "ap" }],
          replicas: [
            { region: "us", online: true, lag_entries: 0, seen_ago_ms: 13 },
            { region: "ap", online: false, lag_entries: 700, seen_ago_ms: 90_000 },
          ],
          automatic: true,
        },
      ],
    });
  });

  it("is told without what is not known, and with a hold", async () => {
    const known = rig.gateway.partitionLeaders;
    const unknown = { leader: undefined, leaderSinceMs: undefined, ranking: [], isAutomatic: undefined };
    rig.gateway.partitionLeaders = [{ partition: 3, ...unknown, hold: { leader: "ap", leftMs: 12.5 } }];
    expect((await get(rig, "/v1/leader")).json()).toEqual({
      partitions: [{ partition: 3, ranking: [], hold: { leader: "ap", left_ms: 13 } }],
    });
    rig.gateway.partitionLeaders = known.map((one) => ({ ...one, replicas: [], unknownReplicas: 2 }));
    expect((await get(rig, "/v1/leader")).json()).toMatchObject({
      partitions: [{ replicas: [], unknown_replicas: 2 }],
    });
    rig.gateway.partitionLeaders = known;
  });

  it("moves, and stays for ten minutes where nothing else is said", async () => {
    const all = await move({ region: "us" });
    const partitions = [0, 1].map((partition) => ({ partition, leader: "us" }));
    expect(all.json()).toEqual({ partitions, hold_ms: 600_000 });
    const one = await move({ region: "ap", partition: 3, hold_ms: 0 });
    expect(one.json()).toEqual({ partitions: [{ partition: 3, leader: "ap" }], hold_ms: 0 });
    expect(rig.gateway.leaderMoves).toEqual([
      { region: "us", partition: undefined, holdMs: 600_000 },
      { region: "ap", partition: 3, holdMs: 0 },
    ]);
  });

  it.each([
    [{}, undefined],
    [{ region: "US" }, "region"],
    [{ region: 1 }, "region"],
    [{ region: "us", partition: -1 }, "partition"],
    [{ region: "us", partition: "0" }, "partition"],
    [{ region: "us", hold_ms: 86_400_001 }, "hold_ms"],
    [{ region: "us", hold_ms: 1.5 }, "hold_ms"],
    [{ region: "us", hold: "10m" }, "hold"],
    [[], undefined],
  ])("does not move for %j", async (body, field) => {
    const refused = await move(body);
    expect(codeOf(refused)).toBe("malformed-body");
    expect(refused.json<{ field?: string }>().field).toBe(field);
    expect(refused.json<{ detail: string }>().detail).toContain('"region"');
    expect(rig.gateway.leaderMoves).toEqual([]);
  });

  it("names the regions that there are to who asks for another", async () => {
    const refused = await move({ region: "mars" });
    expect(refused.statusCode).toBe(422);
    expect(refused.json()).toMatchObject({ detail: 'there is no region "mars"; the cluster has eu, us' });
  });
});

describe("a drain", () => {
  const report = { sinceMs: 1_720_000_000_000, pendingRows: 7, leads: [0], isDrained: false };
  const shown = { since_ms: 1_720_000_000_000, pending_rows: 7, leads: [0], is_drained: false };

  it("begins, is told in the status, and ends", async () => {
    expect((await get(rig, "/v1/status")).json()).not.toHaveProperty("draining");
    rig.gateway.draining = report;
    expect((await drain({})).json()).toMatchObject({ region: "eu", draining: shown });
    expect((await drain({ force: true })).statusCode).toBe(200);
    expect((await drain({ force: false })).statusCode).toBe(200);
    expect((await get(rig, "/v1/status")).json()).toMatchObject({ draining: shown });
    rig.gateway.draining = undefined;
    const ended = await send(rig, "DELETE", { url: "/v1/drain" });
    expect(ended.statusCode).toBe(200);
    expect(ended.json()).not.toHaveProperty("draining");
    expect(rig.gateway.drainOrders).toEqual(["drain", "forced drain", "drain", "undrain"]);
  });

  it.each([{ force: "yes" }, { really: true }, [], "{"])("does not begin for %j", async (body) => {
    expect(["malformed-body", "malformed-json"]).toContain(codeOf(await drain(body)));
    expect(rig.gateway.drainOrders).toEqual([]);
  });

  it("does not end for a request with a body", async () => {
    const refused = await send(rig, "DELETE", { url: "/v1/drain", body: { force: true } });
    expect(codeOf(refused)).toBe("malformed-body");
    expect(rig.gateway.drainOrders).toEqual([]);
  });
});

describe("the readiness of a drained region", () => {
  it("says that it should get no requests, and that nothing else is in the way", async () => {
    rig.drained.reason = "region eu is drained";
    const answer = await get(rig, "/readyz");
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ ready: false, reasons: ["region eu is drained"], draining: true });
    expect((await get(rig, "/livez")).statusCode).toBe(200);
  });

  it("does not call it all where something else is in the way too", async () => {
    rig.drained.reason = "region eu is drained";
    rig.reasons.push("the database does not answer");
    const reasons = ["the database does not answer", "region eu is drained"];
    expect((await get(rig, "/readyz")).json()).toEqual({ ready: false, reasons });
  });
});
