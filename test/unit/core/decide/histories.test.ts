import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REJECTION_CODES } from "../../../../services/core/decide/rejection.ts";
import type { Change } from "../../../../services/core/fields/kind.ts";
import type { Action, Proposal, ProposedWrite } from "../../../../services/core/proposal.ts";
import { showFields } from "../../../../services/core/record.ts";
import { CLAIM_FIELD, CLAIMS_COLLECTION, isReserved } from "../../../../services/core/reserved.ts";
import { checkProperty, testSeed } from "../../property.ts";
import { histories, mixedHistories, uniqueHistories, type Step } from "./histories.ts";
import { HistoryRun } from "./history-run.ts";
import { StrictStore } from "./strict-store.ts";

describe("decisions against the oracle", () => {
  it("agree after every entry: verdicts, fields, versions, tombstones, leases, owners of unique values", () => {
    const verdicts = new Map<string, number>();
    checkProperty(
      fc.property(histories, (history) => {
        const run = new HistoryRun();
        for (const step of history) {
          const { fold, oracle } = run.take(step);
          expect(fold).toBe(oracle);
        }
        for (const [name, times] of run.verdicts) verdicts.set(name, (verdicts.get(name) ?? 0) + times);
      }),
      { runs: 250 },
    );
    // Histories in which something never happens would prove nothing about it.
    const actions = ["change", "delete", "restore", "reclaim", "acquire", "renew", "release", "duplicate"];
    const expected = [...REJECTION_CODES, ...actions];
    expect(expected.filter((name) => !verdicts.has(name))).toEqual([]);
  });

  it("agree where decisions and local writes overtake each other on the same fields", () => {
    checkProperty(
      fc.property(mixedHistories, (history) => {
        const run = new HistoryRun();
        for (const step of history) {
          const { fold, oracle } = run.take(step);
          expect(fold).toBe(oracle);
        }
      }),
      { runs: 150 },
    );
  });

  /** What a fold with a bug would do, as another proposal that a right fold takes in the same way. */
  const BUGS: { readonly [bug: string]: (proposal: Proposal) => Proposal } = {
    "a deadline that is not kept": (proposal) => ({ ...proposal, deadlineMs: Number.MAX_SAFE_INTEGER }),
    "a fence that is not looked at": (proposal) => ({ ...proposal, fences: [] }),
    "a condition that is not looked at": (proposal) =>
      withWrites(proposal, ({ condition: _, ...write }) => write),
    "a transaction of which a part is left out": (proposal) => ({
      ...proposal,
      writes: proposal.writes.slice(0, Math.max(1, proposal.writes.length - 1)),
    }),
    "a delete that does not happen": (proposal) =>
      withActions(proposal, (action) =>
        action.type === "delete" ? { type: "change", changes: [] } : action,
      ),
    "a gift that comes to half as much": (proposal) =>
      withChanges(proposal, (one) =>
        one.operator === "give"
          ? [{ ...one, argument: Math.floor((one.argument as number) / 2) + 1 }]
          : [one],
      ),
    "rights that are reclaimed from nobody": (proposal) =>
      withActions(proposal, (action) => (action.type === "reclaim" ? { ...action, from: "mars" } : action)),
    "a lease that never ends": (proposal) =>
      withActions(proposal, (action) => (action.type === "acquire" ? { ...action, ttlMs: 1e9 } : action)),
    "an increment that counts twice": (proposal) => withChanges(proposal, (one) => [one, one]),
    "a removal that does not happen": (proposal) =>
      withChanges(proposal, (one) => (one.operator === "unset" || one.operator === "remove" ? [] : [one])),
  };
  for (const [bug, tamper] of Object.entries(BUGS)) {
    it(`disagree on ${bug}`, () => {
      const tried = fc.sample(histories, { seed: testSeed(), numRuns: 150 });
      const isFound = tried.some((history) => {
        const run = new HistoryRun(tamper);
        return history.some((step) => {
          const { fold, oracle } = run.take(step);
          return fold !== oracle;
        });
      });
      expect(isFound).toBe(true);
    });
  }
});

function withWrites(proposal: Proposal, change: (write: ProposedWrite) => ProposedWrite): Proposal {
  return { ...proposal, writes: proposal.writes.map(change) };
}

function withActions(proposal: Proposal, change: (action: Action) => Action): Proposal {
  return withWrites(proposal, (write) => ({ ...write, action: change(write.action) }));
}

function withChanges(proposal: Proposal, change: (one: Change) => Change[]): Proposal {
  return withActions(proposal, (action) =>
    action.type === "change" ? { ...action, changes: action.changes.flatMap(change) } : action,
  );
}

describe("a fold of decisions", () => {
  it("does not depend on how entries are grouped into calls", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
    checkProperty(
      fc.property(histories, sizes, (history, groups) => {
        const { log } = runOf(history);
        const grouped = new StrictStore();
        for (let start = 0, group = 0; start < log.entries.length; group += 1) {
          const end = start + groups[group % groups.length]!;
          grouped.fold(log.entries.slice(start, end));
          start = end;
        }
        expect(grouped.contents()).toBe(log.store.contents());
      }),
      { runs: 100 },
    );
  });

  it("gives every id one outcome (I4), and every rejection a whole reason", () => {
    checkProperty(
      fc.property(histories, (history) => {
        const { outcomes } = runOf(history).log.store;
        expect(new Set(outcomes.map(({ id }) => id)).size).toBe(outcomes.length);
        for (const outcome of outcomes) {
          if (outcome.rejection === undefined) continue;
          expect(outcome).not.toHaveProperty("results");
          expect(outcome.rejection.message).not.toContain("undefined");
        }
      }),
      { runs: 50 },
    );
  });

  it("leaves every unique value with one live record, and claims for these alone, at every position (I9)", () => {
    const most = { claims: 0 };
    checkProperty(
      fc.property(uniqueHistories, (history) => {
        const run = new HistoryRun();
        for (const step of history) {
          run.take(step);
          const has = valuesOfLiveRecords(run.log.store);
          expect(claimsOf(run.log.store)).toEqual(has);
          most.claims = Math.max(most.claims, has.length);
        }
      }),
      { runs: 100 },
    );
    expect(most.claims).toBeGreaterThan(3);
  });
});

function runOf(history: readonly Step[]): HistoryRun {
  const run = new HistoryRun();
  for (const step of history) run.take(step);
  return run;
}

const UNIQUE_FIELDS = ["badge", "email", "phone"];

/** `people email "a" one`, sorted: a value that two records have is there twice. */
function valuesOfLiveRecords({ records }: StrictStore): string[] {
  return [...records.values()]
    .filter(({ collection, tombstone }) => !isReserved(collection) && tombstone === undefined)
    .flatMap(({ collection, key, fields }) =>
      Object.entries(showFields(fields))
        .filter(([field]) => UNIQUE_FIELDS.includes(field))
        .map(([field, value]) => `${collection} ${field} ${JSON.stringify(value)} ${key}`),
    )
    .sort();
}

/** One for each value, whoever has it. */
function claimsOf({ records }: StrictStore): string[] {
  return [...records.values()]
    .filter(({ collection }) => collection === CLAIMS_COLLECTION)
    .map(({ key, fields }) => `${key.replaceAll("\n", " ")} ${showFields(fields)[CLAIM_FIELD] as string}`)
    .sort();
}
