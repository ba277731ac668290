/**
 * Random histories of escrows against a naive recomputation: batches that overlap, ids that come again through other
 * origins, and decisions in between. The number is what was given less what was taken, and nobody holds less than nothing.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LoggedOperation } from "../../../services/core/entry.ts";
import type { EscrowState } from "../../../services/core/fields/merge/escrow.ts";
import type { Change } from "../../../services/core/fields/kind.ts";
import { chain, sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Action } from "../../../services/core/proposal.ts";
import { checkProperty } from "../property.ts";
import { StrictStore } from "./decide/strict-store.ts";
import { REGIONS, TENANT, TestLog, type Region } from "./decide/test-log.ts";
import { COLLECTION, PEOPLE_WITH_SEATS } from "./decide/writes.ts";

const MIN = -3;

type Deed =
  | { readonly operator: "give" | "take"; readonly amount: number }
  | { readonly operator: "move"; readonly amount: number; readonly to: Region };

interface Step {
  readonly what: "ship" | "again" | "give" | "reclaim" | "delete" | "restore";
  readonly origin: Region;
  readonly deeds: readonly Deed[];
  /** Whose rights are reclaimed. */
  readonly from: Region;
  /** Operations of before that the batch brings once more. */
  readonly overlap: number;
}

const amount = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(1));
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ operator: fc.constant("give" as const), amount }) },
  { weight: 3, arbitrary: fc.record({ operator: fc.constant("take" as const), amount }) },
  {
    weight: 2,
    arbitrary: fc.record({ operator: fc.constant("move" as const), amount, to: fc.constantFrom(...REGIONS) }),
  },
);
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    "ship",
    "ship",
    "ship",
    "ship",
    "ship",
    "again",
    "give",
    "reclaim",
    "delete",
    "restore",
    "restore",
  ),
  origin: fc.constantFrom(...REGIONS),
  deeds: fc.array(deed, { minLength: 1, maxLength: 3 }),
  from: fc.constantFrom(...REGIONS),
  overlap: fc.nat({ max: 3 }),
} as const);
const histories = fc.array(step, { maxLength: 40, size: "max" });

/** What the log has said, in its order. */
interface Told {
  readonly id: string;
  readonly origin: Region;
  readonly what: "write" | "give" | "reclaim" | "delete" | "restore";
  readonly deeds: readonly Deed[];
  readonly from: Region;
}

/** All of it anew, from the architecture's definitions. */
function recompute(log: readonly Told[]) {
  const rights = new Map<string, number>(REGIONS.map((region) => [region, 0]));
  const known = new Set<string>();
  const sums = { given: 0, taken: 0, lost: 0 };
  let isDeleted = false;
  let exists = false;
  const left = () => [...rights.values()].reduce((sum, one) => sum + one, 0);
  const add = (region: string, amount: number) => rights.set(region, rights.get(region)! + amount);
  const give = (origin: string, amount: number) => {
    sums.given += amount;
    const part = left() === 0 ? Math.floor(amount / REGIONS.length) : 0;
    for (const region of REGIONS) add(region, part);
    add(origin, amount - part * REGIONS.length);
  };
  for (const { id, origin, what, deeds, from } of log) {
    if (known.has(id)) continue;
    known.add(id);
    if (what === "delete") isDeleted = exists;
    else if (what === "restore") isDeleted = false;
    else if (isDeleted) sums.lost += what === "write" ? deeds.length : 0;
    else if (what === "reclaim") {
      if (!exists || from === origin) continue;
      add(origin, rights.get(from)!);
      rights.set(from, 0);
    } else {
      for (const one of deeds) {
        if (one.operator !== "give" && rights.get(origin)! < one.amount) {
          sums.lost += 1;
          continue;
        }
        exists = true;
        if (one.operator === "give") give(origin, one.amount);
        else {
          add(origin, -one.amount);
          if (one.operator === "move") add(one.to, one.amount);
          else sums.taken += one.amount;
        }
      }
    }
  }
  return { rights: Object.fromEntries(rights), ...sums, exists };
}

class ModelRun {
  readonly log = new TestLog({ schema: PEOPLE_WITH_SEATS });
  readonly told: Told[] = [];
  readonly #origins = new Map<Region, LoggedOperation[]>();
  #ids = 0;

