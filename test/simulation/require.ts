/** How checks of a simulation fail: by the name of the invariant. */

export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

export function require(holds: boolean, invariant: string, detail: string): asserts holds {
  if (!holds) throw new InvariantError(`${invariant}: ${detail}`);
}
