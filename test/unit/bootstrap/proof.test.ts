import { describe, expect, it } from "vitest";
import { proofOf } from "../../../services/bootstrap/proof.ts";
import type { Verdict, Verification } from "../../../services/ports/reconciliation.ts";

/** @param problems by region; undefined where it was compared. */
function verification(verdict: Verdict, problems: Record<string, string | undefined>): Verification {
  return {
    id: "one",
    partition: 0,
    startedAtMs: 1,
    endedAtMs: 2,
    phase: "done",
    position: 5,
    verdict,
    reason: "the reason",
    regions: Object.entries(problems).map(([region, problem]) => ({
      region,
      problem,
      rows: 1,
      digest: undefined,
    })),
    differences: { records: 0, sample: [], rest: [] },
  };
}

const NONE = undefined;

describe("a verification", () => {
  it.each([
    ["match", { ap: NONE, eu: NONE, us: NONE }, "proven"],
    ["unreachable", { ap: NONE, eu: NONE, us: "does not answer" }, "proven"],
    ["unreachable", { ap: NONE, eu: "does not answer", us: "does not answer" }, "open"],
    ["unreachable", { ap: "has no checkpoint", eu: NONE, us: NONE }, "open"],
    ["match", { eu: NONE, us: NONE }, "open"],
    ["diverged", { ap: NONE, eu: NONE, us: NONE }, "differs"],
    ["diverged", { ap: "has no checkpoint", eu: NONE, us: NONE }, "open"],
    ["schema-mismatch", { ap: NONE, eu: "is newer" }, "open"],
  ] as const)("%s of %j is %s", (verdict, problems, status) => {
    expect(proofOf(verification(verdict, problems), "ap").status).toBe(status);
  });
});
