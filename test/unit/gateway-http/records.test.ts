import { beforeEach, describe, expect, it } from "vitest";
import { decodeSession, encodeSession } from "../../../services/protocol/session-token.ts";
import { get, patch, RECORD } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION, SECRET } from "./stub-gateway.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

describe("a write", () => {
  it("is answered 202 with its receipt and the session, in the body and as a header", async () => {
    const response = await patch(rig);
    expect(response.statusCode).toBe(202);
    const body = response.json();
    expect(body).toEqual({
      operation: OPERATION,
      status: "accepted",
      region: "eu",
      at: "0198f0c0a0b00001",
      session: response.headers["forebay-session"],
    });
    expect(decodeSession(body.session, SECRET)).toEqual({ positions: {}, wal: { eu: { "0": 7 } } });
  });

  it("hands the gateway what the headers ask for", async () => {
    const session = { positions: { "0": 3 }, wal: {} };
    await patch(rig, {
      headers: {
        "idempotency-key": "order 4711",
        "forebay-session": encodeSession(session, SECRET),
        "forebay-deadline-ms": "250",
        prefer: "respond-async, wait=committed",
      },
    });
    expect(rig.gateway.writes).toEqual([
      {
        tenant: "default",
        collection: "users",
        key: "ada",
        session,
        deadlineMs: 250,
        idempotencyKey: "order 4711",
        version: undefined,
        body: { set: { name: "Ada" } },
        waitCommitted: true,
        onOrdered: expect.any(Function) as () => void,
      },
    ]);
  });

  it("waits 15 s, and not for the log, when nothing is asked for", async () => {
    await patch(rig, { headers: { prefer: "wait=100" } });
    expect(rig.gateway.writes[0]).toMatchObject({
      deadlineMs: 15_000,
      waitCommitted: false,
      idempotencyKey: undefined,
      session: { positions: {}, wal: {} },
    });
  });

  it("is answered 200 once the log has ordered it", async () => {
    rig.gateway.answer = {
      status: "superseded",
      position: { partition: 2, sequence: 8 },
      lostFields: ["name"],
    };
    const response = await patch(rig, { headers: { prefer: "wait=committed" } });
    expect(response.statusCode).toBe(200);
    expect(response.headers["preference-applied"]).toBe("wait=committed");
    expect(response.json()).toMatchObject({
      status: "superseded",
      position: { partition: 2, sequence: 8 },
      lost_fields: ["name"],
    });
  });

  it("says when the answer is one to an earlier try", async () => {
    expect((await patch(rig)).headers).not.toHaveProperty("idempotency-replayed");
    rig.gateway.answer = { isReplayed: true };
    const response = await patch(rig);
    expect(response.headers["idempotency-replayed"]).toBe("true");
    expect(response.json()).toMatchObject({ status: "accepted", replayed: true });
  });

  it("takes any key that is percent-encoded", async () => {
    const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));
    const keys = [...ascii.filter((key) => key !== "."), "a/b/../c", "100%25", "%2F", "ключ", "😀", "a?b#c"];
    for (const key of keys) {
      const response = await patch(rig, { url: `/v1/collections/users/records/${encodeURIComponent(key)}` });
      expect(response.statusCode, key).toBe(202);
    }
    expect(rig.gateway.writes.map(({ key }) => key)).toEqual(keys);
  });
});

describe("a read", () => {
  it("is answered with the view and its version as ETag", async () => {
    const response = await get(rig, RECORD);
    expect(response.statusCode).toBe(200);
    expect(response.headers["etag"]).toBe('"12.eu.3"');
    expect(response.json()).toEqual({
      key: "ada",
      fields: { name: "Ada" },
      version: "12.eu.3",
      pending: 1,
      as_of: { partition: 0, sequence: 12 },
      session: response.headers["forebay-session"],
    });
  });

  it.each(['"12.eu.3"', 'W/"12.eu.3"', '"other", "12.eu.3"', "*"])(
    "is not repeated to a client that holds %s",
    async (held) => {
      const response = await get(rig, RECORD, { "if-none-match": held });
      expect(response.statusCode).toBe(304);
      expect(response.body).toBe("");
      expect(response.headers["etag"]).toBe('"12.eu.3"');
      expect(response.headers["forebay-session"]).toBeTypeOf("string");
    },
  );

  it("is repeated to a client that holds another version", async () => {
    expect((await get(rig, RECORD, { "if-none-match": '"11"' })).statusCode).toBe(200);
  });

  it.each([
    ["", "local", undefined],
    ["?consistency=local", "local", undefined],
    ["?consistency=session", "session", undefined],
    ["?consistency=linearizable", "linearizable", undefined],
    ["?consistency=bounded&max_staleness_ms=0", "bounded", 0],
    ["?max_staleness_ms=86400000&consistency=bounded", "bounded", 86_400_000],
  ])("with %s is made as it asks, and so is a listing", async (query, consistency, stalenessMsMax) => {
    expect((await get(rig, `${RECORD}${query}`)).statusCode).toBe(200);
    expect((await get(rig, `/v1/collections/users/records${query}`)).statusCode).toBe(200);
    expect(rig.gateway.reads).toMatchObject([{ consistency, stalenessMsMax }]);
    expect(rig.gateway.lists).toMatchObject([{ consistency, stalenessMsMax }]);
  });

  it("is there for HEAD too", async () => {
    const response = await rig.server.app.inject({ method: "HEAD", url: RECORD });
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe("");
    expect(response.headers["etag"]).toBe('"12.eu.3"');
  });
});

