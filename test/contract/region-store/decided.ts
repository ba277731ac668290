/** Decisions depend on what the log says alone: not on what was folded at once, nor on where an applier began anew. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../services/core/entry.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import type { Proposal, ProposedWrite, UniqueValue } from "../../../services/core/proposal.ts";
import type { Context } from "./context.ts";
import {
  acquire,
  addCredit,
  assign,
  claimOf,
  erase,
  leaseOf,
  loadRows,
  onLease,
  openUsers,
  proposal,
  restore,
  user,
  USERS,
} from "./decisions.ts";
import { append, byId, COLLECTION, keysOf, list, NOW_MS, scan, set } from "./operations.ts";
import { openLog } from "./test-log.ts";

export function decidedState(context: Context): void {
  describe("decided state", () => {
    it("is what the fold made of the log, whatever the commits, by appliers that begin anew", async () => {
      const log = await openLog(context.store);
      const entries = [
        log.schema({ name: COLLECTION, schema: USERS }),
        ...randomEntries(log.batch.bind(log)),
      ];
      let removed = 0;
      for (let first = 0, size = 1; first < entries.length; first += size, size = (size % 4) + 1) {
        const { records } = await log.fold(...entries.slice(first, first + size));
        removed += [...records.values()].filter((record) => record === null).length;
        await log.restart();
      }
      const expected = log.foldInMemory();
      const other = await context.reopen();
      expect(await other.loadPartition(0)).toEqual(expected.state);
      const present = [...expected.records.values()].filter((record) => record !== null);
      const { records } = await scan(other, 0);
      expect(byId(records)).toEqual(byId(present));
      const asked = [...KEYS.map(user), ...CLAIMS.map(({ field, value }) => claimOf(field, value))];
      const rows = await loadRows(other, [...asked, leaseOf("job"), leaseOf("rest")]);
      expect(rows).toEqual(byId(present));
      for (const outcome of expected.outcomes)
        expect((await other.readOperation(outcome.id))?.outcome).toStrictEqual(outcome);
      const live = present.filter((record) => record.collection === COLLECTION && !record.tombstone);
      expect(keysOf(await list(other, {}))).toEqual(keysOf(live).toSorted());

      // The log was one that says something.
      const codes = new Set(expected.outcomes.map((outcome) => outcome.rejection?.code));
      for (const code of ["unique", "deleted", "not-deleted", "missing", "bound", "transition", "lease-held"])
        expect(codes).toContain(code);
      expect(present.filter((record) => record.tombstone).length).toBeGreaterThan(0);
      expect(removed).toBeGreaterThan(5);
    });

    it("tells the same rejection whether the schema was folded or loaded", async () => {
      const log = await openUsers(context.store);
      const before = log.state;
      await log.fold(
        log.propose(proposal([assign("a", { email: "x" })]), proposal([assign("b", { id: 1 })])),
      );
      const both = proposal([assign("c", { id: 1, email: "x" })]);
      const expected = {
        code: "unique",
        field: "email",
        message: '"x" is the "email" of record "a" already',
      };
      await log.restart();
      expect(Object.keys(log.state.collections)).toEqual(Object.keys(before.collections));
      const { outcomes } = await log.fold(log.propose(both));
      expect(outcomes[0]?.rejection).toEqual(expected);
    });

    it("has the record of a lease in one row, whoever holds it", async () => {
      const log = await openUsers(context.store);
      const id = recordIdText(leaseOf("job"));
      await log.fold(log.propose(proposal([acquire("job", "one")])));
      const { records } = await log.fold(
        log.propose(proposal([onLease("job", { type: "release", token: 3 })])),
        log.propose(proposal([acquire("job", "two")])),
      );
      expect((await loadRows(context.store, [leaseOf("job")])).get(id)).toEqual(records.get(id));
      expect((await context.store.readRecord(leaseOf("job"))).committed).toMatchObject({
        version: 5,
        fields: { lease: { holder: "two", token: 5, expiresAtMs: NOW_MS + 1_005 } },
      });
    });
  });
}

const KEYS = ["a", "b", "c", "d"];
const CLAIMS: readonly (UniqueValue & { readonly value: string | number })[] = [
  { field: "email", value: "x" },
  { field: "email", value: "y" },
  { field: "id", value: 1 },
  { field: "id", value: 2 },
];

const key = fc.constantFrom(...KEYS);
const email = fc.constantFrom("x", "y");
const id = fc.constantFrom(1, 2);

const write: fc.Arbitrary<ProposedWrite> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(key, fc.record({ email, id }, { requiredKeys: [] })).map(toAssign) },
  fc.tuple(key, fc.record({ status: fc.constantFrom("paid", "shipped", "new") })).map(toAssign),
  fc.tuple(key, fc.record({ note: fc.string({ unit: "grapheme-ascii" }) })).map(toAssign),
  fc.tuple(key, fc.integer({ min: -2, max: 3 })).map(([key, by]) => addCredit(key, by)),
  { weight: 2, arbitrary: key.map(erase) },
  { weight: 3, arbitrary: key.map((key) => restore(key, CLAIMS)) },
  fc
    .tuple(fc.constantFrom("job", "rest"), fc.constantFrom("one", "two"))
    .map(([name, holder]) => acquire(name, holder)),
);

function toAssign([key, values]: [string, Parameters<typeof assign>[1]]): ProposedWrite {
  return assign(key, values);
}

const fences = fc.oneof(
  { weight: 8, arbitrary: fc.constant([]) },
  fc.tuple(fc.record({ lease: fc.constantFrom("job", "rest"), token: fc.integer({ min: 1, max: 99 }) })),
);

const writes = fc.uniqueArray(write, {
  minLength: 1,
  maxLength: 3,
  selector: ({ collection, key }) => `${collection} ${key}`,
});

const decision: fc.Arbitrary<Proposal> = fc
  .tuple(writes, fences)
  .map(([writes, fences]) => proposal(writes, { fences }));

/** Decisions of several regions, with writes that they accepted alone in between. */
function randomEntries(batch: (origin: string, operations: ReturnType<typeof append>[]) => Entry): Entry[] {
  const proposals = fc.sample(decision, { numRuns: 160, seed: 5 });
  const origins = ["ap", "eu", "us"];
  return proposals.map((one, index) => {
    const origin = origins[index % 3]!;
    const local = append(KEYS[index % 4]!, [set("more", index)]);
    return index % 8 === 0
      ? batch("us", [local])
      : { kind: "propose", origin, proposals: index % 5 === 0 ? [one, proposals[index - 1]!] : [one] };
  });
}
