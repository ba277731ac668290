/** What became of proposals: why they were rejected, and what else their clients are told. */
import { describe, expect, it } from "vitest";
import type { OperationOutcome } from "../../../services/core/fold/state.ts";
import { sha256 } from "../../../services/core/hash.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Proposal } from "../../../services/core/proposal.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { acquire, addCredit, assign, erase, onLease, openUsers, proposal } from "./decisions.ts";
import { append, appendTo, during, NOW_MS } from "./operations.ts";
import { openLog } from "./test-log.ts";

export function outcomesOfProposals(context: Context): void {
  describe("outcomes of proposals", () => {
    it("are told whole, by every way to them: members that they have, and no others", async () => {
      const log = await openUsers(context.store);
      await log.fold(log.propose(proposal([assign("a", { email: "x" }), acquire("job", "one")])));
      const proposals = EXAMPLES.map(({ proposal }) => proposal);
      const { outcomes } = await log.fold(log.propose(...proposals));
      for (const [index, { proposal: _, ...expected }] of EXAMPLES.entries()) {
        expect(outcomes[index]).toMatchObject(expected);
        expect("rejection" in outcomes[index]!).toBe("rejection" in expected);
      }
      expect(outcomes.filter((outcome) => !("results" in outcome)).length).toBeGreaterThan(6);
      const other = await context.reopen();
      for (const [index, outcome] of outcomes.entries()) {
        const told = await tellEverywhere(other, proposals[index]!);
        expect(told).toStrictEqual([outcome, outcome, outcome]);
      }
    });

    it("keep what texts hold", async () => {
      const log = await openUsers(context.store);
      const holder = "ж\"\\\n\t\u0001\u001e\u2028{}$1 😀 '; --";
      await log.fold(log.propose(proposal([acquire("job", holder)])));
      const other = proposal([acquire("job", "other")]);
      const { outcomes } = await log.fold(log.propose(other));
      expect(outcomes[0]!.rejection!.message).toContain(holder);
      for (const told of await tellEverywhere(context.store, other)) expect(told).toStrictEqual(outcomes[0]);
    });

    it("are not told to another request that has the id", async () => {
      const log = await openUsers(context.store);
      const one = proposal([erase("a")]);
      await log.fold(log.propose(one));
      const same = { ...append("a"), id: one.id };
      const others = [
        { ...same, requestHash: sha256("another") },
        { ...same, tenant: "other" },
      ];
      for (const other of others)
        expect(await appendTo(context.store, [other])).toEqual([{ status: "mismatched" }]);
    });

    it("are none for what came after its deadline, and another try can still take effect", async () => {
      const log = await openUsers(context.store);
      const late = proposal([assign("a", { credit: 1 })], { deadlineMs: NOW_MS });
      await log.fold(log.propose(late));
      expect((await context.store.readOutcomes({ partition: 0, ids: [late.id] })).outcomes).toEqual([]);
      expect(await context.store.readOperation(late.id)).toBeUndefined();
      const { outcomes } = await log.fold(log.propose({ ...late, deadlineMs: NOW_MS + 1_000 }));
      expect(outcomes[0]?.status).toBe("committed");
      for (const told of await tellEverywhere(context.store, late)) expect(told).toStrictEqual(outcomes[0]);
    });
  });

  describe("readOutcomes", () => {
    it("tells the place that it was read at, also when it knows none of the ids, or is given none", async () => {
      const log = await openUsers(context.store);
      const place = { position: 2, logTimeMs: NOW_MS + 2, forgottenTimeMs: 0, outcomes: [] };
      const ids = [uuidOf("nobody's"), uuidOf("no one's")];
      expect(await context.store.readOutcomes({ partition: 0, ids })).toEqual(place);
      expect(await context.store.readOutcomes({ partition: 0, ids: [] })).toEqual(place);
      await log.fold(log.propose(), log.tick("us"));
      const later = { position: 4, logTimeMs: NOW_MS + 4, forgottenTimeMs: 0, outcomes: [] };
      expect(await context.store.readOutcomes({ partition: 0, ids })).toEqual(later);
    });

    it("is at the beginning before the first fold", async () => {
      const beginning = { position: 0, logTimeMs: 0, forgottenTimeMs: 0, outcomes: [] };
      const [accepted] = [append("a")];
      await appendTo(context.store, [accepted]);
      expect(await context.store.readOutcomes({ partition: 0, ids: [accepted.id] })).toEqual(beginning);
      await context.store.bindLog({ partition: 0, createdAtMs: NOW_MS });
      expect(await context.store.readOutcomes({ partition: 0, ids: [accepted.id] })).toEqual(beginning);
      expect(await context.store.readOutcomes({ partition: 9, ids: [] })).toEqual(beginning);
    });

    it("tells of those that took effect in the partition, whatever brought them, and of no others", async () => {
      const log = await openUsers(context.store);
      const elsewhere = await openLog(context.store, 1);
      const [own, foreign, pending, far] = [append("a"), append("b"), append("c"), append("d")];
      const decided = [proposal([assign("a", { credit: 1 })]), proposal([erase("b")])];
      await appendTo(context.store, [own]);
      await log.foldWal();
      const { outcomes } = await log.fold(log.batch("us", [foreign]), log.propose(...decided));
      await appendTo(context.store, [pending]);
      await elsewhere.fold(elsewhere.batch("us", [far]));
      const ids = [far, pending, ...decided, foreign, own].map(({ id }) => id);
      const told = await context.store.readOutcomes({ partition: 0, ids: [...ids, uuidOf("nobody's")] });
      const { outcome } = (await context.store.readOperation(own.id))!;
      expect(told.position).toBe(5);
      expect(sorted(told.outcomes)).toEqual(sorted([...outcomes, outcome!]));
      const other = await context.store.readOutcomes({ partition: 1, ids });
      expect(other.outcomes.map(({ id }) => id)).toEqual([far.id]);
    });

    it("tells of exactly those at or before its position, at every moment of folding", async () => {
      const log = await openUsers(context.store);
      const { position: start } = log.state;
      const proposals = Array.from({ length: 30 }, () => proposal([addCredit("a", 1)]));
      const ids = proposals.map(({ id }) => id);
      const reader = await context.reopen();
      const deciding = (async () => {
        for (const one of proposals) await log.fold(log.propose(one));
      })();
      const wrong: unknown[] = [];
      await during(deciding, async () => {
        const { position, logTimeMs, outcomes } = await reader.readOutcomes({ partition: 0, ids });
        const isWhole = outcomes.length === position - start && logTimeMs === NOW_MS + position;
        if (!isWhole || outcomes.some((outcome) => outcome.position > position)) wrong.push(outcomes);
      });
      expect(wrong).toEqual([]);
      expect((await reader.readOutcomes({ partition: 0, ids })).outcomes).toHaveLength(30);
    });
  });
}

