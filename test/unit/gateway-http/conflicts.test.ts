/** The conflict log over HTTP: what of a conflict is shown, what a query asks for, and how a loser is written again. */
import { Compile } from "typebox/compile";
import { beforeEach, describe, expect, it } from "vitest";
import type { ConflictReport } from "../../../services/gateway/gateway.ts";
import { ConflictListAnswer } from "../../../services/protocol/http/conflicts.ts";
import { decodeSession, encodeSession } from "../../../services/protocol/session-token.ts";
import { codeOf, get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { CONFLICT, OPERATION, SECRET } from "./stub-gateway.ts";

const RESTORE = `/v1/conflicts/${CONFLICT}/restore`;
const PLACE = { logTimeMs: 1_720_000_000_000, partition: 3, position: 2 ** 48, ordinal: 17 };

const REPORT: ConflictReport = {
  id: CONFLICT,
  collection: "users",
  key: "ada",
  field: "preferences",
  entry: "email",
  reason: "concurrent",
  position: { partition: 0, sequence: 12 },
  logTimeMs: 1_720_000_000_000,
  loser: { region: "eu", at: "0198f0c0a0b00001", value: null, operator: "drop", isDecided: true },
  winner: { region: "us", at: "0198f0c0a0b00002", value: { on: true }, operation: OPERATION },
};

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

describe("conflicts", () => {
  it("are shown with both sides, as the document says", async () => {
    const { entry: _, ...plain } = { ...REPORT, field: "name", reason: "deleted" as const };
    rig.gateway.conflictPage = { conflicts: [REPORT, plain], next: undefined };
    const response = await get(rig, "/v1/conflicts");
    expect(response.statusCode).toBe(200);
    expect(Compile(ConflictListAnswer).Errors(response.json())).toEqual([]);
    const shown = {
      id: "0-12-1",
      collection: "users",
      key: "ada",
      field: "preferences",
      entry: "email",
      reason: "concurrent",
      position: { partition: 0, sequence: 12 },
      log_time_ms: 1_720_000_000_000,
      loser: { region: "eu", at: "0198f0c0a0b00001", value: null, operator: "drop", decided: true },
      winner: { region: "us", at: "0198f0c0a0b00002", value: { on: true }, operation: OPERATION },
    };
    const { entry: __, ...shownPlain } = { ...shown, field: "name", reason: "deleted" };
    expect(response.json()).toEqual({ conflicts: [shown, shownPlain] });
  });

  it("are asked for by every parameter", async () => {
    const query = "collection=users&key=ada%2F%D0%BA&field=name&reason=older&region=eu-west&limit=7";
    await get(rig, `/v1/conflicts?${query}`);
    await get(rig, "/v1/conflicts");
    expect(rig.gateway.conflictLists).toEqual([
      {
        tenant: "default",
        collection: "users",
        key: "ada/к",
        field: "name",
        reason: "older",
        region: "eu-west",
        limit: 7,
        before: undefined,
        deadlineMs: 15_000,
      },
      { tenant: "default", limit: 100, deadlineMs: 15_000 },
    ]);
  });

  it("go on where the page before has ended", async () => {
    rig.gateway.conflictPage = { conflicts: [], next: PLACE };
    const { next_cursor: cursor } = (await get(rig, "/v1/conflicts")).json() as { next_cursor: string };
    await get(rig, `/v1/conflicts?cursor=${cursor}`);
    expect(rig.gateway.conflictLists[1]!.before).toEqual(PLACE);
    expect(codeOf(await get(rig, `/v1/conflicts?cursor=${cursor}a`))).toBe("invalid-cursor");
  });
});

describe("a conflict's loser", () => {
  it("is written again, and answered like a write", async () => {
    const session = { positions: { "0": 3 }, wal: {} };
    const headers = {
      "idempotency-key": "back 1",
      "forebay-session": encodeSession(session, SECRET),
      "forebay-deadline-ms": "250",
    };
    const response = await send(rig, "POST", { url: RESTORE, headers });
    expect(response.statusCode).toBe(202);
    expect(response.json()).toEqual({
      operation: OPERATION,
      status: "accepted",
      region: "eu",
      at: "0198f0c0a0b00001",
      session: response.headers["forebay-session"],
    });
    expect(decodeSession(response.json().session as string, SECRET).wal).toEqual({ eu: { "0": 7 } });
    expect(rig.gateway.conflictRestorals).toEqual([
      {
        around: expect.any(Function),
        checkMayWrite: expect.any(Function),
        tenant: "default",
        session,
        deadlineMs: 250,
        idempotencyKey: "back 1",
        id: CONFLICT,
        waitCommitted: false,
      },
    ]);
  });

  it("is waited for where the client prefers it", async () => {
    rig.gateway.answer = { status: "committed", position: { partition: 0, sequence: 17 } };
    const response = await send(rig, "POST", {
      url: RESTORE,
      headers: { prefer: "wait=committed" },
      body: {},
    });
    expect(response.statusCode).toBe(200);
    expect(response.headers["preference-applied"]).toBe("wait=committed");
    expect(response.json()).toMatchObject({ status: "committed", position: { partition: 0, sequence: 17 } });
    expect(rig.gateway.conflictRestorals).toMatchObject([{ waitCommitted: true, idempotencyKey: undefined }]);
  });

  it.each([
    [{ url: RESTORE, body: { set: { name: "x" } } }, "malformed-body"],
    [{ url: `${RESTORE}?a=b` }, "invalid-parameter"],
    [{ url: RESTORE, headers: { "if-match": '"1"' } }, "invalid-condition"],
    [{ url: "/v1/conflicts/0-12/restore" }, "conflict-not-found"],
  ])("is not asked for like this: %o", async (request, code) => {
    expect(codeOf(await send(rig, "POST", request))).toBe(code);
    expect(rig.gateway.conflictRestorals).toEqual([]);
  });
});
