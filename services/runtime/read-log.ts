/** Reading a stretch of a partition's log, for whoever looks back: in order, each entry once. */
import type { OrderedEntry } from "../core/entry.ts";
import type { Clock } from "../ports/clock.ts";
import {
  LogTruncatedError,
  LogUnavailableError,
  SubscriptionLostError,
  type GlobalLog,
  type LogMessage,
  type LogSubscription,
} from "../ports/global-log.ts";
import { orderedEntry } from "../protocol/ordered-entry.ts";
import { UndecodableEntryError } from "../protocol/undecodable.ts";

const RECEIVE = { messagesMax: 64, bytesMax: 4 * 1024 * 1024, timeoutMs: 2_000 };
/** Of work between two rests. */
const WORK_MS = 5;
/** Receives in a row that bring nothing. */
const SILENT_MAX = 5;

export interface LogStretch {
  readonly log: Pick<GlobalLog, "subscribe">;
  readonly clock: Clock;
  readonly partition: number;
  readonly from: number;
  /** Up to here, and no further. */
  readonly to: number;
  /** On the monotonic clock. */
  readonly untilMs: number;
  /** Rests for so long after every few milliseconds' work; default not at all. */
  readonly restMs?: number;
}

/** @param bytes of the entry, as the log has it. */
type Take = (entry: OrderedEntry, bytes: number) => void;

/**
 * From another region's replica where the own one fails.
 * Resolves only once the stretch's last entry is taken.
 * @throws {LogUnavailableError} not in time, or not without a gap. @throws {LogTruncatedError} it does not reach back so far.
 * @throws {SubscriptionLostError} @throws {UndecodableEntryError} and whatever `take` throws.
 */
export async function readLog(stretch: LogStretch, take: Take): Promise<void> {
  const place = { next: stretch.from };
  try {
    await readOn(stretch, { place, isElsewhere: false }, take);
  } catch (error) {
    if (!isOfTheReplica(error)) throw error;
    await readOn(stretch, { place, isElsewhere: true }, take);
  }
}

async function readOn(
  stretch: LogStretch,
  from: { readonly place: { next: number }; readonly isElsewhere: boolean },
  take: Take,
): Promise<void> {
  const { log, partition, to } = stretch;
  const { place, isElsewhere } = from;
  if (place.next > to) return;
  const subscription = await log.subscribe({ partition, from: place.next, isElsewhere });
  const pace = new Pace(stretch);
  try {
    while (place.next <= to) {
      for (const message of await receive(stretch, subscription)) {
        if (message.position !== place.next)
          throw new LogUnavailableError(`the log jumps from ${place.next - 1} to ${message.position}`);
        takeMessage(message, take);
        place.next += 1;
        if (place.next > to) return;
        await pace.rest();
      }
    }
  } finally {
    await subscription.close();
  }
}

/** Leaves the processor to others. */
class Pace {
  readonly #stretch: LogStretch;
  #sinceMs: number;

  constructor(stretch: LogStretch) {
    this.#stretch = stretch;
    this.#sinceMs = stretch.clock.monotonicMs();
  }

  async rest(): Promise<void> {
    const { clock, restMs = 0 } = this.#stretch;
    const isTired = restMs > 0 && clock.monotonicMs() - this.#sinceMs >= WORK_MS;
    // Whoever is asked meanwhile is answered.
    await (isTired ? clock.sleep(restMs) : clock.turn());
    if (isTired) this.#sinceMs = clock.monotonicMs();
  }
}

function takeMessage(message: LogMessage, take: Take): void {
  take(orderedEntry(message), message.data.byteLength);
}

async function receive({ clock, untilMs }: LogStretch, subscription: LogSubscription): Promise<LogMessage[]> {
  for (let silent = 0; silent < SILENT_MAX; silent += 1) {
    if (clock.monotonicMs() > untilMs) throw new LogUnavailableError("the log could not be read in time");
    const messages = await subscription.receive(RECEIVE);
    if (messages.length > 0) return messages;
  }
  throw new LogUnavailableError("the log hands out nothing");
}

function isOfTheReplica(error: unknown): boolean {
  return [LogUnavailableError, LogTruncatedError, SubscriptionLostError, UndecodableEntryError].some(
    (type) => error instanceof type,
  );
}
