import { beforeEach, describe, expect, it } from "vitest";
import { get } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION, RECEIPT } from "./stub-gateway.ts";

const URL = `/v1/operations/${OPERATION}`;
const POSITION = { partition: 1, sequence: 17 };

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

describe("an operation", () => {
  it("is asked for with the time at which its answer said that it expires", async () => {
    await get(rig, URL);
    await get(rig, `${URL}?expires_at_ms=1720000030000`, { "forebay-deadline-ms": "500" });
    expect(rig.gateway.operations).toEqual([
      { tenant: "default", id: OPERATION, expiresAtMs: undefined, deadlineMs: 15_000 },
      { tenant: "default", id: OPERATION, expiresAtMs: 1_720_000_030_000, deadlineMs: 500 },
    ]);
  });

  it.each(["undecided", "expired"] as const)("is told to be %s, and no more", async (status) => {
    rig.gateway.report = { operation: OPERATION, status };
    const response = await get(rig, URL);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ operation: OPERATION, status });
  });

  it("tells which regions have folded it", async () => {
    const appliedBy = { eu: true, us: false };
    rig.gateway.report = { ...RECEIPT, status: "committed", position: POSITION, appliedBy };
    expect((await get(rig, URL)).json()).toEqual({
      ...RECEIPT,
      status: "committed",
      position: POSITION,
      applied_by: appliedBy,
    });
  });

  it("tells why the log has rejected it", async () => {
    const rejection = {
      code: "unique",
      message: 'another record has "a@b"',
      field: "email",
      write: 1,
    } as const;
    rig.gateway.report = { ...RECEIPT, status: "rejected", position: POSITION, rejection };
    const response = await get(rig, URL);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      ...RECEIPT,
      status: "rejected",
      position: POSITION,
      code: "unique",
      reason: 'another record has "a@b"',
      field: "email",
      write: 1,
    });
  });

  it.each([
    ["a write", [{ fields: { credit: 7 } }], { version: "17", fields: { credit: 7 } }],
    ["a delete", [null], { version: "17" }],
    ["a lease", [{ token: 17, expiresAtMs: 5 }], { token: "17", expires_at_ms: 5 }],
    ["a transaction", [null, { fields: { n: 1 } }], { version: "17", writes: [null, { fields: { n: 1 } }] }],
  ])("tells what the decision on %s has told", async (_request, results, result) => {
    rig.gateway.report = { ...RECEIPT, status: "committed", position: POSITION, results };
    expect((await get(rig, URL)).json()).toMatchObject({ result });
  });
});
