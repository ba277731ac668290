import { beforeEach, describe, expect, it } from "vitest";
import { decodeSession, encodeSession } from "../../../services/protocol/session-token.ts";
import { get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION, SECRET } from "./stub-gateway.ts";

const LEASE = "/v1/leases/job-7";

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

describe("a lease", () => {
  it("is acquired, and its grant has the token as text", async () => {
    const response = await send(rig, "POST", { url: LEASE, body: { holder: "worker 3", ttl_ms: 30_000 } });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      operation: OPERATION,
      status: "committed",
      region: "eu",
      at: "0198f0c0a0b00001",
      position: { partition: 0, sequence: 17 },
      session: response.headers["forebay-session"],
      result: { token: "17", expires_at_ms: 1_720_000_030_000 },
    });
    expect(rig.gateway.leases).toMatchObject([
      { name: "job-7", action: { type: "acquire", holder: "worker 3", ttlMs: 30_000 } },
    ]);
  });

  it("is renewed with its token", async () => {
    const response = await send(rig, "POST", { url: LEASE, body: { token: "17", ttl_ms: 1_000 } });
    expect(response.json().result).toEqual({ token: "17", expires_at_ms: 1_720_000_030_000 });
    expect(rig.gateway.leases).toMatchObject([{ action: { type: "renew", token: 17, ttlMs: 1_000 } }]);
  });

  it("is released with its token, which grants nothing", async () => {
    const response = await send(rig, "DELETE", { url: `${LEASE}?token=17` });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ status: "committed" });
    expect(response.json()).not.toHaveProperty("result");
    expect(rig.gateway.leases).toMatchObject([{ action: { type: "release", token: 17 } }]);
  });

  it("hands the gateway what the headers ask for", async () => {
    const session = { positions: { "0": 3 }, wal: {} };
    const headers = {
      "idempotency-key": "grant 1",
      "forebay-session": encodeSession(session, SECRET),
      "forebay-deadline-ms": "250",
    };
    const body = { holder: "h".repeat(256), ttl_ms: 600_000 };
    await send(rig, "POST", { url: "/v1/leases/jobs%2F%D0%BA", headers, body });
    await send(rig, "DELETE", { url: "/v1/leases/jobs%2F%D0%BA?token=9007199254740991", headers });
    const context = { tenant: "default", session, deadlineMs: 250, idempotencyKey: "grant 1" };
    expect(rig.gateway.leases).toEqual([
      { ...context, name: "jobs/к", action: { type: "acquire", holder: body.holder, ttlMs: 600_000 } },
      { ...context, name: "jobs/к", action: { type: "release", token: Number.MAX_SAFE_INTEGER } },
    ]);
  });

  it("can be looked at", async () => {
    const response = await get(rig, LEASE, { "forebay-deadline-ms": "250" });
    expect(response.json()).toEqual({
      name: "job-7",
      holder: "worker 3",
      token: "17",
      expires_at_ms: 1_720_000_030_000,
      session: response.headers["forebay-session"],
    });
    expect(decodeSession(response.json().session, SECRET)).toEqual({ positions: { "0": 17 }, wal: {} });
    expect(rig.gateway.leaseReads).toMatchObject([{ tenant: "default", name: "job-7", deadlineMs: 250 }]);
  });
});
