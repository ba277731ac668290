/** Escrows over HTTP: who may take how much, the way back for what a lost region held, and what a refused take is told. */
import { Compile } from "typebox/compile";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordEscrowsAnswer, WriteAnswer } from "../../../services/protocol/http/answers.ts";
import { decodeSession, encodeSession } from "../../../services/protocol/session-token.ts";
import { codeOf, get, patch, RECORD, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION, SECRET } from "./stub-gateway.ts";

const ESCROWS = `${RECORD}/escrows`;
const RECLAIM = `${RECORD}/reclaim`;

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

describe("a record's escrows", () => {
  it("are shown by field: the number, its bound, the rights to it, and what is left here", async () => {
    const response = await get(rig, ESCROWS);
    expect(response.statusCode).toBe(200);
    expect(Compile(RecordEscrowsAnswer).Errors(response.json())).toEqual([]);
    expect(response.json()).toEqual({
      key: "ada",
      escrows: {
        stock: { value: 12, min: 0, rights: { eu: 4, us: 7, ap: 1 }, left: { here: 3, total: 11 } },
      },
      as_of: { partition: 0, sequence: 17 },
      session: response.headers["forebay-session"],
    });
    expect(decodeSession(response.json().session, SECRET)).toEqual({ positions: { "0": 17 }, wal: {} });
  });

  it("may be several, below zero where pending writes take more than there is any longer", async () => {
    rig.gateway.escrows = [
      { field: "seats", min: -5, value: -5, rights: {}, here: 0, total: 0 },
      { field: "stock", min: 0, value: 3, rights: { eu: 0, us: 3 }, here: -2, total: 1 },
    ];
    const answer = (await get(rig, ESCROWS)).json();
    expect(Compile(RecordEscrowsAnswer).Errors(answer)).toEqual([]);
    expect(answer.escrows).toEqual({
      seats: { value: -5, min: -5, rights: {}, left: { here: 0, total: 0 } },
      stock: { value: 3, min: 0, rights: { eu: 0, us: 3 }, left: { here: -2, total: 1 } },
    });
  });

  it("are read as far as the session has seen, within the deadline", async () => {
    const session = { positions: { "0": 3 }, wal: {} };
    const headers = { "forebay-session": encodeSession(session, SECRET), "forebay-deadline-ms": "250" };
    await get(rig, "/v1/collections/users/records/a%2F%D0%BA/escrows", headers);
    await get(rig, ESCROWS);
    const request = { tenant: "default", collection: "users" };
    expect(rig.gateway.escrowReads).toEqual([
      { ...request, key: "a/к", session, deadlineMs: 250 },
      { ...request, key: "ada", session: { positions: {}, wal: {} }, deadlineMs: 15_000 },
    ]);
  });

  it("take no query", async () => {
    const response = await get(rig, `${ESCROWS}?field=stock`);
    expect(codeOf(response)).toBe("invalid-parameter");
    expect(response.json()).toMatchObject({ field: "field" });
    expect(rig.gateway.escrowReads).toEqual([]);
  });
});

describe("a reclaim", () => {
  it("is answered like everything that the log decides, with what was handed over", async () => {
    const response = await send(rig, "POST", { url: RECLAIM, body: { region: "ap" } });
    expect(response.statusCode).toBe(200);
    expect(Compile(WriteAnswer).Errors(response.json())).toEqual([]);
    expect(response.json()).toEqual({
      operation: OPERATION,
      status: "committed",
      region: "eu",
      at: "0198f0c0a0b00001",
      position: { partition: 0, sequence: 17 },
      session: response.headers["forebay-session"],
      result: { version: "17", fields: { stock: 1 } },
    });
  });

  it("hands the gateway what body and headers ask for", async () => {
    const session = { positions: { "0": 3 }, wal: {} };
    const headers = {
      "idempotency-key": "reclaim 1",
      "forebay-session": encodeSession(session, SECRET),
      "forebay-deadline-ms": "250",
    };
    const url = "/v1/collections/users/records/a%2F%D0%BA/reclaim";
    await send(rig, "POST", { url, headers, body: { region: "ap-2" } });
    expect(rig.gateway.reclaims).toEqual([
      {
        tenant: "default",
        session,
        deadlineMs: 250,
        idempotencyKey: "reclaim 1",
        collection: "users",
        key: "a/к",
        lostRegion: "ap-2",
      },
    ]);
  });

  it("that was made before gets its first answer", async () => {
    rig.gateway.answer = { isReplayed: true };
    const response = await send(rig, "POST", { url: RECLAIM, body: { region: "ap" } });
    expect(response.headers["idempotency-replayed"]).toBe("true");
    expect(response.json()).toMatchObject({ replayed: true, result: { fields: { stock: 1 } } });
  });

  it.each([
    [{}, undefined],
    [[], undefined],
    [{ region: "ap", key: "ada" }, undefined],
    [{ region: 7 }, "region"],
    [{ region: "ap/us" }, "region"],
  ])("is refused before anybody is asked when its body is %j", async (body, field) => {
    const response = await send(rig, "POST", { url: RECLAIM, body });
    expect(codeOf(response)).toBe("malformed-body");
    expect(response.json().field).toBe(field);
    expect(rig.gateway.reclaims).toEqual([]);
  });
});

describe("a take", () => {
  it("is a write like others, alone or with operators of other fields", async () => {
    const body = { take: { stock: 3 }, inc: { likes: 1 } };
    expect((await patch(rig, { body })).statusCode).toBe(202);
    expect((await patch(rig, { body: { give: { stock: 10 }, authoritative: true } })).statusCode).toBe(200);
    expect(rig.gateway.writes).toMatchObject([{ body }, { body: { give: { stock: 10 } } }]);
  });
});
