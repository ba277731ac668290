/** What the client library and the server report, in words. */
import { JetStreamApiError } from "@nats-io/jetstream";

/** The server's number of an error, such as 10059; undefined for errors that have none. */
export function apiErrorCode(error: unknown): number | undefined {
  // Some answers carry no number although the library's type says so.
  return error instanceof JetStreamApiError ? (error.code as number | undefined) : undefined;
}

/** The message, with the cause's where the error itself says little. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message || error.name}${cause}`;
}
