/** Counts of what requests came to, for what regions announce. */
import { describe, expect, it } from "vitest";
import type { AnsweredRequest } from "../../../services/gateway/http/metrics.ts";
import { RequestOutcomes } from "../../../services/region/request-outcomes.ts";

const RECORD = "/v1/collections/:collection/records/:key";
const ANSWERED = { route: RECORD, method: "PATCH", durationMs: 1 };

describe("the outcome of a request", () => {
  it("is counted, and told on", () => {
    const told: number[] = [];
    const outcomes = new RequestOutcomes({ answered: ({ status }) => void told.push(status) });
    const answered = (request: Pick<AnsweredRequest, "status" | "kind" | "outcome">) =>
      outcomes.answered({ ...ANSWERED, ...request });
    answered({ status: 202, kind: "local", outcome: "accepted" });
    answered({ status: 202, kind: "local", outcome: "accepted" });
    answered({ status: 503, kind: "decided", outcome: "refused" });
    expect(told).toEqual([202, 202, 503]);
    expect(outcomes.report()).toEqual([
      { class: "local", outcome: "accepted", count: 2 },
      { class: "decided", outcome: "refused", count: 1 },
    ]);
  });

  it("is not counted of what is no business of records", () => {
    const outcomes = new RequestOutcomes({ answered: () => undefined });
    outcomes.answered({ route: "/v1/status", method: "GET", status: 503, durationMs: 1 });
    expect(outcomes.report()).toEqual([]);
  });
});
