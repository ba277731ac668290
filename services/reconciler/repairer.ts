/** Repairs of what a verification has found: what is proven, or preferred → entries → log. The fold's guard decides whether they hold. */
import type { RecordRepair, RepairEntry } from "../core/entry.ts";
import { expectedHashes } from "../core/verify/majority.ts";
import { LogUnavailableError, PublishTimeoutError } from "../ports/global-log.ts";
import {
  ReconciliationError,
  type DifferingRecord,
  type RepairReport,
  type RepairRequest,
} from "../ports/reconciliation.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { decodeEntry, encodeEntry, ENTRY_BYTES_MAX } from "../protocol/entry-codec.ts";
import {
  encodeRecordRepair,
  REPAIR_REASON_LENGTH_MAX,
  REPAIR_RECORDS_MAX,
} from "../protocol/repair-codec.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";

/** What an entry holds besides its records, at most. */
const ENVELOPE_BYTES = 2_048;
const PUBLISH_TIMEOUT_MS = 5_000;
const TRIES_MAX = 4;
const RETRY = { baseMs: 250, maxMs: 3_000 };

export interface RepairPlan {
  readonly decided: readonly { readonly differing: DifferingRecord; readonly repair: RecordRepair }[];
  readonly undecided: readonly DifferingRecord[];
}

/** Of whom the comparison was, and where. */
export type RepairAbout = Omit<RepairEntry, "kind" | "records">;

/** What is to be done, without doing it. @param preferred the region whose rows count where nothing is proven. */
export function planRepair(
  differing: readonly DifferingRecord[],
  options: { readonly about: RepairAbout } & Pick<RepairRequest, "preferred" | "isByMajorityOnly">,
): RepairPlan {
  const decided: { differing: DifferingRecord; repair: RecordRepair }[] = [];
  const undecided: DifferingRecord[] = [];
  for (const record of differing) {
    const isLeft = options.isByMajorityOnly === true && record.proven?.by !== "majority";
    const repair = isLeft ? undefined : repairOf(record, options.preferred);
    if (repair !== undefined && isReadable(repair, options.about))
      decided.push({ differing: record, repair });
    else undecided.push(record);
  }
  return { decided, undecided };
}

function repairOf(differing: DifferingRecord, preferred: string | undefined): RecordRepair | undefined {
  const { tenant, collection, key, rows, proven } = differing;
  const preferredRow = preferred === undefined ? undefined : rows[preferred];
  const row = proven === undefined ? preferredRow : proven.record;
  if (row === undefined) return undefined;
  const { tenant: _, collection: __, key: ___, ...record } = row ?? { tenant, collection, key };
  const content = row === null ? null : (record as RecordRepair["record"]);
  return { tenant, collection, key, expected: expectedHashes(rows), record: content };
}

/** A row that no fold has made, which somebody has put into a database, could stop every region that decodes it. */
function isReadable(repair: RecordRepair, about: RepairAbout): boolean {
  try {
    const entry: RepairEntry = { kind: "repair", ...about, records: [repair] };
    const data = encodeEntry(entry);
    decodeEntry(data);
    return data.byteLength <= ENTRY_BYTES_MAX;
  } catch {
    return false;
  }
}

/** As few entries as the log takes them in. */
export function repairEntries(plan: RepairPlan, about: RepairAbout): RepairEntry[] {
  const parts: RecordRepair[][] = [];
  let bytes = Infinity;
  for (const { repair } of plan.decided) {
    const size = Buffer.byteLength(encodeRecordRepair(repair)) + 1;
    const part = parts.at(-1);
    const isFull = bytes + size > ENTRY_BYTES_MAX - ENVELOPE_BYTES || part?.length === REPAIR_RECORDS_MAX;
    if (part === undefined || isFull) {
      parts.push([repair]);
      bytes = size;
    } else {
      part.push(repair);
      bytes += size;
    }
  }
  return parts.map((records) => ({ kind: "repair", ...about, records }));
}

/** Well-formed, and no longer than an entry takes it. */
export function reasonText(reason: string): string {
  const text = reason.replaceAll("\u0000", "").trim().slice(0, REPAIR_REASON_LENGTH_MAX).toWellFormed();
  return text === "" ? "no reason given" : text;
}

export interface PublishOptions {
  readonly breaker: Pick<LogBreaker, "publish">;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Puts entries into the log. One that may be there already is sent again: the second changes nothing.
 * @returns their positions. @throws {ReconciliationError} says which of them are in the log.
 */
export async function publishRepairs(
  entries: readonly RepairEntry[],
  options: PublishOptions,
): Promise<number[]> {
  const positions: number[] = [];
  for (const entry of entries) {
    try {
      positions.push(await publishOne(encodeEntry(entry), options));
    } catch (error) {
      const done = `${positions.length} of ${entries.length} entries are in the log`;
      const more = error instanceof PublishTimeoutError ? ", and one more may be" : "";
      throw new ReconciliationError(
        "unavailable",
        `the repair was interrupted: ${done}${more} (${describeError(error)}); verify again, and repair what is left`,
      );
    }
  }
  return positions;
}

async function publishOne(data: Uint8Array, { breaker, clock, random }: PublishOptions): Promise<number> {
  let isUnknown: PublishTimeoutError | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await breaker.publish("repair", data, { timeoutMs: PUBLISH_TIMEOUT_MS })).position;
    } catch (error) {
      if (error instanceof PublishTimeoutError) isUnknown = error;
      else if (!(error instanceof LogUnavailableError)) throw error;
      if (attempt >= TRIES_MAX) throw isUnknown ?? error;
      await clock.sleep(backoffMs({ attempt, ...RETRY, random }));
    }
  }
}

export function reportOf(
  plan: RepairPlan,
  done: { id: string | undefined; positions: number[] },
): RepairReport {
  return {
    id: done.id,
    records: plan.decided.length,
    sample: plan.decided.map(({ differing }) => differing),
    undecided: plan.undecided,
    positions: done.positions,
  };
}

/** @throws {ReconciliationError} the request does not fit what was found. */
export function checkPreferred({ preferred }: RepairRequest, differing: readonly DifferingRecord[]): void {
  const regions = Object.keys(differing[0]?.rows ?? {});
  if (preferred === undefined || regions.includes(preferred) || regions.length === 0) return;
  throw new ReconciliationError(
    "unavailable",
    `region ${preferred} was not compared; its rows are not known. Compared were ${regions.join(", ")}`,
  );
}
