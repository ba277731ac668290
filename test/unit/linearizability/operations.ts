/** Short ways to write down operations. */
import type { RecordedOperation } from "../../linearizability/history.ts";
import type { RegisterInput, RegisterOutput } from "../../linearizability/register.ts";
import type {
  VersionCondition,
  VersionedInput,
  VersionedOutput,
} from "../../linearizability/versioned-register.ts";

type Times = readonly [invokedAt: number, completedAt: number];

/** An operation with its answer. */
export function done<Input, Output>(
  [invokedAt, completedAt]: Times,
  input: Input,
  output: Output,
): RecordedOperation<Input, Output> {
  return { client: `client-${invokedAt}`, key: "key", invokedAt, completedAt, input, output };
}

/** An operation that was never answered. */
export function lost<Input>(invokedAt: number, input: Input): RecordedOperation<Input, never> {
  return { client: `client-${invokedAt}`, key: "key", invokedAt, input };
}

export const READ = { type: "read" } as const;
export const WRITTEN = { type: "written" } as const;
export const REJECTED = { type: "rejected" } as const;
export const NO_EFFECT = { type: "no-effect" } as const;

export function write(value: string | number | null): RegisterInput & VersionedInput {
  return { type: "write", value };
}

/** Compare-and-set. */
export function swap(expected: string | number | null, value: string | number): RegisterInput {
  return { type: "compare-and-set", expected, value };
}

export function saw(value: string | number | null): RegisterOutput {
  return { type: "read", value };
}

export function writeIf(version: VersionCondition, value: string | number): VersionedInput {
  return { type: "conditional-write", version, value };
}

export function sawAt(version: number | null, value: string | number | null): VersionedOutput {
  return { type: "read", value, version };
}

export function writtenAt(version: number): VersionedOutput {
  return { type: "written", version };
}