  take(step: Step): void {
    const { what, origin, deeds, from } = step;
    if (what === "ship" || what === "again") return this.#ship(step);
    const gives = deeds.filter(({ operator }) => operator === "give");
    if (what === "give" && gives.length === 0) return;
    const id = this.#nextId();
    const write = { collection: COLLECTION, key: "one", action: actionOf(what, gives, from) };
    this.log.propose(write, { id, origin });
    this.told.push({ id, origin, what, deeds: gives, from });
  }

  #ship({ what, origin, deeds, from, overlap }: Step): void {
    const operations = this.#origins.get(origin) ?? [];
    this.#origins.set(origin, operations);
    const earlier = this.told.findLast((told) => told.what === "write" && told.origin !== origin);
    // A retry of a write that another region has taken.
    const one = what === "again" && earlier !== undefined ? earlier : { id: this.#nextId(), deeds };
    operations.push(logged(one.id, one.deeds, operations.length));
    const first = Math.max(1, operations.length - overlap);
    const previous = operations.slice(0, first - 1).reduce((head, { text }) => chain(head, text), ZERO_HASH);
    const range = { epoch: 1, first, last: operations.length, previous };
    this.log.put({ kind: "batch", origin, ...range, operations: operations.slice(first - 1) });
    this.told.push({ id: one.id, origin, what: "write", deeds: one.deeds, from });
  }

  #nextId(): string {
    this.#ids += 1;
    return uuidOf("model", String(this.#ids));
  }

  get state(): EscrowState | undefined {
    return this.log.record("one")?.fields["seats"] as EscrowState | undefined;
  }
}

function changeOf(one: Deed): Change {
  const { operator, amount } = one;
  const argument = one.operator === "move" ? { to: one.to, amount } : amount;
  return { field: "seats", kind: "escrow", operator, argument };
}

function actionOf(what: Step["what"], gives: readonly Deed[], from: Region): Action {
  if (what === "give") return { type: "change", changes: gives.map(changeOf) };
  if (what === "restore") return { type: "restore", claims: [] };
  return what === "delete" ? { type: "delete" } : { type: "reclaim", from };
}

function logged(id: string, deeds: readonly Deed[], index: number): LoggedOperation {
  const place = { tenant: TENANT, collection: COLLECTION, key: "one", seen: 0, requestHash: sha256(id) };
  const operation = {
    id,
    ...place,
    hlc: hlcFromMilliseconds(1_000_000 + index),
    changes: deeds.map(changeOf),
  };
  return { operation, text: JSON.stringify(operation) };
}

describe("an escrow's history", () => {
  it("leaves what was given less what was taken, and the rights that it says, at every position", () => {
    const seen = { taken: 0, lost: 0 };
    checkProperty(
      fc.property(histories, (history) => {
        const run = new ModelRun();
        for (const one of history) {
          run.take(one);
          const { rights, given, taken, lost, exists } = recompute(run.told);
          expect(run.state !== undefined).toBe(exists);
          expect(run.log.store.conflicts).toHaveLength(lost);
          seen.lost += lost;
          seen.taken += taken;
          if (run.state === undefined) continue;
          expect(run.state).toEqual({ kind: "escrow", min: MIN, rights });
          expect(Object.values(run.state.rights).every((right) => right >= 0)).toBe(true);
          const sum = Object.values(run.state.rights).reduce((all, right) => all + right, 0);
          expect(MIN + sum).toBe(MIN + given - taken);
        }
      }),
      { runs: 300 },
    );
    expect(seen.taken).toBeGreaterThan(100);
    expect(seen.lost).toBeGreaterThan(100);
  });

  it("is the same however its entries are grouped into calls", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
    checkProperty(
      fc.property(histories, sizes, (history, groups) => {
        const run = new ModelRun();
        for (const one of history) run.take(one);
        const grouped = new StrictStore();
        for (let start = 0, group = 0; start < run.log.entries.length; group += 1) {
          const end = start + groups[group % groups.length]!;
          grouped.fold(run.log.entries.slice(start, end));
          start = end;
        }
        expect(grouped.contents()).toBe(run.log.store.contents());
      }),
      { runs: 100 },
    );
  });
});
