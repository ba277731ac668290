import { describe, expect, it } from "vitest";
import { checkLinearizability, describeResult } from "../../linearizability/checker.ts";
import {
  isCompleted,
  type CompletedOperation,
  type RecordedOperation,
} from "../../linearizability/history.ts";
import type { Model } from "../../linearizability/model.ts";
import { registerModel, type RegisterInput, type RegisterOutput } from "../../linearizability/register.ts";
import {
  versionedRegisterModel,
  type VersionedInput,
  type VersionedOutput,
} from "../../linearizability/versioned-register.ts";
import { SeededRandom } from "../../simulation/random.ts";
import { testSeed } from "../property.ts";
import { executeIntents, RegisterStore, VersionedStore, type Plan } from "./histories.ts";

const CLIENTS = 20;
const OPERATIONS = 3_000;
const LASTS_MAX = 1_000;
const LOST = 0.02;

/** What a client is about to do: a value that is written once, and whether the condition is to hold. */
interface Intent {
  readonly type: "read" | "write" | "write on condition";
  readonly value: number;
  readonly isRight: boolean;
}

/** Clients that each do one thing after the other, and rest in between for up to so long. */
function plans(random: SeededRandom, restMax: number): Plan<Intent>[] {
  return Array.from({ length: CLIENTS }).flatMap((_, client) => {
    let time = random.integer(0, LASTS_MAX);
    return Array.from({ length: OPERATIONS / CLIENTS }, (__, count): Plan<Intent> => {
      const invokedAt = time + random.integer(1, restMax);
      const lasts = random.integer(0, LASTS_MAX);
      time = invokedAt + lasts;
      const isLost = random.chance(LOST);
      const fate = isLost ? random.pick(["lost", "dropped"] as const) : "answered";
      const type = random.pick(["read", "read", "write", "write on condition"] as const);
      const input = { type, value: client * OPERATIONS + count, isRight: random.chance(0.5) };
      return {
        invokedAt,
        lasts,
        takesEffectAfter: random.integer(0, isLost ? 3 * LASTS_MAX : lasts),
        fate,
        input,
      };
    });
  });
}

function decideRegister({ type, value, isRight }: Intent, store: RegisterStore): RegisterInput {
  if (type === "read") return { type };
  if (type === "write") return { type, value };
  return { type: "compare-and-set", expected: isRight ? store.value : value + 1, value };
}

function decideVersioned({ type, value, isRight }: Intent, { version }: VersionedStore): VersionedInput {
  if (type === "read") return { type };
  if (type === "write") return { type, value };
  return { type: "conditional-write", version: isRight ? version : (version ?? 0) - 1, value };
}

interface Kind<State, Input, Output> {
  readonly model: Model<State, Input, Output>;
  readonly history: readonly RecordedOperation<Input, Output>[];
}

type Completed<Input, Output> = CompletedOperation<Input, Output>;

/** Of the operations that completed before a moment, the last two of which one came after the other. */
function twoBefore<Input, Output>(
  operations: readonly Completed<Input, Output>[],
  at: number,
): readonly [Completed<Input, Output>, Completed<Input, Output>] {
  const before = operations.filter(({ completedAt }) => completedAt < at);
  const latest = (list: typeof before): Completed<Input, Output> =>
    list.reduce((one, other) => (other.invokedAt > one.invokedAt ? other : one));
  const second = latest(before);
  return [latest(before.filter(({ completedAt }) => completedAt < second.invokedAt)), second];
}

function expectLinearizable<State, Input, Output>({ model, history }: Kind<State, Input, Output>): void {
  const result = checkLinearizability(model, history);
  expect(result.verdict, describeResult(result)).toBe("linearizable");
  expect(result.steps).toBeLessThan(30 * OPERATIONS);
}

/** Gives a read near the end the value of a write that was overwritten for certain. */
function expectStaleReadFound<State, Input extends { type: string }, Output extends { type: string }>(
  { model, history }: Kind<State, Input, Output>,
  sight: (write: Completed<Input, Output>) => Output,
): void {
  const completed = history.filter(isCompleted);
  const reads = completed.filter(({ input }) => input.type === "read");
  const read = reads.sort((one, other) => one.invokedAt - other.invokedAt)[Math.floor(reads.length * 0.9)]!;
  const writes = completed.filter(({ output }) => output.type === "written");
  const [stale] = twoBefore(writes, read.invokedAt);
  const wrong = { ...read, output: sight(stale) };
  const result = checkLinearizability(
    model,
    history.map((operation) => (operation === read ? wrong : operation)),
  );
  expect(result.verdict, describeResult(result)).toBe("violation");
  if (result.verdict !== "violation") return;
  expect(result.steps).toBeLessThan(300 * OPERATIONS);
  expect(result.order.length).toBeGreaterThan(OPERATIONS / 2);
  expect(result.underWay.length).toBeLessThan(CLIENTS + 3 * LOST * OPERATIONS);
}

describe(`${OPERATIONS} operations of ${CLIENTS} clients on one key`, () => {
  const random = new SeededRandom(testSeed());

  const register: Kind<unknown, RegisterInput, RegisterOutput> = {
    model: registerModel() as Model<unknown, RegisterInput, RegisterOutput>,
    history: executeIntents({
      list: plans(random, LASTS_MAX),
      store: new RegisterStore(),
      decide: decideRegister,
    }),
  };

  const versioned: Kind<unknown, VersionedInput, VersionedOutput> = {
    model: versionedRegisterModel() as Model<unknown, VersionedInput, VersionedOutput>,
    history: executeIntents({
      list: plans(random, 1),
      store: new VersionedStore([1, 3, 2]),
      decide: decideVersioned,
    }),
  };

  it("are an order of a register", () => expectLinearizable(register));

  it("are an order of a versioned register, though nobody ever rests", () => expectLinearizable(versioned));

  it("are none of a register when one late read is stale", () => {
    expectStaleReadFound(register, ({ input }): RegisterOutput => ({
      type: "read",
      value: input.type === "read" ? null : input.value,
    }));
  });

  it("are none of a versioned register when one late read is stale", () => {
    expectStaleReadFound(versioned, ({ input, output }): VersionedOutput => ({
      type: "read",
      value: input.type === "read" ? null : input.value,
      version: output.type === "written" ? output.version : null,
    }));
  });
});
