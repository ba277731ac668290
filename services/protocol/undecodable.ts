/** What can't be decoded stops its partition: it is never skipped. */

export class UndecodableEntryError extends Error {
  override readonly name = "UndecodableEntryError";
}

/** Newer software has written it: whoever runs that can decode it. */
export class NewerEntryError extends UndecodableEntryError {
  readonly version: number;
  constructor(message: string, version: number) {
    super(message);
    this.version = version;
  }
}

/** @throws {UndecodableEntryError} */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UndecodableEntryError(`${what}: not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** The first things that are wrong with a value. */
export function explain(
  validator: { Errors(value: unknown): { instancePath: string; message: string }[] },
  value: unknown,
): string {
  return validator
    .Errors(value)
    .slice(0, 3)
    .map((error) => `${error.instancePath || "/"} ${error.message}`)
    .join("; ");
}
