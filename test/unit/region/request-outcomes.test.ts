/** What an answer says of a write, for the counts that regions announce. */
import { describe, expect, it } from "vitest";
import { kindOf, RequestOutcomes } from "../../../services/region/request-outcomes.ts";

const RECORD = "/v1/collections/:collection/records/:key";

describe("the outcome of a request", () => {
  it.each([
    ["PATCH", RECORD, 202, "local accepted"],
    ["PATCH", RECORD, 200, "decided committed"],
    ["PATCH", RECORD, 409, "local rejected"],
    ["PATCH", RECORD, 429, "local refused"],
    ["PATCH", RECORD, 503, "local refused"],
    ["PATCH", RECORD, 500, "local failed"],
    ["PATCH", RECORD, 504, "decided unknown"],
    ["PATCH", RECORD, 400, undefined],
    ["DELETE", RECORD, 200, "decided committed"],
    ["POST", "/v1/transactions", 412, "decided rejected"],
    ["POST", "/v1/leases/:name", 503, "decided refused"],
    ["GET", RECORD, 200, "read ok"],
    ["GET", RECORD, 404, "read ok"],
    ["GET", RECORD, 503, "read refused"],
    ["GET", "/v1/status", 503, undefined],
    ["GET", "unknown", 404, undefined],
  ])("of %s %s with %i is %s", (method, route, status, expected) => {
    const kind = kindOf({ route, method, status, durationMs: 1 });
    expect(kind && `${kind.class} ${kind.outcome}`).toBe(expected);
  });

  it("is counted, and told on", () => {
    const told: number[] = [];
    const outcomes = new RequestOutcomes({ answered: ({ status }) => void told.push(status) });
    for (const status of [202, 202, 503])
      outcomes.answered({ route: RECORD, method: "PATCH", status, durationMs: 1 });
    expect(told).toEqual([202, 202, 503]);
    expect(outcomes.report()).toEqual([
      { class: "local", outcome: "accepted", count: 2 },
      { class: "local", outcome: "refused", count: 1 },
    ]);
  });
});
