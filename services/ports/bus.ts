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

/** Answers one request. One that throws is answered to the requester as an outcome unknown. */
export type BusHandler = (data: Uint8Array) => Promise<Uint8Array>;

export interface Bus {
  /**
   * Asks another region, and resolves with its answer.
   * @throws {BusUnavailableError} certainly not handled: nobody there serves it, has room for it, or can be reached.
   * @throws {BusOutcomeUnknownError} it may have been handled, or may be later.
   */
  request(request: BusRequest): Promise<Uint8Array>;
  /**
   * Answers what other regions ask of this one; where several processes of a region serve the same, one of them does.
   * Holds while the bus is not connected, and beyond. Handles at most `HANDLED_MAX` requests at once, and refuses more.
   * @returns ends it; requests at hand are still answered.
   */
  serve(service: string, handler: BusHandler): () => void;
}

export const HANDLED_MAX = 64;

export class BusUnavailableError extends Error {
  override readonly name = "BusUnavailableError";
}

export class BusOutcomeUnknownError extends Error {
  override readonly name = "BusOutcomeUnknownError";
}
