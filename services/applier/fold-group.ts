/** Entries that are folded and committed together, and the rows that they are folded onto. */
import type { OrderedEntry } from "../core/entry.ts";
import type { FoldResult } from "../core/fold/fold.ts";
import type { FoldRows, FoldSlice, PartitionState } from "../core/fold/state.ts";
import { own } from "../core/json.ts";
import type { RecordId } from "../core/operation.ts";
import { orderedEntry } from "../protocol/ordered-entry.ts";
import type { LogMessage } from "../ports/global-log.ts";
import type { WalTail } from "../ports/own-wal.ts";

/** Entries of one commit, with the rows that they touch. */
export interface LoadedGroup {
  readonly entries: readonly OrderedEntry[];
  /** Every record that the fold looks at, by `recordIdText`. */
  readonly touched: ReadonlyMap<string, RecordId>;
  readonly slice: FoldSlice;
  /** Whether the operations took effect before was not asked: they are taken for new. */
  readonly isGuessed: boolean;
  /** How many guesses had turned out wrong when the load began. */
  readonly wrongGuesses: number;
}

/** A group folded, but not committed. */
export interface FoldedGroup {
  readonly group: LoadedGroup;
  readonly expectedPosition: number;
  readonly rows: FoldRows;
  readonly result: FoldResult;
}

/** A commit whose outcome is open, and what there was before it. */
export interface Committing {
  readonly done: Promise<void>;
  readonly before: { readonly state: PartitionState; readonly recent: readonly FoldedRows[] };
  readonly entries: readonly OrderedEntry[];
}

/**
 * Decodes messages as they are needed, in groups of a commit's size. A barrier ends its group: the applier stops there.
 * So does a change of the members: what the store does with one depends on those before.
 * Repairs are in groups of their own: their rows are asked of the store, those of other entries are not.
 * @throws {UndecodableEntryError} after the group before it: what the log says up to there holds in every region.
 */
export function* groupsOf(
  messages: readonly LogMessage[],
  operationsMax: number,
): Generator<OrderedEntry[], void> {
  let group: OrderedEntry[] = [];
  let operations = 0;
  try {
    for (const message of messages) {
      const ordered = orderedEntry(message);
      const { entry } = ordered;
      if (group.length > 0 && hasRepairs(group) !== (entry.kind === "repair")) {
        yield group;
        group = [];
        operations = 0;
      }
      group.push(ordered);
      operations += operationsOf(entry);
      if (operations < operationsMax && entry.kind !== "barrier" && entry.kind !== "member") continue;
      yield group;
      group = [];
      operations = 0;
    }
  } finally {
    if (group.length > 0) yield group;
  }
}

/** Of a group of `groupsOf`: either all of its entries are repairs or none is. */
export function hasRepairs(group: readonly OrderedEntry[]): boolean {
  return group[0]?.entry.kind === "repair";
}

/** What the fold has taken of a region, where it has not joined in between: from then on other numbers hold. */
export function walTailOf(
  entries: readonly OrderedEntry[],
  { result, region }: { result: Pick<FoldResult, "state" | "takenEnds">; region: string },
): WalTail | undefined {
  const { origins, departed } = result.state;
  const origin = own(origins, region);
  // What came before its removal in the same commit counts as well.
  const watermark = (origin ?? own(departed, region))?.watermark;
  const ends = result.takenEnds.get(region) ?? [];
  const operations = ends.at(-1)?.sequence === watermark ? ends : [];
  const isHeard = origin !== undefined && origin.tick?.isAssumed !== true;
  const tick = isHeard ? lastTickOf(entries, region) : undefined;
  if (tick === undefined && operations.length === 0) return undefined;
  return { operations, ...(tick && { tick }) };
}

function lastTickOf(entries: readonly OrderedEntry[], region: string): WalTail["tick"] {
  for (const { entry } of entries.toReversed()) {
    if (entry.kind === "tick" && entry.origin === region) return { walHead: entry.walHead, hlc: entry.hlc };
  }
  return undefined;
}

/** How many operations and proposals a group holds. */
export function sizeOf(group: readonly OrderedEntry[]): number {
  return group.reduce((sum, { entry }) => sum + operationsOf(entry), 0);
}

function operationsOf(entry: OrderedEntry["entry"]): number {
  if (entry.kind === "repair") return entry.records.length;
  if (entry.kind === "batch") return entry.operations.length;
  return entry.kind === "propose" ? entry.proposals.length : 0;
}

/** What a fold has changed. */
export interface FoldedRows {
  readonly records: FoldResult["records"];
  readonly operations: FoldSlice["operations"];
}

export function foldedRows({ records, outcomes }: FoldResult): FoldedRows {
  return { records, operations: new Map(outcomes.map(({ id, position }) => [id, position])) };
}

/** The rows as the folds before have left them, whether or not the load has seen those. */
export function overlay(recent: readonly FoldedRows[], loaded: FoldSlice): FoldRows {
  const newestFirst = [...recent, loaded];
  return {
    records: {
      get(id) {
        for (const { records } of newestFirst) {
          const record = records.get(id);
          if (record !== undefined) return record;
        }
        return undefined;
      },
    },
    operations: {
      get(id) {
        for (const { operations } of newestFirst) {
          const position = operations.get(id);
          if (position !== undefined) return position;
        }
        return undefined;
      },
    },
  };
}
