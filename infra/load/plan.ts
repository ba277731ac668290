/** What a paced load is told to do: streams of requests, each with a rate of its own. Plain data, since a thread gets it. */

import type { TogetherPlan } from "./together.ts";

export interface LoadPlan {
  readonly streams: readonly StreamPlan[];
  /** The load ends by itself after this long; bounds what is remembered. */
  readonly secondsMax: number;
}

export interface StreamPlan {
  /** Unique in the plan. */
  readonly name: string;
  readonly region: string;
  /** Whatever figures are to be told apart by, such as `local` or `authoritative`. */
  readonly class: string;
  /** The first try of a request goes to the first, the second to the second, and round again. */
  readonly urls: readonly string[];
  readonly ratePerSecond: number;
  /** Sent in turn, over and over. */
  readonly requests: readonly LoadRequest[];
  /** Gives request n the header `Idempotency-Key: <prefix>-<n>`. */
  readonly idempotencyPrefix?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of one try, from when it is sent. Default 15,000. */
  readonly timeoutMs?: number;
  /** To each address, all made before the load starts; what is due while all are busy waits in the queue. Default 128. */
  readonly connectionsMax?: number;
  /** What is due while the queue is full is not sent, and counted as that. Default 10,000. */
  readonly queueMax?: number;
  /** Default 1: what fails has failed. */
  readonly triesMax?: number;
  /** With one address: what comes together goes together. Needs the prefix, and requests with keys. */
  readonly together?: TogetherPlan;
}

export interface LoadRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Of the record that it writes to. */
  readonly key?: string;
}

export const TIMEOUT_MS_DEFAULT = 15_000;
export const CONNECTIONS_MAX_DEFAULT = 128;
export const QUEUE_MAX_DEFAULT = 10_000;

/** The Idempotency-Key of a stream's n-th request, from 0. */
export function idempotencyKeyOf(prefix: string, number: number): string {
  return `${prefix}-${number}`;
}

/** The n-th request of a stream, from 0. */
export function requestOf({ requests }: Pick<StreamPlan, "requests">, number: number): LoadRequest {
  const request = requests[number % requests.length];
  if (request === undefined) throw new RangeError("a stream needs at least one request to send");
  return request;
}
