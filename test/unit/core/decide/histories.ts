/**
 * Random histories of decisions: what each region proposed and wrote. References into the past, such as "the version
 * that the record has now", are resolved when the step is taken, so that a good part of all proposals holds.
 */
import fc from "fast-check";
import type { JsonValue } from "../../../../services/core/json.ts";
import { REGIONS, type Region } from "./test-log.ts";
import type { Operators } from "./writes.ts";

export const KEYS = ["one", "two", "three"] as const;

/** What a reference to the past becomes: as it is, out of date, or the two that need none. */
export type Reference = "now" | "old" | "none" | "any";

export interface WriteStep {
  readonly collection: "people" | "late" | "$leases";
  readonly key: string;
  /** `toggle` deletes what there is, and restores what is deleted. */
  readonly action: "change" | "delete" | "restore" | "toggle" | "reclaim" | "acquire" | "renew" | "release";
  readonly operators: readonly Operators[];
  readonly version?: Reference | undefined;
  /** The field of a condition, and whether it names the value that is there. */
  readonly field?: { readonly name: string; readonly reference: "now" | "old" } | undefined;
  /** Of a token, or of a restore's claims. */
  readonly reference: "now" | "old";
  readonly holder: string;
  /** Whose rights are reclaimed. */
  readonly from: Region;
  readonly ttlMs: number;
}

export interface ProposalStep {
  readonly writes: readonly WriteStep[];
  readonly deadlineMs: number;
  readonly fence?: { readonly lease: string; readonly reference: "now" | "old" } | undefined;
  /** Tries an earlier request again, with a deadline of its own. */
  readonly repeats?: number | undefined;
  /** How far the gateway's clock is off. */
  readonly clockMs: number;
}

export interface Step {
  readonly what: "propose" | "local" | "tick" | "spell" | "late" | "phone";
  readonly origin: Region;
  readonly waitMs: number;
  readonly proposals: readonly ProposalStep[];
  /** Of a local write. */
  readonly key: string;
  readonly operators: readonly Operators[];
  /** How far behind the log the region was. */
  readonly behind: number;
  readonly repeats?: number | undefined;
}

const setOf = (field: string, ...values: readonly JsonValue[]): fc.Arbitrary<Operators> =>
  fc.constantFrom(...values).map((value) => ({ set: { [field]: value } }));
const unsetOf = (...fields: readonly string[]): fc.Arbitrary<Operators> =>
  fc.constantFrom(...fields).map((field) => ({ unset: { [field]: null } }));

const uniqueOperators = fc.oneof(
  { weight: 16, arbitrary: setOf("email", "a", "b", "c") },
  { weight: 6, arbitrary: setOf("badge", 1, 2) },
  { weight: 4, arbitrary: unsetOf("email", "badge") },
  { weight: 1, arbitrary: setOf("phone", "1", "2") },
  { weight: 1, arbitrary: fc.constant<Operators>({ inc: { badge: 1 } }) },
);

const localOperators: fc.Arbitrary<Operators> = fc.oneof(
  setOf("name", "Ada", "Eve"),
  unsetOf("name"),
  fc.integer({ min: -3, max: 3 }).map((visits) => ({ inc: { visits } })),
  fc.constantFrom("x", "y").map((tag) => ({ add: { tags: [tag] } })),
  fc.constantFrom("x", "y").map((tag) => ({ remove: { tags: [tag] } })),
  setOf("choice", "left", "right"),
);

const giveSeats = fc.constantFrom(1, 2, 7).map((seats): Operators => ({ give: { seats } }));
const takeSeats = fc.constantFrom(1, 2, 5).map((seats): Operators => ({ take: { seats } }));
/** Of regions alone; that the log takes is refused. */
const localWithSeats = fc.oneof(
  { weight: 4, arbitrary: localOperators },
  { weight: 1, arbitrary: giveSeats },
  { weight: 2, arbitrary: takeSeats },
);

const ruledOperators: fc.Arbitrary<Operators> = fc.oneof(
  setOf("status", "new", "open", "closed", "lost"),
  setOf("status", "new", "open", "closed"),
  setOf("credit", 0, 0, 5, 5, 10, 10, -1, 11, "five"),
  fc.constantFrom(-6, -1, 1, 6).map((credit) => ({ inc: { credit } })),
  setOf("note", 1, "n", null),
  fc.constantFrom(1, 2).map((note) => ({ inc: { note } })),
  setOf("weight", -1.5, 0.5, 2),
  unsetOf("born", "status", "credit", "note"),
);

