/**
 * What records should be, where no majority of the regions says so: the log is read from its first entry up to the barrier,
 * once for which records it decides on together, and once more to fold those. Only a row that some region holds is proven.
 */
import type { OrderedEntry } from "../core/entry.ts";
import { chain, ZERO_HASH } from "../core/hash.ts";
import { rowHash } from "../core/digest.ts";
import { sliceOf } from "../core/fold/fold.ts";
import { recordIdText } from "../core/operation.ts";
import type { ProvenRow } from "../core/verify/majority.ts";
import { RelatedRecords } from "../core/verify/related-records.ts";
import { RepeatedIds } from "../core/verify/repeated-ids.ts";
import { Replay } from "../core/verify/replay.ts";
import type { Clock } from "../ports/clock.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { DifferingRecord } from "../ports/reconciliation.ts";
import { describeError } from "../runtime/describe-error.ts";
import { readLog, type LogStretch } from "../runtime/read-log.ts";

/** Of both readings. */
const PROOF_MS_MAX = 900_000;
const REST_MS = 5;
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
  /** Heads of the hash chain there, as the regions that were compared have told: what is read has to lead to the same. */
  readonly chains: readonly string[];
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
  const expected = theChain(options.chains);
  const { firstPosition } = await log.inspect(partition);
  if (firstPosition !== 1)
    throw new UnprovenError(
      `the log begins at ${firstPosition}: what came before is trimmed, or was folded from another`,
    );
  const untilMs = clock.monotonicMs() + PROOF_MS_MAX;
  const stretch = { log, clock, partition, from: 1, to: position, untilMs, restMs: REST_MS };
  const { related, ids, head } = await survey(stretch);
  checkChain(head, expected);
  const kept = related.of(differing);
  if (kept.size > KEPT_MAX)
    throw new UnprovenError(`what differs is related to ${kept.size} records, more than ${KEPT_MAX}`);
  const replay = new Replay(partition, { kept, repeated: ids.repeated });
  await readLog(stretch, (entry) => replay.fold(entry));
  if (replay.position !== position)
    throw new UnprovenError(`the log could be read up to ${replay.position} only, and not to ${position}`);
  checkChain(replay.chain, expected);
  const proven = differing.map((one) => [recordIdText(one), provenBy(replay, one, position)] as const);
  return new Map(proven.flatMap(([name, row]) => (row === undefined ? [] : [[name, row]])));
}

/** @throws {UnprovenError} the regions have not folded the same entries, or none says which. */
function theChain(chains: readonly string[]): string {
  const [told, ...others] = new Set(chains);
  if (told === undefined) throw new UnprovenError("no region tells of the hash chain that it has folded");
  if (others.length > 0) throw new UnprovenError("the regions have not folded the same entries");
  return told;
}

function checkChain(read: string, expected: string): void {
  if (read !== expected)
    throw new UnprovenError(
      "what it hands out now is not what the regions have folded: the hash chains differ",
    );
}

/** What the log decides on together, which operations it holds more than once, and the head of its hash chain. */
async function survey(
  stretch: LogStretch,
): Promise<{ related: RelatedRecords; ids: RepeatedIds; head: string }> {
  const related = new RelatedRecords();
  const ids = new RepeatedIds();
  let head = ZERO_HASH;
  await readLog(stretch, (ordered: OrderedEntry) => {
    head = chain(head, ordered.checksum);
    related.tell(ordered.entry);
    for (const id of sliceOf([ordered]).operations) ids.tell(id);
    if (related.size > RELATED_MAX)
      throw new UnprovenError(`the log relates more than ${RELATED_MAX} records`);
    if (ids.size > IDS_MAX) throw new UnprovenError(`the log holds more than ${IDS_MAX} operations`);
  });
  return { related, ids, head };
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
