/** How requests on records are counted: by who decides them, and by what came of them. */
import { describe, expect, it } from "vitest";
import { get, patch, RECORD, send } from "./requests.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { outcomesOf } from "../../../services/gateway/http/import-answer.ts";
import { endingsOf } from "../../../services/gateway/http/metrics.ts";
import { buildRig } from "./rig.ts";
import { ASKED_KINDS, OUTCOMES_OF, outcomeOf } from "../../../services/gateway/http/outcome.ts";
import { PROBLEM_CODES, problemDefinition } from "../../../services/protocol/http/problems.ts";

describe("a request on records", () => {
  it("is counted by who decides, which a write's fields tell, and operators' requests are not", async () => {
    const rig = await buildRig();
    await patch(rig);
    await patch(rig, { body: { authoritative: true, set: { name: "Ada" } } });
    await send(rig, "DELETE", { url: RECORD });
    await get(rig, RECORD);
    await get(rig, `${RECORD}?consistency=strange`);
    await get(rig, "/v1/status");
    const counted = rig.answered.map(({ kind, outcome }) => `${kind} ${outcome}`);
    expect(counted).toEqual([
      "local accepted",
      "decided committed",
      "decided committed",
      "read ok",
      "read rejected",
      "undefined undefined",
    ]);
  });
});

describe("the outcome of a request", () => {
  it("says whether anything can have happened", () => {
    expect(outcomeOf("local", 202)).toBe("accepted");
    expect(outcomeOf("local", 200)).toBe("committed");
    expect(outcomeOf("decided", 200)).toBe("committed");
    expect([200, 304, 404, 410].map((status) => outcomeOf("read", status))).toEqual(Array(4).fill("ok"));
    expect(outcomeOf("read", 400)).toBe("rejected");
    expect(outcomeOf("decided", 409)).toBe("rejected");
    expect(outcomeOf("decided", 503)).toBe("refused");
    expect(outcomeOf("local", 429)).toBe("refused");
    expect(outcomeOf("decided", 504)).toBe("unknown");
    expect(outcomeOf("read", 500)).toBe("failed");
  });

  it("is one of those that are told beforehand, whatever the problem", () => {
    for (const kind of ASKED_KINDS) {
      for (const code of PROBLEM_CODES) {
        expect(OUTCOMES_OF[kind]).toContain(outcomeOf(kind, problemDefinition(code).status));
      }
    }
  });

  it("is unknown only where the problem says to ask, or a bug has struck", () => {
    for (const code of PROBLEM_CODES) {
      const { status, retry } = problemDefinition(code);
      const outcome = outcomeOf("decided", status);
      expect(["unknown", "failed"].includes(outcome), code).toBe(retry === "ask");
    }
  });
});

describe("an import", () => {
  it("is counted line by line, as requests one by one would be", () => {
    const operation = "0199a1b2-0000-7000-8000-000000000001";
    const line = (status: "accepted" | "superseded") => ({ operation, status, isReplayed: false });
    const lines = outcomesOf([
      line("accepted"),
      line("superseded"),
      line("accepted"),
      new GatewayError("wal-full", "full"),
      new GatewayError("outcome-unknown", "nobody knows"),
    ]);
    const request = { route: "import", method: "POST", status: 200, durationMs: 1 };
    const counted = endingsOf({ ...request, kind: "local", outcome: "committed", lines });
    expect(counted.map(({ outcome, count }) => `${outcome} ${count}`)).toEqual([
      "accepted 2",
      "committed 1",
      "refused 1",
      "unknown 1",
    ]);
    expect(endingsOf({ ...request, kind: "local", outcome: "refused" })).toEqual([
      { kind: "local", outcome: "refused", count: 1 },
    ]);
    expect(endingsOf(request)).toEqual([]);
  });
});
