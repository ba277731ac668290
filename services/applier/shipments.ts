/** How long operations took on their way here: in their origin's buffer, in the log, and until they were folded. */
import type { BatchEntry, OrderedEntry } from "../core/entry.ts";
import type { PartitionState } from "../core/fold/state.ts";
import { hlcMilliseconds } from "../core/hlc.ts";
import { own } from "../core/json.ts";
import type { LogMessage } from "../ports/global-log.ts";

/**
 * Of one batch, by its oldest operation. Three regions' clocks tell these times: what their distance makes negative is 0.
 */
export interface Shipment {
  readonly origin: string;
  /** From the operation's stamp until the log has ordered it. */
  readonly bufferMs: number;
  /** Until it came to this process. */
  readonly logMs: number;
  /** Until its fold was committed here. */
  readonly foldMs: number;
  /** From the stamp to the commit. */
  readonly totalMs: number;
}

export class Shipments {
  /** When messages came that are not committed yet, by position. */
  readonly #receivedAtMs = new Map<number, number>();

  /** @param nowMs of the wall clock, where the log does not tell when a message came. */
  received(messages: readonly LogMessage[], nowMs: number): void {
    for (const { position, receivedAtMs = nowMs } of messages) {
      this.#receivedAtMs.set(position, receivedAtMs);
    }
  }

  /**
   * @param fold.origins as they were before: a batch that holds nothing new, or comes too early, is no shipment.
   * @param fold.nowMs of the wall clock.
   */
  committed(
    entries: readonly OrderedEntry[],
    { origins, nowMs }: Pick<PartitionState, "origins"> & { readonly nowMs: number },
  ): Shipment[] {
    const watermarks = new Map<string, number>();
    return entries.flatMap(({ entry, position, storedAtMs }) => {
      const receivedAtMs = this.#receivedAtMs.get(position) ?? nowMs;
      this.#receivedAtMs.delete(position);
      if (entry.kind !== "batch") return [];
      const watermark = watermarks.get(entry.origin) ?? own(origins, entry.origin)?.watermark;
      const acceptedAtMs = watermark === undefined ? undefined : oldestFresh(entry, watermark);
      if (acceptedAtMs === undefined) return [];
      watermarks.set(entry.origin, entry.last);
      return [shipment(entry.origin, [acceptedAtMs, storedAtMs, receivedAtMs, nowMs])];
    });
  }
}

/** The stamp of the first operation that the fold takes of a batch, in milliseconds; undefined where it takes none. */
function oldestFresh({ first, last, operations }: BatchEntry, watermark: number): number | undefined {
  if (first > watermark + 1 || last <= watermark) return undefined;
  const fresh = operations[watermark + 1 - first];
  return fresh && hlcMilliseconds(fresh.operation.hlc);
}

function shipment(
  origin: string,
  [acceptedAtMs, orderedAtMs, receivedAtMs, committedAtMs]: readonly [number, number, number, number],
): Shipment {
  const between = (fromMs: number, toMs: number) => Math.max(0, toMs - fromMs);
  return {
    origin,
    bufferMs: between(acceptedAtMs, orderedAtMs),
    logMs: between(orderedAtMs, receivedAtMs),
    foldMs: between(receivedAtMs, committedAtMs),
    totalMs: between(acceptedAtMs, committedAtMs),
  };
}
