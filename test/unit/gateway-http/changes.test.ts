/** What the log decides on: writes with conditions, deletes, restores, transactions. */
import { beforeEach, describe, expect, it } from "vitest";
import { decodeSession, encodeSession } from "../../../services/protocol/session-token.ts";
import { patch, RECORD, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION, SECRET } from "./stub-gateway.ts";

const CREDIT = { inc: { credit: 5 } };

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

const SESSION = { positions: { "0": 3 }, wal: {} };
const HEADERS = {
  "idempotency-key": "order 4711",
  "forebay-session": encodeSession(SESSION, SECRET),
  "forebay-deadline-ms": "250",
};
const CONTEXT = { tenant: "default", session: SESSION, deadlineMs: 250, idempotencyKey: "order 4711" };

describe("a write that the log decides on", () => {
  it("is answered 200 with its place in the log and what the decision tells", async () => {
    rig.gateway.answer = { results: [{ fields: { credit: 12 } }] };
    const response = await patch(rig, { body: CREDIT });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      operation: OPERATION,
      status: "committed",
      region: "eu",
      at: "0198f0c0a0b00001",
      position: { partition: 0, sequence: 17 },
      session: response.headers["forebay-session"],
      result: { version: "17", fields: { credit: 12 } },
    });
    expect(decodeSession(response.json().session, SECRET)).toEqual({ positions: { "0": 17 }, wal: {} });
  });

  it.each([[undefined], [[null]]])("tells its version when the results are %j", async (results) => {
    rig.gateway.answer = results === undefined ? {} : { results };
    expect((await patch(rig, { body: CREDIT })).json().result).toEqual({ version: "17" });
  });

  it("tells no version when the region accepted it and only waited for the log", async () => {
    rig.gateway.answer = { status: "committed", position: { partition: 2, sequence: 8 } };
    const response = await patch(rig, { headers: { prefer: "wait=committed" } });
    expect(response.statusCode).toBe(200);
    expect(response.json()).not.toHaveProperty("result");
  });

  it("is said to be replayed with its result", async () => {
    rig.gateway.answer = { isReplayed: true };
    const response = await patch(rig, { body: CREDIT });
    expect(response.headers["idempotency-replayed"]).toBe("true");
    expect(response.json()).toMatchObject({ replayed: true, result: { version: "17" } });
  });

  it("hands its conditions on as they are", async () => {
    const fence = { lease: "job-7", token: "16" };
    const body = { ...CREDIT, if: { version: "17", fields: { name: null } }, fence };
    await patch(rig, { body });
    await patch(rig, { body: { set: { name: "Ada" }, if: { version: null }, authoritative: true } });
    expect(rig.gateway.writes).toMatchObject([{ body }, { body: { authoritative: true } }]);
    expect(rig.gateway.writes.map(({ version }) => version)).toEqual([undefined, undefined]);
  });

  it.each([
    ["if-match", '"17"', "17"],
    ["if-match", ' "0" ', "0"],
    ["if-match", "*", "*"],
    ["if-none-match", "*", null],
  ])("takes %s: %s as a condition", async (header, value, version) => {
    const response = await patch(rig, { body: CREDIT, headers: { [header]: value } });
    expect(response.statusCode).toBe(200);
    expect(rig.gateway.writes.map((write) => write.version)).toEqual([version]);
  });

  it("is refused as a receipt when another request had its Idempotency-Key elsewhere", async () => {
    rig.gateway.answer = {
      status: "rejected",
      rejection: { code: "precondition", message: "another region was first" },
    };
    const response = await patch(rig);
    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({
      status: "rejected",
      code: "precondition",
      reason: "another region was first",
    });
  });
});

describe("deleting and restoring", () => {
  it("hand the gateway what the headers ask for", async () => {
    const headers = { ...HEADERS, "if-match": '"17"' };
    const request = { ...CONTEXT, collection: "users", key: "a/b", version: "17" };
    const url = "/v1/collections/users/records/a%2Fb";
    const removed = await send(rig, "DELETE", { url, headers });
    const restored = await send(rig, "POST", { url: `${url}/restore`, headers });
    expect([removed.statusCode, restored.statusCode]).toEqual([200, 200]);
    expect(rig.gateway.removals).toEqual([request]);
    expect(rig.gateway.restorals).toEqual([request]);
  });

  it("are answered with the record's version", async () => {
    rig.gateway.answer = { results: [null] };
    const removed = await send(rig, "DELETE", { url: RECORD });
    const restored = await send(rig, "POST", { url: `${RECORD}/restore` });
    for (const response of [removed, restored]) {
      expect(response.json()).toMatchObject({ status: "committed", result: { version: "17" } });
      expect(response.headers["forebay-session"]).toBe(response.json().session);
    }
    expect(rig.gateway.removals[0]).toMatchObject({
      version: undefined,
      idempotencyKey: undefined,
      deadlineMs: 15_000,
    });
  });

  it.each([undefined, "", {}])("take %j for a body", async (body) => {
    expect((await send(rig, "DELETE", { url: RECORD, body })).statusCode).toBe(200);
    expect((await send(rig, "POST", { url: `${RECORD}/restore`, body })).statusCode).toBe(200);
  });

  it("leave a record alone whose key is the word", async () => {
    const url = "/v1/collections/users/records/restore";
    expect((await patch(rig, { url })).statusCode).toBe(202);
    expect((await send(rig, "POST", { url: `${url}/restore` })).statusCode).toBe(200);
    expect(rig.gateway.restorals).toMatchObject([{ key: "restore" }]);
  });
});

describe("a transaction", () => {
  const body = {
    writes: [
      { collection: "users", key: "ada", inc: { credit: -5 }, if: { fields: { name: "Ada" } } },
      { collection: "users", key: "bob", delete: true },
      { collection: "users", key: "eve", restore: true },
      { collection: "users", key: "dan", if: { version: "*" } },
    ],
    fence: { lease: "job-7", token: "16" },
  };

  it("goes to the gateway as it is", async () => {
    const response = await send(rig, "POST", { url: "/v1/transactions", body, headers: HEADERS });
    expect(response.statusCode).toBe(200);
    expect(rig.gateway.transactions).toEqual([{ ...CONTEXT, body }]);
  });

  it("is answered with one version, and by write with what the decision tells", async () => {
    const transact = async () => (await send(rig, "POST", { url: "/v1/transactions", body })).json();
    expect((await transact()).result).toEqual({ version: "17" });
    rig.gateway.answer = { results: [{ fields: { credit: 7 } }, null, null, null] };
    expect(await transact()).toMatchObject({
      operation: OPERATION,
      status: "committed",
      position: { partition: 0, sequence: 17 },
      result: { version: "17", writes: [{ fields: { credit: 7 } }, null, null, null] },
    });
  });
});
