/** Every problem code is produced by some request, and looks as it should. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RefusedWriteError } from "../../../services/core/accept/refused-write.ts";
import { GatewayError, type GatewayErrorCode } from "../../../services/gateway/errors.ts";
import { ReconciliationError } from "../../../services/ports/reconciliation.ts";
import { StoreUnavailableError } from "../../../services/ports/region-store.ts";
import { encodeSession } from "../../../services/protocol/session-token.ts";
import {
  PROBLEM_CODES,
  problemDefinition,
  type ProblemCode,
} from "../../../services/protocol/http/problems.ts";
import { askAtDoor } from "./crowded.ts";
import { GATEWAY_REFUSALS } from "./gateway-refusals.ts";
import { ACQUIRE, INVALID_LEASES, INVALID_RECLAIMS } from "./invalid-bodies.ts";
import { codeOf, exchange, get, patch, RECORD, send, type Answer } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION } from "./stub-gateway.ts";

let rig: Rig;
let rigOfChaos: Rig;
let port: number;

beforeAll(async () => {
  rig = await buildRig();
  const nothing = async () => ({ status: 200, text: "{}" });
  rigOfChaos = await buildRig({ chaos: { faults: nothing, perform: nothing } });
  port = await rig.server.listen({ host: "127.0.0.1", port: 0 });
});

afterAll(() => rig.server.close(100));

async function failing(failure: unknown): Promise<Answer> {
  rig.gateway.failure = failure;
  return patch(rig).finally(() => (rig.gateway.failure = undefined));
}

function refusing(code: GatewayErrorCode, options = {}): () => Promise<Answer> {
  return () => failing(new GatewayError(code, "the reason", options));
}

const raw = (text: string) => exchange(port, text);

/** The timeout itself is node's; here it is only claimed. */
async function timedOut(): Promise<Answer> {
  rig.server.app.server.once("connection", (socket) => {
    const error = Object.assign(new Error("timeout"), { code: "ERR_HTTP_REQUEST_TIMEOUT" });
    rig.server.app.server.emit("clientError", error, socket);
  });
  return raw("");
}

const put = (body: unknown, name = "orders", headers = {}) =>
  send(rig, "PUT", { url: `/v1/collections/${name}`, body, headers });
const transact = (writes: readonly object[]) =>
  send(rig, "POST", { url: "/v1/transactions", body: { writes } });

const LEASE = "/v1/leases/job-7";
const ADA = { collection: "users", key: "ada", inc: { credit: 1 } };
const TRANSACTION = { writes: [ADA] };
const LIST = "/v1/collections/users/records";
const RECLAIM = `${RECORD}/reclaim`;

function reclaim(body: unknown, url = RECLAIM): Promise<Answer> {
  return send(rig, "POST", { url, body });
}

