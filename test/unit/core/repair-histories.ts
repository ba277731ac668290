/** Random histories with a barrier and a repair in them, folded by regions of which some have drifted. */
import fc from "fast-check";
import { rowHash } from "../../../services/core/digest.ts";
import type { Entry, OrderedEntry, RecordRepair, RepairEntry } from "../../../services/core/entry.ts";
import type { foldEntries, FoldResult } from "../../../services/core/fold/fold.ts";
import { initialPartitionState } from "../../../services/core/fold/state.ts";
import { sha256 } from "../../../services/core/hash.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { recordIdText, toRecordId } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { anyChange, buildLog, KEYS, REGIONS, steps, type Step } from "./histories.ts";

type Fold = typeof foldEntries;
type Rows = ReadonlyMap<string, StoredRecord>;

export interface Drift {
  readonly region: number;
  readonly key: string;
  readonly how: "edited" | "deleted" | "inserted" | "older";
}

export interface RepairCase {
  readonly history: readonly Step[];
  readonly drifts: readonly Drift[];
  /** Where in the history the barrier comes, and how many operations come before the repair. */
  readonly barrierAt: number;
  readonly between: number;
}

export const repairCases: fc.Arbitrary<RepairCase> = fc.record({
  history: steps(anyChange),
  drifts: fc.array(
    fc.record({
      region: fc.nat({ max: REGIONS.length - 1 }),
      key: fc.constantFrom(...KEYS, "none"),
      how: fc.constantFrom<Drift["how"][]>("edited", "deleted", "inserted", "older"),
    }),
    { maxLength: 4 },
  ),
  barrierAt: fc.nat({ max: 40 }),
  between: fc.nat({ max: 4 }),
});

export function idOf(key: string): string {
  return recordIdText({ tenant: "default", collection: "things", key });
}

/** A region that folds one entry after the other. */
export class FoldingRegion {
  state = initialPartitionState(0);
  readonly rows = new Map<string, StoredRecord>();
  readonly repairs: FoldResult["repairs"][number][] = [];
  readonly #operations = new Map<string, number>();
  readonly #fold: Fold;
  overtaken = 0;

  constructor(fold: Fold) {
    this.#fold = fold;
  }

  take(entries: readonly OrderedEntry[]): void {
    const slice = { records: this.rows, operations: this.#operations };
    const result = this.#fold({ state: this.state, slice, entries });
    this.state = result.state;
    for (const [id, row] of result.records) {
      if (row === null) this.rows.delete(id);
      else this.rows.set(id, row);
    }
    for (const { id, position } of result.outcomes) this.#operations.set(id, position);
    this.repairs.push(...result.repairs);
    this.overtaken += result.counts.overtaken;
  }

  /** What somebody does to the database behind the fold's back. */
  drift({ key, how }: Drift): void {
    const id = idOf(key);
    const row = this.rows.get(id);
    if (how === "deleted") this.rows.delete(id);
    else if (row !== undefined && how === "older") this.rows.set(id, { ...row, version: row.version - 1 });
    else if (row !== undefined && how === "edited")
      this.rows.set(id, { ...row, fields: { ...row.fields, total: { kind: "counter", sum: 999 } } });
    else if (row === undefined && how === "inserted")
      this.rows.set(id, { ...toRecordId(id), version: 1, fields: { total: { kind: "counter", sum: 7 } } });
  }

  digest(): string {
    return [...this.rows.values()].map(rowHash).toSorted().join();
  }
}

/** What a reconciler makes of the rows of all regions at a barrier, told what the rows should be. */
export function repairOf(options: {
  at: { position: number; logTimeMs: number };
  right: Rows;
  held: readonly Rows[];
}): RepairEntry | undefined {
  const { at, right, held } = options;
  const ids = new Set([...right.keys(), ...held.flatMap((rows) => [...rows.keys()])]);
  const records: RecordRepair[] = [];
  for (const id of ids) {
    const hashes = held.map((rows) => (rows.has(id) ? rowHash(rows.get(id)!) : null));
    const distinct = new Set(hashes);
    if (distinct.size === 1) continue;
    const sorted = [...distinct].filter((hash) => hash !== null).toSorted();
    const expected = [...(distinct.has(null) ? [null] : []), ...sorted];
    const row = right.get(id);
    records.push({ ...toRecordId(id), expected, record: row === undefined ? null : contentOf(row) });
  }
  if (records.length === 0) return undefined;
  const about = { id: uuidOf("repair"), at: at.position, atMs: at.logTimeMs, reason: "majority" };
  return { kind: "repair", origin: "eu", ...about, records };
}

export function contentOf({ tenant: _, collection: __, key: ___, ...row }: StoredRecord) {
  return row;
}

export interface RepairRun {
  /** The first has not drifted. */
  readonly regions: readonly FoldingRegion[];
  /** Folded the same log with a barrier in the repair's place, and has not drifted either. */
  readonly untouched: FoldingRegion;
  readonly repair: RepairEntry | undefined;
  /** Keys that were written between the barrier and the repair. */
  readonly overtaken: ReadonlySet<string>;
  /** Of the repair. */
  readonly place: number;
}

/** base → barrier (regions drift before it) → writes → repair, once or twice. */
export function runRepair(
  fold: Fold,
  { history, drifts, barrierAt, between }: RepairCase,
  times = 1,
): RepairRun {
  const log = buildLog(history, { noise: true }).map(({ entry }) => entry);
  const cut = Math.min(1 + barrierAt, log.length);
  const rest = log.slice(cut, cut + between);
  const regions = Array.from({ length: 1 + REGIONS.length }, () => new FoldingRegion(fold));
  const untouched = new FoldingRegion(fold);
  const all = [...regions, untouched];
  for (const region of all) region.take(ordered(log.slice(0, cut), 1));
  const [right] = regions as [FoldingRegion];
  for (const drift of drifts) regions[1 + drift.region]!.drift(drift);
  for (const region of all) region.take(ordered([BARRIER], cut + 1));
  const held = regions.map(({ rows }) => new Map(rows));
  const repair = repairOf({ at: right.state, right: new Map(right.rows), held });
  for (const region of all) region.take(ordered(rest, cut + 2));
  const place = cut + 2 + rest.length;
  for (let time = 0; time < times; time += 1) {
    for (const region of regions) region.take(ordered([repair ?? BARRIER], place + time));
    untouched.take(ordered([BARRIER], place + time));
  }
  const overtaken = new Set(rest.flatMap(keysOf));
  return { regions, untouched, repair, overtaken, place };
}

const BARRIER: Entry = { kind: "barrier", origin: "eu", id: uuidOf("barrier"), purpose: "verify" };

function keysOf(entry: OrderedEntry["entry"]): string[] {
  return entry.kind === "batch" ? entry.operations.map(({ operation }) => operation.key) : [];
}

function ordered(entries: readonly OrderedEntry["entry"][], first: number): OrderedEntry[] {
  return entries.map((entry, index) => {
    const position = first + index;
    return { position, storedAtMs: 1_000 + position, checksum: sha256(String(position)), entry };
  });
}
