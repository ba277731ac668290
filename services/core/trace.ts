/** W3C trace context: what a client's `traceparent` says, in the one form in which it goes through WAL and log. */

/** Version 00: trace id, id of the client's span, flags. */
export const TRACEPARENT_PATTERN = "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$";

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;
const LENGTH = 55;
const SAMPLED = 1;

/** An operation of an entry that has a trace: its index, and the traceparent. */
export type TracedIndex = readonly [index: number, trace: string];

export interface TraceContext {
  readonly traceId: string;
  readonly parentId: string;
  /** The client records it. */
  readonly isSampled: boolean;
}

/** The traceparent in the form of version 00; undefined where it is malformed, which is no error of the request. */
export function readTraceparent(text: unknown): string | undefined {
  if (typeof text !== "string" || !TRACEPARENT.test(text)) return undefined;
  // Of a later version only what this one knows; in this one nothing may follow.
  if (text.startsWith("00") && text.length !== LENGTH) return undefined;
  return `00${text.slice(2, LENGTH)}`;
}

/** @param trace of `readTraceparent`. */
export function traceContextOf(trace: string): TraceContext {
  const [, traceId, parentId, flags] = trace.split("-") as [string, string, string, string];
  return { traceId, parentId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}
