/** What the server does with credentials, pages of other sites, and tenants that send too much. */
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { apiKeyHash } from "../../../services/core/access/api-key.ts";
import { parseScopes } from "../../../services/core/access/scope.ts";
import { SystemClock } from "../../../services/adapters/system/clock.ts";
import { Authenticator } from "../../../services/gateway/access/authenticator.ts";
import { RateLimits } from "../../../services/gateway/access/rate-limits.ts";
import { unauthenticated } from "../../../services/gateway/access/verified.ts";
import { Authentication } from "../../../services/gateway/http/authentication.ts";
import { corsAnswer } from "../../../services/gateway/http/cors.ts";
import type { HttpServerOptions } from "../../../services/gateway/http/server.ts";
import { makeAdmission } from "../gateway/admissions.ts";
import { RECORD } from "./requests.ts";
import { stubApiKeys } from "./stub-api-keys.ts";
import { buildRig, type Rig } from "./rig.ts";

const ADMIN_KEY = "fb_admin_of_a_test";
const rigs: Rig[] = [];

afterEach(async () => {
  await Promise.all(rigs.splice(0).map(({ server }) => server.close(100)));
});

/** Tokens say what they are good for: `t.acme/read:users+write:`. */
function authentication(wrongPerSecond = 100): Authentication {
  const clock = new SystemClock();
  const verify = async (token: string) => {
    const [tenant, scopes] = token.slice(2).split("/", 2);
    if (scopes === undefined) throw unauthenticated("no token");
    return {
      identity: { tenant: tenant!, actor: "ada", scopes: parseScopes(scopes.replaceAll("+", " ")) },
      freshMs: 60_000,
    };
  };
  const everything = parseScopes("read: write: admin: cluster");
  const admin = {
    hash: apiKeyHash(ADMIN_KEY),
    identity: { tenant: "default", actor: "admin key", scopes: everything },
  };
  const options = { clock, admin, apiKeys: stubApiKeys(), tokens: { verify }, wrongPerSecond };
  return new Authentication(new Authenticator(options));
}

async function open(options: Partial<HttpServerOptions> = {}) {
  const { admission } = makeAdmission({ requestsMax: 1_000 });
  const rig = await buildRig({ authentication: authentication(), admission, ...options });
  rigs.push(rig);
  const port = await rig.server.listen({ host: "127.0.0.1", port: 0 });
  const ask = (path: string, init: RequestInit & { key?: string } = {}) => {
    const { key, headers, ...rest } = init;
    const given = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return fetch(`http://127.0.0.1:${port}${path}`, {
      ...rest,
      headers: { ...given, ...(headers as Record<string, string>) },
    });
  };
  return { rig, port, ask };
}

describe("a request", () => {
  it("is asked for its credential in one scheme alone", async () => {
    const { ask } = await open();
    expect((await ask("/v1/status", { key: ADMIN_KEY })).status).toBe(200);
    const wrong = [
      "Basic dXNlcjpwYXNz",
      `bearer`,
      `Bearer`,
      `Bearer  `,
      `Token ${ADMIN_KEY}`,
      ADMIN_KEY,
      `Bearer ${ADMIN_KEY} x`,
    ];
    for (const authorization of wrong) {
      const answer = await ask("/v1/status", { headers: { authorization } });
      expect([authorization, answer.status]).toEqual([authorization, 401]);
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="forebay", error="invalid_token"');
    }
    const none = await ask("/v1/status");
    expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="forebay"']);
    expect((await ask("/v1/status", { headers: { authorization: `bEaReR ${ADMIN_KEY}` } })).status).toBe(200);
    expect((await ask(`/v1/status?key=${ADMIN_KEY}`)).status).toBe(401);
  });

  it("is told which scope it lacks, by the names in its own path alone", async () => {
    const { ask } = await open();
    const answer = await ask(RECORD, { key: "t.acme/read:orders" });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ scope: "read:users" });
    expect(answer.headers.get("www-authenticate")).toContain(
      'error="insufficient_scope", scope="read:users"',
    );
    const odd = await ask(`/v1/collections/${encodeURIComponent('a"\r\nx: y')}/records/k`, {
      key: "t.acme/read:b",
    });
    expect([odd.status, odd.headers.get("x")]).toEqual([403, null]);
  });

  it("goes on as whom it was verified, the first time and when it is known", async () => {
    const { rig, ask } = await open();
    for (const tenant of ["acme", "rival", "acme"]) {
      await ask(RECORD, {
        method: "PATCH",
        key: `t.${tenant}/write:users`,
        body: JSON.stringify({ set: { name: "x" } }),
        headers: { "content-type": "application/json" },
      });
    }
    expect(rig.gateway.writes.map(({ tenant }) => tenant)).toEqual(["acme", "rival", "acme"]);
  });

  it("does not start a server that has a route which does not say who may use it", async () => {
    const { rig } = await open();
    expect(() => rig.server.app.route({ method: "GET", url: "/forgotten", handler: () => "all" })).toThrow();
  });
});

