/**
 * What records should be, where no majority of the regions says so: the log is read from its first entry up to the barrier,
 * once for which records it decides on together, and once more to fold those. Only a row that some region holds is proven.
 */
import { rowHash } from "../core/digest.ts";
import { LogMismatchError, sliceOf } from "../core/fold/fold.ts";
import { recordIdText } from "../core/operation.ts";
import type { OrderedEntry } from "../core/entry.ts";
import type { ProvenRow } from "../core/verify/majority.ts";
import { RelatedRecords } from "../core/verify/related-records.ts";
import { RepeatedIds } from "../core/verify/repeated-ids.ts";
import { Replay } from "../core/verify/replay.ts";
import type { Clock } from "../ports/clock.ts";
import {
  LogTruncatedError,
  LogUnavailableError,
  SubscriptionLostError,
  type GlobalLog,
  type LogSubscription,
} from "../ports/global-log.ts";
import type { DifferingRecord } from "../ports/reconciliation.ts";
import { decodeEntry } from "../protocol/entry-codec.ts";
import { UndecodableEntryError } from "../protocol/undecodable.ts";
import { describeError } from "../runtime/describe-error.ts";

/** Of both readings. */
const PROOF_MS_MAX = 900_000;
const RECEIVE = { messagesMax: 64, bytesMax: 4 * 1024 * 1024, timeoutMs: 5_000 };
/** Receives in a row that bring nothing. */
const SILENT_MAX = 6;
const RELATED_MAX = 1_000_000;
const KEPT_MAX = 10_000;
/** A quarter of a gigabyte, at most. */
const IDS_MAX = 8_000_000;

export interface LogProofOptions {
  readonly log: Pick<GlobalLog, "inspect" | "subscribe">;
  readonly clock: Clock;
  readonly partition: number;
  /** Of the barrier: the log is folded up to there. */
  readonly position: number;
}

export interface LogProof {
  /** By `recordIdText`; what is not there is not proven. */
  readonly rows: ReadonlyMap<string, ProvenRow>;
  /** Why nothing could be proven at all. */
  readonly problem: string | undefined;
}

/** The log does not tell, and why. */
class UnprovenError extends Error {
  override readonly name = "UnprovenError";
}

/** Never rejects: that something can't be proven takes nothing from what was found. */
export async function proveByLog(
  differing: readonly DifferingRecord[],
  options: LogProofOptions,
): Promise<LogProof> {
  try {
    return { rows: await prove(differing, options), problem: undefined };
  } catch (error) {
    const problem = error instanceof UnprovenError ? error.message : describeError(error);
    return { rows: new Map(), problem };
  }
}

async function prove(
  differing: readonly DifferingRecord[],
  options: LogProofOptions,
): Promise<Map<string, ProvenRow>> {
  const { log, partition, position, clock } = options;
  const { firstPosition } = await log.inspect(partition);
  if (firstPosition !== 1)
    throw new UnprovenError(
      `the log begins at ${firstPosition}: what came before is trimmed, or was folded from another`,
    );
  const untilMs = clock.monotonicMs() + PROOF_MS_MAX;
  const { related, ids } = await survey({ ...options, untilMs });
  const kept = related.of(differing);
  if (kept.size > KEPT_MAX)
    throw new UnprovenError(`what differs is related to ${kept.size} records, more than ${KEPT_MAX}`);
  const replay = new Replay(partition, { kept, repeated: ids.repeated });
  await readLog({ ...options, untilMs }, (entry) => replay.fold(entry));
  const proven = differing.map((one) => [recordIdText(one), provenBy(replay, one, position)] as const);
  return new Map(proven.flatMap(([name, row]) => (row === undefined ? [] : [[name, row]])));
}

/** What the log decides on together, and which operations it holds more than once. */
async function survey(reading: Reading): Promise<{ related: RelatedRecords; ids: RepeatedIds }> {
  const related = new RelatedRecords();
  const ids = new RepeatedIds();
  await readLog(reading, (ordered) => {
    related.tell(ordered.entry);
    for (const id of sliceOf([ordered]).operations) ids.tell(id);
    if (related.size > RELATED_MAX)
      throw new UnprovenError(`the log relates more than ${RELATED_MAX} records`);
    if (ids.size > IDS_MAX) throw new UnprovenError(`the log holds more than ${IDS_MAX} operations`);
  });
  return { related, ids };
}

/** A row that nobody holds says that either all regions are damaged, or the replay has missed something. */
function provenBy(replay: Replay, { rows, ...id }: DifferingRecord, position: number): ProvenRow | undefined {
  const row = replay.row(recordIdText(id));
  if (row === undefined) return undefined;
  const hash = row === null ? null : rowHash(row);
  const holders = Object.entries(rows).filter(([, held]) => (held === null ? null : rowHash(held)) === hash);
  if (holders.length === 0) return undefined;
  const names = holders.map(([region]) => region).join(", ");
  const what = row === null ? "no such row" : "this row";
  return {
    record: holders[0]![1],
    by: "log",
    reason: `the log's entries up to ${position} give ${what}, as in ${names}`,
  };
}

interface Reading extends LogProofOptions {
  readonly untilMs: number;
}

/** In order, each entry once, up to the barrier. From another region's replica where the own one fails. */
async function readLog(reading: Reading, take: (entry: OrderedEntry) => void): Promise<void> {
  const place = { next: 1 };
  try {
    await readOn(reading, { place, isElsewhere: false }, take);
  } catch (error) {
    if (error instanceof UnprovenError || !isOfTheLog(error)) throw error;
    await readOn(reading, { place, isElsewhere: true }, take);
  }
}

async function readOn(
  reading: Reading,
  from: { readonly place: { next: number }; readonly isElsewhere: boolean },
  take: (entry: OrderedEntry) => void,
): Promise<void> {
  const { log, partition, position, clock } = reading;
  const { place, isElsewhere } = from;
  if (place.next > position) return;
  const subscription = await log.subscribe({ partition, from: place.next, isElsewhere });
  try {
    while (place.next <= position) {
      for (const message of await receive(reading, subscription)) {
        if (message.position > position) return;
        const { entry, checksum } = decodeEntry(message.data);
        take({ position: message.position, storedAtMs: message.storedAtMs, checksum, entry });
        place.next = message.position + 1;
        // Whoever is asked meanwhile is answered.
        await clock.turn();
      }
    }
  } finally {
    await subscription.close();
  }
}

async function receive({ clock, untilMs }: Reading, subscription: LogSubscription) {
  for (let silent = 0; silent < SILENT_MAX; silent += 1) {
    if (clock.monotonicMs() > untilMs)
      throw new UnprovenError(`the log could not be read within ${PROOF_MS_MAX / 1_000} s`);
    const messages = await subscription.receive(RECEIVE);
    if (messages.length > 0) return messages;
  }
  throw new LogUnavailableError("the log hands out nothing");
}

function isOfTheLog(error: unknown): boolean {
  return [
    UnprovenError,
    LogMismatchError,
    LogUnavailableError,
    LogTruncatedError,
    SubscriptionLostError,
    UndecodableEntryError,
  ].some((type) => error instanceof type);
}
