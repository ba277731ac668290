/** `/v1/log-level`. */
import { beforeEach, expect, it } from "vitest";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { codeOf, get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

const change = (body: unknown) => send(rig, "PUT", { url: "/v1/log-level", body });

it("is told, and changed for a time", async () => {
  expect((await get(rig, "/v1/log-level")).json()).toEqual({
    region: "eu",
    level: "info",
    configured: "info",
  });
  expect((await change({ level: "debug" })).json()).toMatchObject({ level: "debug", configured: "info" });
  const { left_ms: leftMs } = (await get(rig, "/v1/log-level")).json<{ left_ms: number }>();
  expect(leftMs).toBeGreaterThan(0);
  expect(leftMs).toBeLessThanOrEqual(600_000);
  expect(rig.gateway.audit.trail.rows.map(({ action, outcome }) => [action, outcome])).toEqual([
    ["log-level", "intent"],
    ["log-level", "done"],
  ]);
});

it("is changed also while the region starts, and while its database is away", async () => {
  rig.gateway.audit.failure = new Error("away");
  expect((await change({ level: "debug", for_ms: 5_000 })).statusCode).toBe(200);
  rig.gateway.failure = new GatewayError("starting", "its database does not answer yet");
  expect((await change({ level: "warn" })).json()).toMatchObject({ level: "warn" });
});

it.each([
  {},
  { level: "loud" },
  { level: "debug", for_ms: 10 },
  { level: "debug", for_ms: 1e9 },
  { level: "debug", x: 1 },
])("%j is refused", async (body) => {
  const answer = await change(body);
  expect([answer.statusCode, codeOf(answer)]).toEqual([400, "malformed-body"]);
});