describe("a listing", () => {
  it("goes on where its cursor says", async () => {
    rig.gateway.views = [{ key: "a/ключ", fields: {}, version: "1", pending: 0 }];
    rig.gateway.next = "a/ключ";
    const url = "/v1/collections/users/records?prefix=a%2F&limit=1";
    const first = (await get(rig, url)).json();
    expect(first.records).toEqual(rig.gateway.views);
    rig.gateway.next = undefined;
    const second = (await get(rig, `${url}&cursor=${first.next_cursor}`)).json();
    expect(second).not.toHaveProperty("next_cursor");
    expect(rig.gateway.lists).toMatchObject([
      { prefix: "a/", limit: 1, after: undefined },
      { prefix: "a/", limit: 1, after: "a/ключ" },
    ]);
  });

  it("has 100 records a page when nothing is asked for", async () => {
    await get(rig, "/v1/collections/users/records");
    expect(rig.gateway.lists).toMatchObject([{ prefix: "", limit: 100, consistency: "local" }]);
  });
});

describe("the other resources", () => {
  it("show collections, receipts and status in the API's spelling", async () => {
    expect((await get(rig, "/v1/collections")).json().collections).toMatchObject([
      { name: "users", version: 1 },
    ]);
    expect((await get(rig, `/v1/operations/${OPERATION.toUpperCase()}`)).json()).toMatchObject({
      status: "superseded",
      lost_fields: ["name"],
    });
    const [partition] = (await get(rig, "/v1/status")).json().partitions;
    expect(partition).toMatchObject({
      last_position: 9,
      wal: { pending_rows: 1, oldest_pending_age_ms: 2 },
      breaker: { state: "open", reason: "slow", open_ms: 12, slow_after_ms: 1_000 },
      regions: [{ region: "us", applied_position: 8, lag_entries: 1 }],
    });
  });

  it("set a schema", async () => {
    const response = await rig.server.app.inject({
      method: "PUT",
      url: "/v1/collections/orders",
      payload: { fields: { total: { class: "merge", kind: "counter" } } },
    });
    expect(response.json()).toEqual({
      name: "orders",
      version: 1,
      schema: { fields: { total: { class: "merge", kind: "counter" } } },
    });
  });

  it("tell whether the process is alive and ready, and why it is not", async () => {
    expect((await get(rig, "/livez?now=1")).statusCode).toBe(200);
    expect((await get(rig, "/readyz")).json()).toEqual({ ready: true, reasons: [] });
    rig.reasons.push("the database does not answer");
    const response = await get(rig, "/readyz");
    expect(response.statusCode).toBe(503);
    expect(response.json()).toEqual({ ready: false, reasons: ["the database does not answer"] });
    expect((await get(rig, "/livez")).statusCode).toBe(200);
    expect((await get(rig, "/metrics")).body).toBe("forebay_test 1\n");
  });
});

describe("requests", () => {
  it("are measured by route, whatever their paths", async () => {
    await patch(rig);
    await get(rig, "/v1/collections/users/records/nobody");
    await get(rig, "/nothing/here");
    expect(rig.answered.map(({ route, method, status }) => `${method} ${route} ${status}`)).toEqual([
      "PATCH /v1/collections/:collection/records/:key 202",
      "GET /v1/collections/:collection/records/:key 404",
      "GET unknown 404",
    ]);
  });
});
