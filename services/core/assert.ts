/** Assertions for bugs. They stay on in production: a wrong state must stop, not spread. */

let failed = 0;

/** Thrown where the program finds itself in a state that it can't be in. Whoever catches it, it has been counted. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
  constructor(message: string) {
    super(message);
    failed += 1;
  }
}

/** How many assertions have failed since the process started: for operators alone, no decision may depend on it. */
export function failedAssertions(): number {
  return failed;
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Makes the compiler find the missing case of a union. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable case: ${JSON.stringify(value)}`);
}
