/** Changes of a simulated database: each commit with what it has changed, and at which position exactly. */
import type { FoldResult } from "../../services/core/fold/fold.ts";
import type { IdRange } from "../../services/core/feed/filter.ts";
import { recordIdText, toRecordId, type RecordId } from "../../services/core/operation.ts";
import type { ChangedRecord, ChangesQuery, ChangesWindow } from "../../services/ports/changes.ts";
import type { RecordSnapshot } from "../../services/ports/record-snapshot.ts";
import { foldedUpTo, rowsAfter, type PartitionData, type TimedRow } from "./partition-data.ts";

export interface NotedCommit {
  readonly position: number;
  /** By record: where it was changed. */
  readonly changedAt: ReadonlyMap<string, number>;
  readonly gone: ReadonlySet<string>;
}

export function noteCommit({ changes }: PartitionData, { state, records, rewrittenAt }: FoldResult): void {
  const versions = [...records].flatMap(([id, record]) =>
    record === null ? [] : [[id, record.version] as const],
  );
  const changedAt = new Map(versions);
  for (const [id, position] of rewrittenAt) changedAt.set(id, Math.max(position, changedAt.get(id) ?? 0));
  const gone = new Set([...rewrittenAt.keys()].filter((id) => records.get(id) === null));
  if (changedAt.size > 0) changes.push({ position: state.position, changedAt, gone });
}

export function trimChanges(
  data: PartitionData,
  { upTo, rowsMax }: { readonly upTo: number; readonly rowsMax: number },
): number {
  const old = data.changes.filter(({ position }) => position <= upTo).slice(0, rowsMax);
  data.changes.splice(0, old.length);
  data.changeFloor = Math.max(data.changeFloor, old.at(-1)?.position ?? 0);
  return old.length;
}

interface Reading {
  readonly data: PartitionData;
  readonly region: string;
  readonly read: (record: RecordId) => RecordSnapshot;
}

export function readChanges(reading: Reading, query: ChangesQuery): ChangesWindow {
  const { data, region } = reading;
  const { after, idsMax } = query;
  const commits = data.changes.filter(({ position }) => position > after);
  const chosen = takeUntil(commits, idsMax);
  const head = data.state.position;
  const position = Math.max(after, chosen.length === commits.length ? head : chosen.at(-1)!.position);
  const watermark = foldedUpTo(data, region);
  const settled = rowsBetween(data, { after: query.settledAfter, upTo: watermark, rowsMax: idsMax });
  const pendingAfter = query.pendingAfter === undefined ? undefined : Math.max(query.pendingAfter, watermark);
  const pending = rowsBetween(data, { after: pendingAfter, upTo: Infinity, rowsMax: idsMax });
  const settledTo = settled.length < idsMax ? watermark : settled.at(-1)!.sequence;
  const walEnd = Math.max(data.walEnd, watermark);
  const pendingTo = pending.length < idsMax ? walEnd : pending.at(-1)!.sequence;
  const settledAt = lastRows(settled);
  const pendingAt = lastRows(pending);
  const touched = new Set([...settledAt.keys(), ...pendingAt.keys()]);
  const ids = new Set([...chosen.flatMap(({ changedAt }) => [...changedAt.keys()]), ...touched]);
  const newest = newestChanges(data.changes);
  const records: ChangedRecord[] = [];
  for (const id of ids) {
    if (!query.ranges.some((range) => isWithin(id, range))) continue;
    const changedAt = newest.get(id) ?? 0;
    if (changedAt > position) continue;
    const isNews = changedAt > after && chosen.some((commit) => commit.changedAt.has(id));
    if (!isNews && !touched.has(id)) continue;
    const { position: _, ...found } = reading.read(toRecordId(id));
    const { isCrowded: __, ...committed } = found;
    const snapshot = query.pendingAfter === undefined ? { ...committed, pending: [] } : found;
    // What has expired and was not swept is not told as changed: its end is.
    const isThere = snapshot.committed !== undefined || isGone(data, id);
    if (!touched.has(id) && !isThere) continue;
    records.push({
      record: toRecordId(id),
      position: isNews && isThere ? changedAt : undefined,
      settledAt: settledAt.get(id),
      pendingAt: pendingAt.get(id),
      snapshot,
    });
  }
  return {
    head,
    logEpoch: data.state.logEpoch,
    floor: data.changeFloor,
    position,
    settledTo,
    pendingTo,
    isCaughtUp:
      position >= head && settledTo >= watermark && (query.pendingAfter === undefined || pendingTo >= walEnd),
    records,
  };
}

/** By record: the sequence of its last row. */
function lastRows(rows: readonly TimedRow[]): Map<string, number> {
  return new Map(rows.map((row) => [recordIdText(row), row.sequence]));
}

/** Its last change was that its row has gone. */
function isGone({ changes }: PartitionData, id: string): boolean {
  return changes.findLast(({ changedAt }) => changedAt.has(id))?.gone.has(id) === true;
}

function newestChanges(commits: readonly NotedCommit[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { changedAt } of commits) for (const [id, position] of changedAt) newest.set(id, position);
  return newest;
}

function takeUntil(commits: readonly NotedCommit[], idsMax: number): NotedCommit[] {
  let ids = 0;
  return commits.filter(({ changedAt }) => {
    const isTaken = ids < idsMax;
    ids += changedAt.size;
    return isTaken;
  });
}

function rowsBetween(
  data: PartitionData,
  { after, upTo, rowsMax }: { after: number | undefined; upTo: number; rowsMax: number },
): TimedRow[] {
  if (after === undefined) return [];
  return rowsAfter(data, after)
    .filter(({ sequence }) => sequence <= upTo)
    .slice(0, rowsMax);
}

/** By the bytes of their texts, as the database compares them. */
function isWithin(id: string, { first, past }: IdRange): boolean {
  const bytes = Buffer.from(id);
  return Buffer.compare(bytes, Buffer.from(first)) >= 0 && Buffer.compare(bytes, Buffer.from(past)) < 0;
}
