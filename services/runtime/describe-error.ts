/** Errors as logs and status show them: name and message, on one line. */

export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