const FIELDS = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f${index}`, 1]));

type Cases = { readonly [Code in ProblemCode]: readonly (() => Promise<Answer>)[] };

type Refusals = { readonly [Code in keyof typeof GATEWAY_REFUSALS]: readonly (() => Promise<Answer>)[] };

const CASES: Cases = {
  ...(Object.fromEntries(
    Object.entries(GATEWAY_REFUSALS).map(([code, details]) => [
      code,
      [refusing(code as GatewayErrorCode, details)],
    ]),
  ) as unknown as Refusals),
  "malformed-request": [
    () => raw("GARBAGE\r\n\r\n"),
    () => raw(`PATCH ${RECORD} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`),
  ],
  "malformed-url": [
    () => get(rig, "/v1/collections/users/records/%"),
    () => get(rig, "/v1/collections/users/records/%ff"),
    () => get(rig, "/v1/collections/users/records/%c3%28"),
  ],
  "malformed-json": [
    () => patch(rig, { text: "{" }),
    () => patch(rig, { text: "" }),
    () => patch(rig, { text: '\uFEFF{"set":{"name":"x"}}' }),
    () => patch(rig, { text: Buffer.from([0x22, 0xff, 0x22]) }),
    () => patch(rig, { text: '{"set":{"name":"x"}} trailing' }),
    () => rig.server.app.inject({ method: "PATCH", url: RECORD }),
  ],
  "malformed-body": [
    () => patch(rig, { text: "[]" }),
    () => patch(rig, { text: "null" }),
    () => patch(rig, { text: '"text"' }),
    () => patch(rig, { text: '{"__proto__":{"set":1}}' }),
    () => patch(rig, { text: '{"set":{"anything":{"deep":[{"\\u005f_proto__":1}]}}}' }),
    () => patch(rig, { body: { set: [] } }),
    () => put([]),
    () => send(rig, "DELETE", { url: RECORD, body: { if: { version: "1" } } }),
    () => send(rig, "POST", { url: `${RECORD}/restore`, body: [] }),
    () => send(rig, "POST", { url: "/v1/transactions", body: [] }),
    () => transact([{ ...ADA, delete: true }]),
    ...INVALID_RECLAIMS.map((body) => () => reclaim(body)),
  ],
  "unsupported-media-type": [
    () => patch(rig, { headers: { "content-type": "text/plain" } }),
    () => patch(rig, { headers: { "content-type": "application/jsonp" } }),
    () => patch(rig, { headers: { "content-encoding": "gzip" } }),
  ],
  "body-too-large": [() => patch(rig, { body: { set: { name: "x".repeat(70_000) } } })],
  "headers-too-large": [
    () => raw(`GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(40_000)}\r\n\r\n`),
    () => raw(`GET /${"x".repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`),
  ],
  "request-timeout": [timedOut],
  "route-not-found": [
    () => get(rig, "/"),
    () => get(rig, "/v2/status"),
    () => get(rig, "/v1/collections/users/records/a/b"),
    () => rig.server.app.inject({ method: "POST", url: "/nothing", payload: "text" }),
  ],
  "too-many-api-keys": [() => failing(new GatewayError("too-many-api-keys", "the tenant has 1,000", {}))],
  "api-key-not-found": [() => send(rig, "DELETE", { url: "/v1/api-keys/0123456789abcdef" })],
  "upgrade-required": [() => get(rig, "/v1/cluster/live")],
  "not-local": [() => get(rigOfChaos, "/v1/chaos", { host: "evil.example:8080" })],
  "method-not-allowed": [
    () => send(rig, "POST", { url: RECORD }),
    () => get(rig, `${RECORD}/restore`),
    () => get(rig, "/v1/transactions"),
    () => send(rig, "PUT", { url: LEASE }),
    () => get(rig, RECLAIM),
    () => send(rig, "POST", { url: `${RECORD}/escrows` }),
    () => rig.server.app.inject({ method: "POST", url: "/v1/collections?x=1", payload: "text" }),
    () => rig.server.app.inject({ method: "OPTIONS", url: "/openapi.json" }),
  ],
  "invalid-key": [
    () => get(rig, `${LIST}/${"k".repeat(513)}`),
    () => get(rig, `${LIST}/${"k".repeat(3_000)}`),
    () => get(rig, `${LIST}/a%00b`),
    () => get(rig, `${LIST}/a%0Ab`),
    () => get(rig, `${LIST}/`),
    () => send(rig, "DELETE", { url: `${LIST}/a%00b` }),
    () => send(rig, "POST", { url: `${LIST}/a%00b/restore` }),
    () => get(rig, `${LIST}/a%00b/escrows`),
    () => reclaim({ region: "ap" }, `${LIST}/a%00b/reclaim`),
    () => get(rig, "/v1/conflicts?collection=users&key=a%00b"),
    () => get(rig, `/v1/leases/${"n".repeat(513)}`),
    () => send(rig, "POST", { url: "/v1/leases/a%0Ab", body: ACQUIRE }),
    () => send(rig, "DELETE", { url: "/v1/leases/?token=1" }),
  ],
  "invalid-name": [() => put({ fields: { a: { class: "lww" } } }, "Orders!")],
  "invalid-parameter": [
    () => get(rig, `${LIST}?limit=0`),
    () => get(rig, `${LIST}?limit=1001`),
    () => get(rig, `${LIST}?where=age`),
    () => get(rig, `${LIST}?order=-`),
    () => get(rig, `${LIST}?where=age:eq:1&prefix=a`),
    () => get(rig, `${LIST}?limit=ten`),
    () => get(rig, `${LIST}?prefix=%00`),
    () => get(rig, `${RECORD}?consistancy=session`),
    () => get(rig, `${RECORD}?consistency=local&consistency=session`),
    () => get(rig, `${RECORD}?consistency=strong`),
    () => get(rig, `${RECORD}?consistency=`),
    () => get(rig, `${RECORD}?max_staleness_ms=5`),
    () => get(rig, `${RECORD}?consistency=linearizable&max_staleness_ms=5`),
    ...[
      "",
      "&max_staleness_ms=",
      "&max_staleness_ms=86400001",
      "&max_staleness_ms=-1",
      "&max_staleness_ms=1.5",
    ].map((staleness) => () => get(rig, `${LIST}?consistency=bounded${staleness}`)),
    () => get(rig, `/v1/operations/${OPERATION}?expires_at_ms=soon`),
    () => get(rig, `/v1/operations/${OPERATION}?expires_at_ms=9999999999999999`),
    () => send(rig, "DELETE", { url: `${RECORD}?fence_lease=a` }),
    () => send(rig, "DELETE", { url: `${LEASE}?token=1&token=2` }),
    () => get(rig, "/v1/operations/not-a-uuid"),
    ...["collection=Users", "field=%00", "region=eu@log", "reason=bad", "key=ada", "limit=0", "since=1"].map(
      (query) => () => get(rig, `/v1/conflicts?${query}`),
    ),
    () => patch(rig, { url: `${RECORD}?a=b` }),
    () => get(rig, `${RECORD}/escrows?consistency=linearizable`),
    () => reclaim({ region: "ap" }, `${RECLAIM}?region=ap`),
  ],
  "invalid-cursor": [
    () => get(rig, `${LIST}?cursor=x`),
    () => get(rig, `${LIST}?cursor=c1.`),
    () => get(rig, `${LIST}?where=age:eq:1&cursor=c1.YQ`),
    () => get(rig, `${LIST}?where=age:eq:1&cursor=f1.${Buffer.from('["x","y","z"]').toString("base64url")}`),
    () => get(rig, `${LIST}?prefix=b&cursor=c1.${Buffer.from("a").toString("base64url")}`),
    () => get(rig, `${LIST}?cursor=c1.${Buffer.from("a\0").toString("base64url")}`),
    ...["x", "c1.YQ", "1-2-3", "1-2-3-4-5", "01-2-3-4", "1-2-3-9999999999", "-1-2-3-4"].map(
      (place) => () => get(rig, `/v1/conflicts?cursor=x1.${Buffer.from(place).toString("base64url")}`),
    ),
    () => get(rig, "/v1/conflicts?cursor="),
  ],
  "invalid-session": [
    () => get(rig, RECORD, { "forebay-session": "x" }),
    () => get(rig, RECORD, { "forebay-session": encodeSession({ positions: {}, wal: {} }, "another") }),
    () => patch(rig, { headers: { "forebay-session": `s1.${"x".repeat(5_000)}.x` } }),
  ],
  "invalid-idempotency-key": [
    () => patch(rig, { headers: { "idempotency-key": "" } }),
    () => patch(rig, { headers: { "idempotency-key": "k".repeat(256) } }),
    () => patch(rig, { headers: { "idempotency-key": "schlüssel" } }),
  ],
  "invalid-deadline": ["49", "60001", "-1", "1e3", "x", ""].map(
    (value) => () => patch(rig, { headers: { "forebay-deadline-ms": value } }),
  ),
  "invalid-condition": [
    ...['"1", "2"', 'W/"1"', "1", '"*"', '"', '""', "", "*, *", '"a b"'].map(
      (tag) => () => patch(rig, { headers: { "if-match": tag } }),
    ),
    () => patch(rig, { headers: { "if-none-match": '"1"' } }),
    () => patch(rig, { headers: { "if-match": "*", "if-none-match": "*" } }),
    () => patch(rig, { headers: { "if-unmodified-since": "Sat, 29 Oct 1994 19:43:31 GMT" } }),
    () => patch(rig, { headers: { "if-match": '"x"' }, body: { inc: { credit: 1 } } }),
    () => patch(rig, { headers: { "if-match": '"1"' }, body: { inc: { credit: 1 }, if: { version: "1" } } }),
    () => patch(rig, { body: { inc: { credit: 1 }, if: {} } }),
    () => patch(rig, { body: { inc: { credit: 1 }, fence: { lease: "a" } } }),
    () => send(rig, "DELETE", { url: RECORD, headers: { "if-none-match": "*" } }),
    () => send(rig, "POST", { url: `${RECORD}/restore`, headers: { "if-match": 'W/"1"' } }),
    () => send(rig, "POST", { url: "/v1/transactions", body: TRANSACTION, headers: { "if-match": "*" } }),
    () => send(rig, "POST", { url: LEASE, body: ACQUIRE, headers: { "if-none-match": "*" } }),
    () => send(rig, "DELETE", { url: `${LEASE}?token=1`, headers: { "if-match": '"1"' } }),
    () => put({ fields: { a: { class: "lww" } } }, "orders", { "if-match": '"1"' }),
    () => send(rig, "POST", { url: RECLAIM, body: { region: "ap" }, headers: { "if-match": '"1"' } }),
  ],
  "invalid-lease": [
    ...INVALID_LEASES.map((body) => () => send(rig, "POST", { url: LEASE, body })),
    ...["", "?token=", "?token=x", "?token=0", "?token=9999999999999999"].map(
      (query) => () => send(rig, "DELETE", { url: `${LEASE}${query}` }),
    ),
  ],
  "unknown-operator": [
    () => patch(rig, { body: { frobnicate: {} } }),
    () => patch(rig, { body: { move: { stock: { to: "us", amount: 1 } } } }),
  ],
  "empty-write": [() => patch(rig, { body: {} })],
  "too-many-changes": [
    // The schema of the test has few fields, so the gateway says it.
    () => failing(new RefusedWriteError("too-many-changes", "too many")),
  ],
  "too-many-writes": [
    () => transact(Array.from({ length: 101 }, (_, index) => ({ ...ADA, key: `k${index}` }))),
  ],
  "record-repeated": [() => transact([ADA, ADA])],
  "unknown-field": [
    () => patch(rig, { body: { set: { nothing: 1 } } }),
    () => patch(rig, { body: { set: { constructor: 1 } } }),
    () => patch(rig, { body: { set: FIELDS } }),
  ],
  "wrong-operator": [
    () => patch(rig, { body: { inc: { name: 1 } } }),
    () => patch(rig, { body: { inc: { stock: -1 } } }),
    () => patch(rig, { body: { take: { likes: 1 } } }),
  ],
  "wrong-type": [
    () => patch(rig, { body: { set: { name: 1 } } }),
    ...[0, -1, 1.5, "1", null].map((amount) => () => patch(rig, { body: { take: { stock: amount } } })),
  ],
  "not-indexed": [() => get(rig, `${LIST}?where=name:eq:Ada`), () => get(rig, `${LIST}?order=-name`)],
  "deprecated-field": [() => patch(rig, { body: { set: { nickname: "Ada" } } })],
  "unstorable-value": [
    () => patch(rig, { body: { set: { name: "a\0" } } }),
    () => patch(rig, { text: '{"set":{"anything":"\\ud800"}}' }),
    () => patch(rig, { text: '{"set":{"anything":1e999}}' }),
    () => patch(rig, { text: `{"set":{"anything":${"[".repeat(30_000)}${"]".repeat(30_000)}}}` }),
  ],
  "condition-on-local-write": [
    () => patch(rig, { headers: { "if-match": '"1"' } }),
    () => patch(rig, { headers: { "if-match": "*" } }),
    () => patch(rig, { headers: { "if-none-match": "*" } }),
    () => patch(rig, { body: { set: { name: "x" }, if: { version: "1" } } }),
  ],
  "take-is-local": [
    () => patch(rig, { body: { take: { stock: 1 }, authoritative: true } }),
    () => patch(rig, { body: { take: { stock: 1 }, inc: { credit: 1 } } }),
    () => transact([{ collection: "users", key: "ada", take: { stock: 1 } }]),
  ],
  "invalid-schema": [
    () => put({}),
    () => put({ fields: {} }),
    () => put({ fields: { a: { class: "strange" } } }),
    () => put({ fields: { a: { class: "merge", kind: "set", type: "string" } } }),
  ],
  "unknown-collection": [
    () => get(rig, "/v1/collections/nothing/records/a"),
    () => get(rig, "/v1/collections/a%00b/records/a"),
    () => get(rig, "/v1/collections/nothing/records/a/escrows"),
    () => reclaim({ region: "ap" }, "/v1/collections/nothing/records/a/reclaim"),
  ],
  "record-not-found": [() => get(rig, `${LIST}/nobody`), () => get(rig, `${LIST}/nobody/escrows`)],
  "record-deleted": [() => get(rig, `${LIST}/gone`)],
  "lease-not-found": [() => get(rig, "/v1/leases/nobody")],
  "conflict-not-found": ["0-12-2", "x", "0-12-1%00"].map(
    (id) => () => send(rig, "POST", { url: `/v1/conflicts/${id}/restore` }),
  ),
  "unknown-region": [() => send(rig, "POST", { url: "/v1/leader", body: { region: "mars" } })],
  "not-diverged": [() => failing(new ReconciliationError("not-diverged", "why"))],
  "verification-outdated": [() => failing(new ReconciliationError("outdated", "why"))],
  "verification-not-found": [() => get(rig, `/v1/verifications/${OPERATION}`)],
  "backup-not-found": [() => get(rig, `/v1/backups/${OPERATION}/pages?part=records`)],
  insufficient: [
    refusing("insufficient", {
      field: "stock",
      left: { field: "stock", here: 1, total: 8 },
      retryAfterMs: 1_000,
    }),
    refusing("insufficient", { field: "stock", left: { field: "stock", here: 1, total: 1 } }),
  ],
  "precondition-failed": [
    refusing("precondition-failed"),
    () => patch(rig, { headers: { "if-match": '"12.eu.3"' }, body: { inc: { credit: 1 } } }),
  ],
  "record-missing": [refusing("record-missing"), () => reclaim({ region: "ap" }, `${LIST}/nobody/reclaim`)],
  "region-alive": [() => reclaim({ region: "us" })],
  "operation-not-found": [() => get(rig, "/v1/operations/01990000-0000-7000-8000-00000000ffff")],
  overloaded: [
    refusing("overloaded", { retryAfterMs: 1 }),
    () => askAtDoor({ tenant: "default", waiting: 50 }),
    () => askAtDoor({ tenant: "another", working: 40 }),
  ],
  "memory-short": [() => askAtDoor({ tenant: "default", working: 16, memoryBytes: 1e9 })],
  "store-unavailable": [
    refusing("store-unavailable"),
    () => failing(new StoreUnavailableError("host 10.0.0.1 is gone", { outcome: "none" })),
  ],
  "outcome-unknown": [
    refusing("outcome-unknown", { operation: OPERATION, retryAfterMs: 1_000 }),
    refusing("outcome-unknown"),
    () => failing(new StoreUnavailableError("host 10.0.0.1 is gone", { outcome: "unknown" })),
  ],
  internal: [() => failing(new TypeError("secret details")), () => failing("not even an error")],
};

const cases = Object.entries(CASES).flatMap(([code, requests]) =>
  requests.map((request, index) => ({ code: code as ProblemCode, index, request })),
);

describe("problems", () => {
  it("has a case for every code", () => {
    expect(Object.keys(CASES).sort()).toEqual([...PROBLEM_CODES].sort());
    expect(cases.length).toBeGreaterThan(PROBLEM_CODES.length);
  });

  it.each(cases)("$code, case $index", async ({ code, request }) => {
    const answer = await request();
    const { status, title, retry } = problemDefinition(code);
    expect(answer.body).toContain("urn:forebay:problem:");
    expect(codeOf(answer)).toBe(code);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(JSON.parse(answer.body)).toMatchObject({
      status,
      title,
      retry,
      detail: expect.stringMatching(/\w/),
    });
  });

  it("say when to come back", async () => {
    const seconds = { "no-quorum": "5", overloaded: "1", "wal-full": "2", insufficient: "1" };
    for (const [code, after] of Object.entries(seconds))
      expect((await CASES[code as ProblemCode][0]!()).headers["retry-after"]).toBe(after);
    for (const request of [CASES["insufficient"][1]!, CASES["wrong-type"][0]!])
      expect((await request()).headers).not.toHaveProperty("retry-after");
  });

  it("name the operation whose outcome is unknown, and where to ask for it", async () => {
    const answer = await CASES["outcome-unknown"][0]!();
    expect(JSON.parse(answer.body)).toMatchObject({ operation: OPERATION });
    expect(answer.headers["location"]).toBe(`/v1/operations/${OPERATION}`);
  });

  it("name the field, the parameter or the header that is wrong", async () => {
    expect(JSON.parse((await CASES["wrong-type"][0]!()).body)).toMatchObject({ field: "name" });
    expect(JSON.parse((await CASES["take-is-local"][0]!()).body)).toMatchObject({ field: "stock" });
    expect(JSON.parse((await CASES["invalid-parameter"][0]!()).body)).toMatchObject({ field: "limit" });
    expect(JSON.parse((await CASES["invalid-deadline"][0]!()).body)).toMatchObject({
      field: "forebay-deadline-ms",
    });
  });

  it("list the methods that a resource has", async () => {
    const answers = await Promise.all(CASES["method-not-allowed"].map((ask) => ask()));
    expect(answers.map(({ headers }) => headers["allow"])).toEqual(
      ["DELETE, GET, HEAD, PATCH", "POST", "POST", "DELETE, GET, HEAD, POST", "POST", "GET, HEAD", "GET, HEAD", "GET, HEAD"], // prettier-ignore
    );
  });

  it("tell clients nothing of a bug, and the log all of it", async () => {
    rig.logged.length = 0;
    const answer = await CASES["internal"][0]!();
    expect(answer.body).not.toContain("secret details");
    expect(rig.logged).toMatchObject([{ stack: expect.stringContaining("secret details"), method: "PATCH" }]);
  });

  it("keep the connection's next request apart from a refused one", async () => {
    const refused = `PATCH ${RECORD} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{`;
    const next = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const answer = await raw(refused + next);
    expect(answer.statusCode).toBe(400);
    expect(answer.headers).not.toHaveProperty("connection", "close");
  });
});
