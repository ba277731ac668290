/** Who may do what, on real regions: every route with every kind of credential, and what tenants see of each other (I14). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authorization } from "../../infra/local/authorization.ts";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { eventually, startGuardedBed, type Bed } from "./cluster/bed.ts";
import { Issuer } from "./cluster/issuer.ts";
import { makeOfEachKind, type Sent } from "./cluster/marked.ts";
import { ROUTES, type Need, type WalkedRoute } from "./cluster/routes.ts";

type ScopedNeed = Exclude<Need, "open" | "upgrade">;

const folder = makeTemporaryFolder("access-keys");
const MARK = "only-acme-may-see-this";
const ALL = "read: write: admin:";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly code: string | undefined;
}

let bed: Bed;
let issuer: Issuer;
/** Tokens by what they are good for. */
let acme: string;
let rival: string;

beforeAll(async () => {
  issuer = await Issuer.make();
  bed = await startGuardedBed("access", 1, {
    ...issuer.environment(folder.path),
    FOREBAY_WRONG_CREDENTIALS_PER_SECOND: "10000",
    FOREBAY_VERIFY_EVERY_SECONDS: "0",
  });
  acme = await issuer.token({ tenant: "acme", scope: ALL });
  rival = await issuer.token({ tenant: "rival", scope: ALL });
  const { path, body } = ROUTES["put /v1/collections/{collection}"]!;
  expect(await ask(acme, { method: "PUT", path, body })).toMatchObject({ status: 200 });
  const write = { set: { name: MARK }, give: { stock: 5 } };
  const record = "/v1/collections/secrets/records/marked";
  expect(await ask(acme, { method: "PATCH", path: record, body: write })).toMatchObject({ status: 202 });
});

afterAll(async () => {
  await bed.stop();
  folder.remove();
});

