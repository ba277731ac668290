/** What a problem tells besides its code. */
import { beforeEach, describe, expect, it } from "vitest";
import { RefusedWriteError } from "../../../services/core/accept/refused-write.ts";
import {
  GatewayError,
  type GatewayErrorCode,
  type GatewayErrorDetails,
} from "../../../services/gateway/errors.ts";
import { PROBLEM_CODES } from "../../../services/protocol/http/problems.ts";
import { decodeSession } from "../../../services/protocol/session-token.ts";
import { codeOf, get, patch, RECORD, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION, SECRET } from "./stub-gateway.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

function failing(code: GatewayErrorCode, details?: GatewayErrorDetails) {
  rig.gateway.failure = new GatewayError(code, "the reason", details);
  return patch(rig);
}

describe("a problem", () => {
  it("tells what the log has decided against, and where", async () => {
    const session = { positions: { "1": 17 }, wal: {} };
    const response = await failing("not-unique", {
      operation: OPERATION,
      position: { partition: 1, sequence: 17 },
      field: "email",
      write: 2,
      session,
      isReplayed: true,
    });
    expect(response.json()).toEqual({
      type: "urn:forebay:problem:not-unique",
      title: "Another record has the unique value",
      status: 409,
      detail: "the reason",
      retry: "never",
      operation: OPERATION,
      position: { partition: 1, sequence: 17 },
      field: "email",
      write: 2,
    });
    expect(decodeSession(response.headers["forebay-session"] as string, SECRET)).toEqual(session);
    expect(response.headers["idempotency-replayed"]).toBe("true");
    expect(response.headers).not.toHaveProperty("location");
  });

  it("has no headers of a decision where there was none", async () => {
    const { headers } = await failing("no-quorum", { isReplayed: false });
    expect(headers).not.toHaveProperty("forebay-session");
    expect(headers).not.toHaveProperty("idempotency-replayed");
  });

  it("tells where to ask while the outcome is open, and until when", async () => {
    const response = await failing("outcome-unknown", {
      operation: OPERATION,
      expiresAtMs: 1_720_000_030_000,
    });
    const url = `/v1/operations/${OPERATION}?expires_at_ms=1720000030000`;
    expect(response.json()).toMatchObject({
      operation: OPERATION,
      operation_url: url,
      expires_at_ms: 1_720_000_030_000,
      retry: "ask",
    });
    expect(response.headers["location"]).toBe(url);
    expect((await get(rig, "/livez")).statusCode).toBe(200);
    rig.gateway.failure = undefined;
    expect((await get(rig, url)).statusCode).toBe(200);
  });

  it("tells of no place to ask where the outcome is certain", async () => {
    const response = await failing("expired", { operation: OPERATION, expiresAtMs: 5 });
    expect(response.json()).toMatchObject({ operation: OPERATION, expires_at_ms: 5, retry: "same" });
    expect(response.json()).not.toHaveProperty("operation_url");
    expect(response.headers).not.toHaveProperty("location");
  });

  it("tells how old the region's view may be", async () => {
    const response = await failing("too-stale", { stalenessMs: 812.5 });
    expect(response.json()).toMatchObject({ staleness_ms: 812.5 });
    expect(response.headers["retry-after"]).toBe("1");
  });

  it("tells what is left of an escrow, and to come back where other regions have it", async () => {
    const left = { field: "stock", here: 1, total: 8 };
    const response = await failing("insufficient", { field: "stock", left, retryAfterMs: 1_000 });
    expect(response.json()).toEqual({
      type: "urn:forebay:problem:insufficient",
      title: "The region may not take so much",
      status: 409,
      detail: "the reason",
      retry: "same",
      field: "stock",
      left: { here: 1, total: 8 },
    });
    expect(response.headers["retry-after"]).toBe("1");
    expect(response.headers).not.toHaveProperty("forebay-session");
    const soldOut = await failing("insufficient", { field: "stock", left: { ...left, total: 1 } });
    expect(soldOut.json()).toMatchObject({ left: { here: 1, total: 1 } });
    expect(soldOut.headers).not.toHaveProperty("retry-after");
  });

  it("tells the header or member of a lease's request that is wrong", async () => {
    const lease = (body: unknown) => send(rig, "POST", { url: "/v1/leases/job-7", body });
    expect((await lease({ holder: "a", ttl_ms: 0 })).json()).toMatchObject({ field: "ttl_ms" });
    expect((await lease({ token: 1, ttl_ms: 1_000 })).json()).toMatchObject({ field: "token" });
    expect((await patch(rig, { headers: { "if-match": "1" } })).json()).toMatchObject({ field: "if-match" });
    const reclaim = await send(rig, "POST", { url: `${RECORD}/reclaim`, body: { region: "AP" } });
    expect(reclaim.json()).toMatchObject({ field: "region" });
  });

  it("never shows the Idempotency-Key", async () => {
    const headers = { "idempotency-key": "my-secret-order" };
    const refusals = PROBLEM_CODES.map((code) => new GatewayError(code as GatewayErrorCode, "the reason"));
    const failures = [
      ...refusals,
      new RefusedWriteError("invalid-key", "the reason"),
      new TypeError("a bug"),
    ];
    for (const failure of failures) {
      rig.gateway.failure = failure;
      const response = await patch(rig, { headers });
      expect(response.statusCode).toBeGreaterThanOrEqual(400);
      expect(JSON.stringify([response.body, response.headers])).not.toContain("my-secret-order");
    }
    const long = await patch(rig, { headers: { "idempotency-key": "my-secret-order".repeat(20) } });
    expect(codeOf(long)).toBe("invalid-idempotency-key");
    expect(long.body).not.toContain("my-secret-order");
    rig.gateway.failure = undefined;
    const broken = await send(rig, "DELETE", { url: `${RECORD}?key=1`, headers });
    expect(JSON.stringify([broken.body, rig.logged])).not.toContain("my-secret-order");
  });
});