const anyOperators = fc.oneof(
  { weight: 12, arbitrary: uniqueOperators },
  { weight: 8, arbitrary: localOperators },
  { weight: 12, arbitrary: ruledOperators },
  { weight: 5, arbitrary: setOf("born", "1815", "1816", "1817") },
  { weight: 3, arbitrary: giveSeats },
  { weight: 1, arbitrary: takeSeats },
  { weight: 1, arbitrary: setOf("nothing", 1) },
);

const reference = fc.constantFrom("now", "now", "now", "old");
const fieldCondition = fc.record({
  name: fc.constantFrom("email", "status", "credit", "name", "tags", "note", "visits", "seats"),
  reference,
});
const version = fc.constantFrom<Reference[]>("now", "now", "now", "old", "none", "any");

const often = <T>(usual: T, times: number, other: T): fc.Arbitrary<T> =>
  fc.oneof({ weight: times, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constant(other) });

/** Once in `times + 1`. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>, times: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: times, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

function recordWrite(operators: fc.Arbitrary<Operators>): fc.Arbitrary<WriteStep> {
  return fc.record({
    collection: often("people", 12, "late"),
    key: fc.constantFrom(...KEYS),
    action: fc.oneof(
      { weight: 12, arbitrary: fc.constant("change" as const) },
      { weight: 5, arbitrary: fc.constant("toggle" as const) },
      { weight: 4, arbitrary: fc.constant("reclaim" as const) },
      { weight: 1, arbitrary: fc.constantFrom("delete" as const, "restore" as const) },
    ),
    operators: fc.array(operators, { maxLength: 2, size: "max" }),
    version: seldom(version, 5),
    field: seldom(fieldCondition, 6),
    reference,
    holder: fc.constant(""),
    from: fc.constantFrom(...REGIONS),
    ttlMs: fc.constant(0),
  } as const);
}

const leaseWrite: fc.Arbitrary<WriteStep> = fc.record({
  collection: fc.constant("$leases"),
  key: often("job", 6, "other"),
  action: fc.constantFrom("acquire", "acquire", "renew", "release"),
  operators: fc.constant([]),
  reference,
  holder: fc.constantFrom("ada", "bob"),
  from: fc.constant("ap" as const),
  ttlMs: fc.constantFrom(1, 60, 300),
} as const);

function proposalStep(operators: fc.Arbitrary<Operators>): fc.Arbitrary<ProposalStep> {
  const write = fc.oneof(
    { weight: 5, arbitrary: recordWrite(operators) },
    { weight: 1, arbitrary: leaseWrite },
  );
  return fc.record({
    writes: fc.uniqueArray(write, {
      minLength: 1,
      maxLength: 3,
      selector: ({ collection, key }) => `${collection}/${key}`,
    }),
    deadlineMs: fc.oneof(
      { weight: 6, arbitrary: fc.constant(1_000) },
      { weight: 1, arbitrary: fc.constantFrom(0, 1, 60, -1) },
    ),
    fence: seldom(fc.record({ lease: often("job", 6, "other"), reference }), 8),
    repeats: seldom(fc.nat({ max: 50 }), 8),
    clockMs: fc.constantFrom(-1_000, 0, 0, 400, 5_000),
  });
}

function steps(operators: fc.Arbitrary<Operators>): fc.Arbitrary<Step[]> {
  const step = fc.record({
    what: fc.oneof(
      { weight: 12, arbitrary: fc.constant("propose" as const) },
      { weight: 4, arbitrary: fc.constant("local" as const) },
      { weight: 4, arbitrary: fc.constantFrom("tick" as const, "late" as const, "phone" as const) },
      { weight: 1, arbitrary: fc.constant("spell" as const) },
    ),
    origin: fc.constantFrom(...REGIONS),
    waitMs: fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(0, 0, 0, 1, 10, 60, -30) },
      // Around the gap between ticks that says that somebody was away.
      { weight: 1, arbitrary: fc.constantFrom(4_999, 5_000, 5_001) },
    ),
    proposals: fc.array(proposalStep(operators), { minLength: 1, maxLength: 2 }),
    key: fc.constantFrom(...KEYS),
    operators: fc.array(localWithSeats, { minLength: 1, maxLength: 2 }),
    behind: fc.nat({ max: 6 }),
    repeats: seldom(fc.nat({ max: 50 }), 10),
  });
  return fc.array(step, { maxLength: 40, size: "max" });
}

/** Of everything that there is. */
export const histories = steps(anyOperators);
/** Of the fields that both ways in write: what is concurrent matters there. */
export const mixedHistories = steps(localOperators);
/** Of unique values above all. */
export const uniqueHistories = steps(uniqueOperators);
