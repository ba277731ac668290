/** What the server tells about a delivered message, in its reply subject. */

export interface Delivery {
  readonly position: number;
  readonly storedAtMs: number;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<nanoseconds>.<pending>`; newer
 * servers may put domain and account before the stream, and a token at the end.
 * @returns undefined for anything else.
 */
export function parseDelivery(reply: string): Delivery | undefined {
  const tokens = reply.split(".");
  if (tokens.length < 9 || tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined;
  const offset = tokens.length >= 11 ? 2 : 0;
  const position = Number(tokens[offset + 5]);
  // Nanoseconds don't fit a number exactly: cut the text, so that every region gets the same milliseconds.
  const storedAtMs = Number(tokens[offset + 7]!.slice(0, -6));
  if (!Number.isSafeInteger(position) || position < 1 || !Number.isSafeInteger(storedAtMs)) return undefined;
  return { position, storedAtMs };
}
