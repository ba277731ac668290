/**
 * Messages between regions that are answered now or never. Nothing rests on them: they are neither ordered nor kept, so
 * whatever one of them sets in motion has to go through the log before it counts.
 */

export interface BusRequest {
  readonly region: string;
  /** What is asked of the region, such as `escrow`. */
  readonly service: string;
  readonly data: Uint8Array;
  readonly timeoutMs: number;
}

/**
 * Answers one request. One that throws, or answers with more than `PAYLOAD_BYTES_MAX`, leaves its requester with an
 * outcome unknown. It has to end by itself: until then it takes one of the places there are.
 */
export type BusHandler = (data: Uint8Array) => Promise<Uint8Array>;

export interface Bus {
  /**
   * Asks another region, and resolves with its answer.
   * @throws {BusUnavailableError} certainly not handled: nobody there serves it, has room for it, or can be reached; or
   * it is larger than `PAYLOAD_BYTES_MAX`.
   * @throws {BusOutcomeUnknownError} it may have been handled, or may be later.
   */
  request(request: BusRequest): Promise<Uint8Array>;
  /**
   * Answers what other regions ask of this one; where several processes of a region serve the same, one of them does.
   * Holds while the bus is not connected, and beyond. Handles at most `HANDLED_MAX` requests at once, and refuses more.
   * @returns ends it: nothing more is handled, and requests at hand are still answered.
   */
  serve(service: string, handler: BusHandler): () => void;
}

/** Per service and process. */
export const HANDLED_MAX = 64;
/** Of a request, and of an answer. */
export const PAYLOAD_BYTES_MAX = 64 * 1024;

export class BusUnavailableError extends Error {
  override readonly name = "BusUnavailableError";
}

export class BusOutcomeUnknownError extends Error {
  override readonly name = "BusOutcomeUnknownError";
}
