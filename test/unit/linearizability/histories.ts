/** Histories for properties: of a plain store that takes each operation at one moment of its interval, and of no store at all. */
import fc from "fast-check";
import type { JsonValue } from "../../../services/core/json.ts";
import type { RecordedOperation } from "../../linearizability/history.ts";
import type { RegisterInput, RegisterOperation, RegisterOutput } from "../../linearizability/register.ts";
import type {
  VersionedInput,
  VersionedOperation,
  VersionedOutput,
} from "../../linearizability/versioned-register.ts";

/** Takes one operation after the other. */
export interface Store<Input, Output> {
  apply(input: Input): Output;
}

export class RegisterStore implements Store<RegisterInput, RegisterOutput> {
  value: JsonValue = null;

  apply(input: RegisterInput): RegisterOutput {
    if (input.type === "read") return { type: "read", value: this.value };
    if (input.type === "compare-and-set" && input.expected !== this.value) return { type: "rejected" };
    this.value = input.value;
    return { type: "written" };
  }
}

export class VersionedStore implements Store<VersionedInput, VersionedOutput> {
  value: JsonValue = null;
  version: number | null = null;
  /** Other keys have versions of their own in between. */
  readonly #gaps: readonly number[];
  #writes = 0;

  constructor(gaps: readonly number[]) {
    this.#gaps = gaps;
  }

  apply(input: VersionedInput): VersionedOutput {
    const { value, version } = this;
    if (input.type === "read") return { type: "read", value, version };
    if (input.type === "conditional-write") {
      const isMet = input.version === "*" ? version !== null : input.version === version;
      if (!isMet) return { type: "rejected" };
    }
    this.value = input.value;
    this.version = (version ?? -1) + this.#gaps[this.#writes % this.#gaps.length]!;
    this.#writes += 1;
    return { type: "written", version: this.version };
  }
}

/** An operation that some client will try. Times are small, so that many are equal. */
export interface Plan<Input> {
  readonly invokedAt: number;
  readonly lasts: number;
  /** After the invocation; later than the completion only where nobody learns of that. */
  readonly takesEffectAfter: number;
  /** `lost`: it has its effect, and nobody is told. `dropped`: it has none, and nobody is told. */
  readonly fate: "answered" | "lost" | "dropped";
  readonly input: Input;
}

export function plans<Input>(
  input: fc.Arbitrary<Input>,
  countMax: number,
): fc.Arbitrary<readonly Plan<Input>[]> {
  const fate = fc.constantFrom("answered" as const, "answered", "answered", "answered", "lost", "dropped");
  const time = fc.nat({ max: 3 * countMax });
  const short = fc.nat({ max: countMax });
  const plan = fc.record({ invokedAt: time, lasts: short, takesEffectAfter: time, fate, input });
  return fc.array(plan, { minLength: 1, maxLength: countMax });
}

/** The history of a store that is linearizable for certain. */
export function execute<Input, Output>(
  store: Store<Input, Output>,
  list: readonly Plan<Input>[],
): RecordedOperation<Input, Output>[] {
  return executeIntents({ list, store, decide: (input) => input });
}

/** The same for clients that decide what to do when it takes effect: lucky guesses, such as a condition that holds. */
export function executeIntents<Intent, Input, Output, Taker extends Store<Input, Output>>(options: {
  list: readonly Plan<Intent>[];
  store: Taker;
  decide: (intent: Intent, store: Taker) => Input;
}): RecordedOperation<Input, Output>[] {
  const { list, store, decide } = options;
  const delay = ({ fate, lasts, takesEffectAfter }: Plan<Intent>): number =>
    fate === "answered" ? Math.min(takesEffectAfter, lasts) : takesEffectAfter;
  const moments = list.map((plan, number) => ({ plan, number, at: plan.invokedAt + delay(plan) }));
  moments.sort((one, other) => one.at - other.at);
  return moments.map(({ plan, number }) => {
    const { invokedAt, lasts, fate } = plan;
    const input = decide(plan.input, store);
    const output = fate === "dropped" ? undefined : store.apply(input);
    const invocation = { client: `client-${number}`, key: "key", invokedAt, input };
    return fate === "answered"
      ? { ...invocation, completedAt: invokedAt + lasts, output: output! }
      : invocation;
  });
}

/** Few values, so that the same one is written more than once. */
const value = fc.constantFrom(1, 2, 3);
const expected = fc.constantFrom(null, 1, 2, 3);
const number = fc.nat({ max: 6 });
const read = fc.constant({ type: "read" } as const);
const written = fc.record({ type: fc.constant("write" as const), value });

export const registerInput: fc.Arbitrary<RegisterInput> = fc.oneof(
  read,
  written,
  fc.record({ type: fc.constant("compare-and-set" as const), expected, value }),
);

export const registerOutput: fc.Arbitrary<RegisterOutput> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("read" as const), value: expected }) },
  { weight: 4, arbitrary: fc.constantFrom<RegisterOutput>({ type: "written" }, { type: "rejected" }) },
  { weight: 1, arbitrary: fc.constant<RegisterOutput>({ type: "no-effect" }) },
);

export const versionedInput: fc.Arbitrary<VersionedInput> = fc.oneof(
  read,
  written,
  fc.record({
    type: fc.constant("conditional-write" as const),
    version: fc.oneof(number, fc.constantFrom(null, "*" as const)),
    value,
  }),
);

export const versionedOutput: fc.Arbitrary<VersionedOutput> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("read" as const), value, version: number }) },
  { weight: 1, arbitrary: fc.constant<VersionedOutput>({ type: "read", value: null, version: null }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("written" as const), version: number }) },
  { weight: 4, arbitrary: fc.constantFrom<VersionedOutput>({ type: "rejected" }, { type: "no-effect" }) },
);

const gaps = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 6 });

export function registerHistories(countMax: number): fc.Arbitrary<readonly RegisterOperation[]> {
  return plans(registerInput, countMax).map((list) => execute(new RegisterStore(), list));
}

export function versionedHistories(countMax: number): fc.Arbitrary<readonly VersionedOperation[]> {
  return fc
    .tuple(plans(versionedInput, countMax), gaps)
    .map(([list, between]) => execute(new VersionedStore(between), list));
}

/** The same operations with other outputs: a share of all histories that is neither all right nor all wrong. */
export function corrupted<Input, Output>(
  histories: fc.Arbitrary<readonly RecordedOperation<Input, Output>[]>,
  output: fc.Arbitrary<Output>,
  countMax: number,
): fc.Arbitrary<readonly RecordedOperation<Input, Output>[]> {
  const changes = fc.array(fc.tuple(fc.nat(), output), { minLength: 1, maxLength: countMax });
  return fc.tuple(histories, changes).map(([history, list]) => {
    const changed = [...history];
    for (const [where, other] of list) {
      const index = where % changed.length;
      const operation = changed[index]!;
      if (operation.completedAt !== undefined) changed[index] = { ...operation, output: other };
    }
    return changed;
  });
}