async function ask(key: string | undefined, sent: Sent, region = "eu"): Promise<Answer> {
  const { method, path, body, headers } = sent;
  const response = await fetch(`${bed.cluster.region(region).url}${path}`, {
    method,
    headers: {
      ...authorization(key),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const code = /"type":"urn:forebay:problem:([a-z-]+)"/.exec(text)?.[1];
  return { status: response.status, headers: response.headers, text, code };
}

function walk(key: string | undefined, name: string, at?: string): Promise<Answer> {
  const { path, body, mediaType } = ROUTES[name]!;
  const headers = mediaType === undefined ? {} : { "content-type": mediaType };
  return ask(key, { method: name.split(" ", 1)[0]!.toUpperCase(), path: at ?? path, body, headers });
}

function keyIn({ text }: Answer): { id: string; key: string } {
  return JSON.parse(text) as { id: string; key: string };
}

async function forEachRoute(
  isMeant: (need: Need) => boolean,
  look: (name: string, route: WalkedRoute) => Promise<unknown>,
): Promise<void> {
  const wrong: unknown[] = [];
  for (const [name, route] of Object.entries(ROUTES)) {
    if (!isMeant(route.need)) continue;
    const problem = await look(name, route);
    if (problem !== undefined) wrong.push([name, problem]);
  }
  expect(wrong).toEqual([]);
}

const isGuarded = (need: Need) => need !== "open" && need !== "upgrade";

describe("the walk over all routes", () => {
  it("leaves none out", async () => {
    const document = JSON.parse((await ask(undefined, { method: "GET", path: "/openapi.json" })).text) as {
      paths: Record<string, Record<string, { security: { credential: string[] }[] }>>;
    };
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(routes.sort()).toEqual(Object.keys(ROUTES).sort());
  });

  it("finds the open ones open", async () => {
    await forEachRoute(
      (need) => need === "open",
      async (name) => {
        const { status } = await walk(undefined, name);
        return status === 200 ? undefined : status;
      },
    );
  });

  it("lets nobody in without a credential, or with a wrong one", async () => {
    const other = await Issuer.make();
    const wrong = {
      none: undefined,
      garbage: "garbage",
      "a key that was never made": `fb_0123456789abcdef_${"x".repeat(43)}`,
      "another signer's token": await other.token({ tenant: "acme", scope: `${ALL} cluster` }),
      "an expired token": await issuer.token({ tenant: "acme", scope: `${ALL} cluster`, exp: 1_000_000_000 }),
    };
    for (const [what, key] of Object.entries(wrong)) {
      await forEachRoute(isGuarded, async (name) => {
        const { status, code, headers } = await walk(key, name);
        const isRefused = status === 401 && code === "unauthenticated" && headers.has("www-authenticate");
        return isRefused ? undefined : [what, status, code];
      });
    }
  });

  it("wants the one scope that a route needs, and says which", async () => {
    const scopes: Readonly<Record<ScopedNeed, readonly string[]>> = {
      any: ["metrics"],
      read: ["write:", "admin:", "cluster", "metrics", "read:secretsx", "read:s-"],
      write: ["read:", "admin:", "cluster", "metrics"],
      admin: ["read:", "write:", "cluster", "metrics", "admin:t"],
      keys: ["read:", "write:", "metrics", "admin:secrets"],
      cluster: ["read:", "write:", "admin:", "metrics"],
    };
    for (const need of ["any", "read", "write", "admin", "keys", "cluster"] as const) {
      const lacking = await issuer.token({ tenant: "acme", scope: scopes[need].join(" ") });
      await forEachRoute(
        (one) => one === need,
        async (name) => {
          const { status, code, text } = await walk(lacking, name);
          const isTold = status === 403 && code === "forbidden" && text.includes('"scope":"');
          return isTold && !text.includes(MARK) ? undefined : [status, text];
        },
      );
    }
  });

  it("shows a foreign tenant nothing, whatever its scopes", async () => {
    await forEachRoute(isGuarded, async (name, { need }) => {
      const { status, text } = await walk(rival, name);
      if (need === "cluster") return status === 403 ? undefined : status;
      return text.includes(MARK) || status >= 500 ? [status, text] : undefined;
    });
  });

  it("tells a foreign tenant of what there is no more than of what there is not, and lets it change nothing", async () => {
    const own = await makeOfEachKind((sent, region) => ask(acme, sent, region), MARK);
    // What names the mark in its own path may be told that back.
    const asked = (text: string) => text.replaceAll(MARK, "").replaceAll(/[0-9a-f-]{36}|\d+-\d+-\d+/g, "");
    for (const [name, path] of Object.entries(own)) {
      const { status, text } = await walk(rival, name, path);
      expect([name, status < 500, text.includes(`"${MARK}"`) && !path.includes(MARK)]).toEqual([
        name,
        true,
        false,
      ]);
      const isAnswered = name.startsWith("get") && status === 200;
      if (isAnswered) expect([name, asked(text)]).toEqual([name, expect.not.stringContaining("secrets")]);
      else expect([name, [404, 409].includes(status)]).toEqual([name, true]);
    }
    for (const [name, path] of Object.entries(own)) {
      if (!name.startsWith("get")) continue;
      expect([name, (await walk(acme, name, path)).status]).toEqual([name, 200]);
    }
    const keys = (await ask(acme, { method: "GET", path: "/v1/api-keys?limit=1000" })).text;
    expect(keys).toContain(MARK);
    const lease = (await ask(acme, { method: "GET", path: `/v1/leases/${MARK}` })).text;
    expect(lease).toContain(`"holder":"${MARK}"`);
  });

  it("lets in who has the scope", async () => {
    const scopes: Readonly<Record<ScopedNeed, string>> = {
      any: "write:nothing",
      read: "read:sec",
      write: "write:secrets",
      admin: "admin:s",
      keys: "admin:",
      cluster: "cluster",
    };
    await forEachRoute(isGuarded, async (name, { need }) => {
      const token = await issuer.token({ tenant: "acme", scope: scopes[need as ScopedNeed] });
      const { status, code } = await walk(token, name);
      return status === 401 || status === 403 || status >= 500 ? [status, code] : undefined;
    });
  });
});

describe("tenants", () => {
  const record = "/v1/collections/secrets/records/marked";

  it("don't see each other's collections, records, conflicts or operations", async () => {
    const stranger = await issuer.token({ tenant: "stranger", scope: ALL });
    const get = (path: string) => ask(stranger, { method: "GET", path });
    const own = await ask(acme, { method: "PATCH", path: record, body: { set: { name: MARK } } });
    const { operation } = JSON.parse(own.text) as { operation: string };
    expect(await get("/v1/collections")).toMatchObject({ status: 200, text: '{"collections":[]}' });
    expect(await get(record)).toMatchObject({ status: 404 });
    expect(await get("/v1/conflicts")).toMatchObject({ status: 200, text: '{"conflicts":[]}' });
    expect(await get(`/v1/operations/${operation}`)).toMatchObject({ status: 404 });
    expect(await ask(acme, { method: "GET", path: `/v1/operations/${operation}` })).toMatchObject({
      status: 200,
    });
    // Of what there is and what there is not they are told the same.
    const unknown = (text: string) => text.replaceAll("secrets", "nothing").replaceAll("marked", "none");
    const there = await get(record);
    const nowhere = await get("/v1/collections/nothing/records/none");
    expect([there.status, unknown(there.text)]).toEqual([nowhere.status, nowhere.text]);
  });

  it("may use the same Idempotency-Key, collection and lease without knowing", async () => {
    const { path, body } = ROUTES["put /v1/collections/{collection}"]!;
    expect(await ask(rival, { method: "PUT", path, body })).toMatchObject({ status: 200 });
    const headers = { "idempotency-key": "the same" };
    const write = (key: string, name: string) =>
      ask(key, { method: "PATCH", path: `${record}-2`, body: { set: { name } }, headers });
    const [one, other] = [await write(acme, "acme's"), await write(rival, "rival's")];
    expect([one.status, other.status]).toEqual([202, 202]);
    const idOf = ({ text }: Answer) => (JSON.parse(text) as { operation: string }).operation;
    expect(idOf(one)).not.toBe(idOf(other));
    const read = async (key: string) => (await ask(key, { method: "GET", path: `${record}-2` })).text;
    expect([await read(acme), await read(rival)]).toEqual([
      expect.stringContaining("acme's"),
      expect.stringContaining("rival's"),
    ]);
    const lease = {
      method: "POST",
      path: "/v1/leases/both",
      body: { holder: "a", ttl_ms: 60_000 },
    };
    expect([(await ask(acme, lease)).status, (await ask(rival, lease)).status]).toEqual([200, 200]);
  });

  it("can't reach what is kept in collections of the cluster's own", async () => {
    for (const name of ["$leases", "$claims", "%24leases", "$api-keys"]) {
      const list = await ask(acme, { method: "GET", path: `/v1/collections/${name}/records` });
      expect([name, list.status]).toEqual([name, 404]);
    }
    const write = { collection: "$leases", key: "both", set: { lease: 1 } };
    const answer = await ask(acme, { method: "POST", path: "/v1/transactions", body: { writes: [write] } });
    expect(answer.status).toBe(404);
    for (const tenant of ["$forebay", "a\nb", "", 7]) {
      const token = await issuer.token({ tenant, scope: ALL });
      expect(await ask(token, { method: "GET", path: "/v1/collections" })).toMatchObject({ status: 401 });
    }
  });

  it("write in transactions only what their scopes name, all or nothing", async () => {
    const token = await issuer.token({ tenant: "acme", scope: "write:secrets" });
    const writes = [
      { collection: "secrets", key: "a{t}", set: { name: "one" } },
      { collection: "public", key: "b{t}", set: { name: "two" } },
    ];
    const answer = await ask(token, { method: "POST", path: "/v1/transactions", body: { writes } });
    expect(answer).toMatchObject({ status: 403, code: "forbidden" });
    expect(answer.text).toContain('"scope":"write:public"');
  });
});

describe("API keys", () => {
  const make = (key: string, body: object) => ask(key, { method: "POST", path: "/v1/api-keys", body });

  it("are made in one region, taken in all, and revoked in all", async () => {
    const made = await make(acme, { name: "shop", scopes: ["read:sec"] });
    expect(made.status).toBe(201);
    const { id, key } = keyIn(made);
    const read = { method: "GET", path: "/v1/collections/secrets/records/marked" };
    for (const region of ["eu", "us", "ap"]) {
      await eventually(`${region} takes the key`, async () =>
        (await ask(key, read, region)).status === 200 ? true : undefined,
      );
      expect(await ask(key, { method: "GET", path: "/v1/status" }, region)).toMatchObject({ status: 403 });
    }
    const listed = await ask(acme, { method: "GET", path: "/v1/api-keys" });
    expect(listed.text).toContain(id);
    expect(listed.text).not.toContain(key.slice(-43));
    expect((await ask(rival, { method: "GET", path: "/v1/api-keys" })).text).not.toContain(id);
    const revoke = { method: "DELETE", path: `/v1/api-keys/${id}` };
    expect(await ask(rival, revoke)).toMatchObject({ status: 404, code: "api-key-not-found" });
    expect(await ask(acme, revoke, "us")).toMatchObject({ status: 204 });
    for (const region of ["eu", "us", "ap"]) {
      await eventually(`${region} refuses the key`, async () =>
        (await ask(key, read, region)).status === 401 ? true : undefined,
      );
    }
  });

  it("give no more than whoever makes them may give", async () => {
    const wishes = [{ scopes: ["cluster"] }, { scopes: ["metrics"] }, { scopes: ["read:"], tenant: "rival" }];
    for (const wish of wishes) {
      expect(await make(acme, { name: "too much", ...wish })).toMatchObject({
        status: 403,
        code: "forbidden",
      });
    }
    const narrow = await issuer.token({ tenant: "acme", scope: "admin:secrets" });
    expect(await make(narrow, { name: "narrow", scopes: ["read:secrets"] })).toMatchObject({ status: 403 });
    for (const scopes of [["read"], ["all"], [], ["read:$x"]]) {
      expect(await make(acme, { name: "wrong", scopes })).toMatchObject({ status: 400 });
    }
    const metrics = await make(bed.cluster.key!, { name: "prometheus", scopes: ["metrics"], tenant: "ops" });
    expect(metrics.status).toBe(201);
  });

  it("are refused once they have expired, and where one letter differs", async () => {
    const made = keyIn(
      await make(acme, { name: "soon", scopes: ["read:"], expires_at_ms: Date.now() + 500 }),
    );
    const read = { method: "GET", path: "/v1/collections" };
    await eventually("it has expired", async () =>
      (await ask(made.key, read)).status === 401 ? true : undefined,
    );
    const { key } = keyIn(await make(acme, { name: "exact", scopes: ["read:"] }));
    expect(await ask(key, read)).toMatchObject({ status: 200 });
    const turned = key.at(-2) === "a" ? "b" : "a";
    for (const other of [
      `${key.slice(0, -2)}${turned}${key.at(-1)}`,
      key.slice(0, -1),
      `${key}x`,
      key.toUpperCase(),
      key.replace("fb_", "fb__"),
    ]) {
      expect([other, (await ask(other, read)).status]).toEqual([other, 401]);
    }
  });
});

describe("WebSockets", () => {
  const URL_PATH = "/v1/cluster/live";

  /** How the opening ends: 101 once it is open, else the status. */
  async function open(headers: Record<string, string>, protocols: string[] = [], path = URL_PATH) {
    const { WebSocket } = await import("ws");
    const url = bed.cluster.region("eu").url.replace("http", "ws");
    const socket = new WebSocket(`${url}${path}`, protocols, { headers });
    return new Promise<{ status: number | undefined; protocol: string; socket: typeof socket }>(
      (resolve, reject) => {
        socket.on("open", () => resolve({ status: 101, protocol: socket.protocol, socket }));
        socket.on("unexpected-response", (request, { statusCode }) => {
          request.destroy();
          resolve({ status: statusCode, protocol: "", socket });
        });
        socket.on("error", (error) => reject(error));
      },
    );
  }

  it("are opened with the scope alone, by header or by subprotocol", async () => {
    const { key } = bed.cluster;
    const read = await issuer.token({ tenant: "acme", scope: ALL });
    expect((await open({})).status).toBe(401);
    expect((await open({ authorization: "Bearer wrong" })).status).toBe(401);
    expect((await open({ authorization: `Bearer ${read}` })).status).toBe(403);
    expect((await open({}, ["forebay.v1", "forebay.bearer.wrong"])).status).toBe(401);
    const byHeader = await open({ authorization: `Bearer ${key}` });
    const bySubprotocol = await open({}, ["forebay.v1", `forebay.bearer.${key}`]);
    expect([byHeader.status, bySubprotocol.status, bySubprotocol.protocol]).toEqual([101, 101, "forebay.v1"]);
    for (const { socket } of [byHeader, bySubprotocol]) socket.terminate();
    const foreign = { authorization: `Bearer ${key}`, origin: "https://evil.example" };
    expect((await open(foreign)).status).toBe(403);
  });

  it("of subscriptions are opened by who may read something alone", async () => {
    const path = "/v1/subscribe";
    const status = async (headers: Record<string, string>) => {
      const opened = await open(headers, [], path);
      opened.socket.terminate();
      return opened.status;
    };
    const bearer = async (scope: string) => ({
      authorization: `Bearer ${await issuer.token({ tenant: "acme", scope })}`,
    });
    expect(await status({})).toBe(401);
    expect(await status({ authorization: "Bearer wrong" })).toBe(401);
    for (const scope of ["write:", "admin:", "cluster", "metrics"])
      expect([scope, await status(await bearer(scope))]).toEqual([scope, 403]);
    expect(await status(await bearer("read:secrets"))).toBe(101);
  });

  it("are closed when the credential expires", async () => {
    const body = { name: "short", scopes: ["cluster"], expires_at_ms: Date.now() + 1_500 };
    const made = await ask(bed.cluster.key, { method: "POST", path: "/v1/api-keys", body });
    expect(made.status).toBe(201);
    const { key } = JSON.parse(made.text) as { key: string };
    const { socket, status } = await open({ authorization: `Bearer ${key}` });
    expect(status).toBe(101);
    const code = await new Promise((resolve) => socket.on("close", resolve));
    expect(code).toBe(4_401);
  });
});

describe("API keys and the log", () => {
  it("are taken while the log is away, and so is the audit's word on who made them", async () => {
    const { id, key } = keyIn(
      await ask(bed.cluster.key, {
        method: "POST",
        path: "/v1/api-keys",
        body: { name: "night shift", scopes: ["cluster", "read:"], tenant: "acme" },
        headers: { "forebay-actor": "grace@desk" },
      }),
    );
    const audit = await ask(key, { method: "GET", path: "/v1/audit?action=key-create" });
    expect(audit.status).toBe(200);
    expect(audit.text).toContain('"actor":"admin key for grace@desk"');
    expect(audit.text).toContain(id);
    await Promise.all(["us", "ap"].map((region) => bed.cluster.killNats(region)));
    try {
      await bed.cluster.restartRegion("eu");
      const read = { method: "GET", path: "/v1/collections/secrets/records/marked" };
      expect(await ask(key, read)).toMatchObject({ status: 200 });
    } finally {
      await Promise.all(["us", "ap"].map((region) => bed.cluster.startNats(region)));
    }
  });
});
