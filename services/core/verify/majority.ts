/** What a record should be, by what the regions hold of it. */
import { rowHash } from "../digest.ts";
import type { StoredRecord } from "../record.ts";

/** By region; null is no row. */
export type HeldRows = { readonly [region: string]: StoredRecord | null };

export interface ProvenRow {
  readonly record: StoredRecord | null;
  /** By what most members hold, or by what the log's entries give. */
  readonly by: "majority" | "log";
  readonly reason: string;
}

/** Whether two regions hold different rows, whatever text they are stored as. */
export function isDiffering(rows: HeldRows): boolean {
  return groupsOf(rows).length > 1;
}

/**
 * The row that more than half of the cluster's members hold, also those that could not be compared: they might all hold
 * another. Undefined without one.
 */
export function provenRow(rows: HeldRows, members: number): ProvenRow | undefined {
  const group = groupsOf(rows).find(({ regions }) => regions.length > members / 2);
  if (group === undefined) return undefined;
  const { record, regions } = group;
  const what = record === null ? "hold no such row" : "hold this row";
  return {
    record,
    by: "majority",
    reason: `${regions.length} of ${members} regions ${what}: ${regions.join(", ")}`,
  };
}

/** Hashes of the rows that a repair expects: rising, each once, null for no row first. */
export function expectedHashes(rows: HeldRows): (string | null)[] {
  const hashes = groupsOf(rows).map(({ hash }) => hash);
  const texts = hashes.filter((hash) => hash !== null).toSorted();
  return hashes.includes(null) ? [null, ...texts] : texts;
}

interface Group {
  readonly hash: string | null;
  readonly record: StoredRecord | null;
  readonly regions: string[];
}

function groupsOf(rows: HeldRows): Group[] {
  const groups = new Map<string | null, Group>();
  for (const [region, record] of Object.entries(rows)) {
    const hash = record === null ? null : rowHash(record);
    const group = groups.get(hash);
    if (group === undefined) groups.set(hash, { hash, record, regions: [region] });
    else group.regions.push(region);
  }
  return [...groups.values()];
}
