/** Bugs planted in the code that decides; some seed must find each, and a check must name what was broken. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { DecisionContext, Decision } from "../../services/core/decide/decide.ts";
import type { Proposal } from "../../services/core/proposal.ts";
import { firstFailure } from "./first-failure.ts";

type Module = Record<string, unknown>;

const PLANTED: readonly {
  readonly bug: string;
  readonly finds: RegExp;
  readonly module: string;
  readonly plant: (original: Module) => Module;
}[] = [
  {
    bug: "does not look whether a value is claimed",
    finds: /I9/,
    module: "../../services/core/decide/claims.ts",
    plant: (original) => ({
      settleClaims: (options: object) =>
        (original["settleClaims"] as (options: object) => unknown)({ ...options, claimOf: () => undefined }),
    }),
  },
  {
    bug: "does not look at fences",
    finds: /fence/,
    module: "../../services/core/decide/condition.ts",
    plant: () => ({ checkFence: () => undefined }),
  },
  {
    bug: "decides on proposals whatever their deadline",
    finds: /I7/,
    module: "../../services/core/decide/deadline.ts",
    plant: () => ({ isPastDeadline: () => false }),
  },
  {
    bug: "applies the first write of a transaction alone",
    finds: /I4/,
    module: "../../services/core/decide/decide.ts",
    plant: (original) => ({
      decide: (proposal: Proposal, context: DecisionContext): Decision =>
        (original["decide"] as (proposal: Proposal, context: DecisionContext) => Decision)(
          { ...proposal, writes: proposal.writes.slice(0, isFunding(proposal) ? undefined : 1) },
          context,
        ),
    }),
  },
  {
    bug: "applies a proposal again that has taken effect",
    // It takes effect twice, and how often depends on what was folded together: whichever is found first.
    finds: /I4|I6/,
    module: "../../services/core/fold/work.ts",
    plant: () => ({ isKnown: () => false, recordOutcome: replaceOutcome }),
  },
];

function isFunding(proposal: Proposal): boolean {
  return proposal.writes.length > 2;
}

function replaceOutcome(
  work: { outcomes: { id: string }[]; outcomeIds: Map<string, number> },
  outcome: { id: string; position: number },
) {
  const index = work.outcomes.findIndex(({ id }) => id === outcome.id);
  if (index >= 0) work.outcomes.splice(index, 1);
  work.outcomeIds.set(outcome.id, outcome.position);
  work.outcomes.push(outcome);
}

describe("planted bugs of decisions are caught", () => {
  afterEach(() => {
    for (const { module } of PLANTED) vi.doUnmock(module);
    vi.resetModules();
  });

  for (const { bug, finds, module, plant } of PLANTED) {
    it(`a fold that ${bug}`, async () => {
      vi.resetModules();
      vi.doMock(module, async (importOriginal) => {
        const original = await importOriginal<Module>();
        return { ...original, ...plant(original) };
      });
      // With the mocks in place, all modules are loaded anew.
      const { simulate } = await import("./scenario.ts");
      await expect(firstFailure((seed) => simulate(seed))).resolves.toMatch(finds);
    });
  }
});