interface Example {
  readonly proposal: Proposal;
  readonly status: OperationOutcome["status"];
  /** Besides the message. */
  readonly rejection?: Partial<OperationOutcome["rejection"]>;
  readonly results?: OperationOutcome["results"];
}

/** With "x" the email of "a", and the lease "job" held by "one" with token 3. */
const EXAMPLES: readonly Example[] = [
  { proposal: proposal([assign("b", { note: "plain" })]), status: "committed" },
  {
    proposal: proposal([addCredit("b", 5)]),
    status: "committed",
    results: [{ fields: { credit: 5 } }],
  },
  {
    proposal: proposal([assign("c", { note: "c" }), addCredit("b", -2), acquire("{b}", "two"), erase("a")]),
    status: "committed",
    results: [null, { fields: { credit: 3 } }, { token: 4, expiresAtMs: NOW_MS + 1_004 }, null],
  },
  { proposal: proposal([erase("never")]), status: "rejected", rejection: { code: "missing" } },
  {
    proposal: proposal([addCredit("b", -9)]),
    status: "rejected",
    rejection: { code: "bound", field: "credit" },
  },
  {
    proposal: proposal([addCredit("b", 1), erase("a")]),
    status: "rejected",
    rejection: { code: "deleted", write: 1 },
  },
  {
    proposal: proposal([assign("b", { status: "shipped" }), addCredit("c", 1)]),
    status: "rejected",
    rejection: { code: "transition", write: 0, field: "status" },
  },
  {
    proposal: proposal([acquire("job", "two")]),
    status: "rejected",
    rejection: { code: "lease-held" },
  },
  {
    proposal: proposal([erase("b")], { fences: [{ lease: "job", token: 2 }] }),
    status: "rejected",
    rejection: { code: "fence" },
  },
  {
    proposal: proposal([onLease("job", { type: "release", token: 3 })]),
    status: "committed",
  },
];

/** An outcome by each way to it: alone, among others, and as the answer to a retry. */
async function tellEverywhere(store: RegionStore, { id, requestHash }: Proposal): Promise<unknown[]> {
  const { outcomes } = await store.readOutcomes({ partition: 0, ids: [id] });
  const [answer] = await appendTo(store, [{ ...append("any"), id, requestHash }]);
  return [
    (await store.readOperation(id))?.outcome,
    outcomes[0],
    answer?.status === "folded" ? answer.outcome : answer,
  ];
}

function sorted(outcomes: readonly OperationOutcome[]): OperationOutcome[] {
  return outcomes.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}