describe("an address that guesses", () => {
  const guess = async (trustedProxies: number) => {
    const { ask } = await open({ authentication: authentication(1), trustedProxies });
    let guesses = 0;
    return async (forwarded: string) =>
      (await ask("/v1/status", { key: `guess-${++guesses}`, headers: { "x-forwarded-for": forwarded } }))
        .status;
  };

  it("is the one that our own proxy has seen, whatever it says of itself", async () => {
    const from = await guess(1);
    for (let count = 0; count < 40; count += 1) await from(`10.9.9.${count}, 10.0.0.1`);
    expect(await from("10.0.0.2, 10.0.0.1")).toBe(429);
    expect(await from("10.0.0.1, 10.0.0.2")).toBe(401);
  });

  it("is the connection's where no proxy is ours", async () => {
    const from = await guess(0);
    for (let count = 0; count < 40; count += 1) await from(`10.0.0.${count}`);
    expect(await from("10.0.0.99")).toBe(429);
  });
});

describe("a tenant that sends too much", () => {
  it("is refused with when to come back, while others and probes are served", async () => {
    const rates = new RateLimits(
      { otherwise: { perSecond: 0.01, burst: 3 }, byTenant: new Map() },
      new SystemClock(),
    );
    const { ask } = await open({ rates });
    const status = async (key: string, path = "/v1/collections") => (await ask(path, { key })).status;
    const own = [];
    for (let request = 0; request < 5; request += 1) own.push(await status("t.acme/read:"));
    expect(own).toEqual([200, 200, 200, 429, 429]);
    const refused = await ask("/v1/collections", { key: "t.acme/read:" });
    expect([refused.status, Number(refused.headers.get("retry-after"))]).toEqual([429, 100]);
    expect(await refused.json()).toMatchObject({
      type: "urn:forebay:problem:rate-limited",
      reason: "tenant-rate",
    });
    expect(await status("t.rival/read:")).toBe(200);
    expect((await ask("/livez")).status).toBe(200);
    expect(await status(ADMIN_KEY, "/v1/status")).toBe(200);
  });
});

describe("a tenant that comes with credentials that nobody has seen", () => {
  it("is counted as itself: by its rate", async () => {
    const rules = { otherwise: { perSecond: 0.01, burst: 2 }, byTenant: new Map() };
    const { ask } = await open({ rates: new RateLimits(rules, new SystemClock()) });
    const fresh = async (number: number) =>
      (await ask("/v1/collections", { key: `t.acme/read:users${number}` })).status;
    expect([await fresh(1), await fresh(2), await fresh(3)]).toEqual([200, 200, 429]);
    expect((await ask("/v1/collections", { key: "t.rival/read:" })).status).toBe(200);
  });
});

describe("pages of other sites", () => {
  const origin = "https://app.example";
  const preflight = { origin, "access-control-request-method": "PATCH" };

  it("get nothing unless they are named", async () => {
    const { ask } = await open();
    const answer = await ask("/v1/status", { key: ADMIN_KEY, headers: { origin } });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect((await ask("/v1/status", { method: "OPTIONS", headers: preflight })).status).toBe(405);
  });

  it("that are named see answers, and why they are refused", async () => {
    const { ask } = await open({ corsOrigins: [origin] });
    const asked = await ask(RECORD, { method: "OPTIONS", headers: preflight });
    expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, origin]);
    expect(asked.headers.get("access-control-allow-headers")).toContain("idempotency-key");
    expect(asked.headers.get("access-control-allow-credentials")).toBeNull();
    const refused = await ask("/v1/status", { headers: { origin } });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, origin]);
    expect(refused.headers.get("access-control-expose-headers")).toContain("retry-after");
    expect(refused.headers.get("access-control-expose-headers")).toContain("forebay-changes-retention");
    const foreign = await ask("/v1/status", {
      key: ADMIN_KEY,
      headers: { origin: "https://app.example.evil" },
    });
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("are told by their exact origin", () => {
    const others = [
      "http://app.example",
      "https://APP.example",
      "https://app.example:8443",
      "null",
      "https://x.app.example",
      "",
    ];
    for (const other of others)
      expect([other, corsAnswer([origin], "GET", { origin: other })]).toEqual([other, undefined]);
    expect(corsAnswer(["*"], "GET", { origin: "null" })).toMatchObject({ isPreflight: false });
  });
});

describe("a slow client", () => {
  /** Sends the text and then nothing. @returns what came back until the server ended it. */
  function dawdle(port: number, text: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(text));
      let received = "";
      socket.on("data", (chunk) => (received += chunk.toString()));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(received));
    });
  }

  it("loses its connection with its headers, or its body, half sent", { timeout: 30_000 }, async () => {
    const { port } = await open();
    const head = `PATCH ${RECORD} HTTP/1.1\r\nHost: x\r\n`;
    const body = `Authorization: Bearer ${ADMIN_KEY}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"set":`;
    const [headers, half] = await Promise.all([dawdle(port, head), dawdle(port, head + body)]);
    expect(headers).toMatch(/^HTTP\/1\.1 408 /);
    expect(half).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });
});
