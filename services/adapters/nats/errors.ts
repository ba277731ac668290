/** What the client library and the server report, in words, and what it says of a message that was sent. */
import { errors, NoRespondersError } from "@nats-io/transport-node";

const CAUSES_DEPTH_MAX = 4;

/** There is no connection to the region's nats-server. */
export class NotConnectedError extends Error {
  override readonly name = "NotConnectedError";
}

/** The connection was lost while an answer was waited for. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/** The message, with the cause's where the error itself says little. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message || error.name}${cause}`;
}

/** The message has not left the client. */
export function isUnsent(error: unknown): boolean {
  return (
    error instanceof errors.ClosedConnectionError ||
    error instanceof errors.DrainingConnectionError ||
    error instanceof errors.InvalidArgumentError
  );
}

/** The server had nobody to give the message to. */
export function isWithoutResponders(error: unknown): boolean {
  let cause: unknown = error;
  for (let depth = 0; depth < CAUSES_DEPTH_MAX && cause instanceof Error; depth += 1) {
    if (cause instanceof NoRespondersError) return true;
    cause = cause.cause;
  }
  return false;
}
