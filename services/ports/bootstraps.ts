/**
 * Loading the committed state of a partition from elsewhere, in place of folding it from the log: from another region's
 * snapshot, or from a backup.
 *
 *   ordered → announced → clearing → loading → folding → verifying → gone
 *
 * From `announced` on nothing of the region is read or written; its WAL stays as it is. What was loaded survives a restart:
 * as long as the source still has its snapshot, loading goes on where it was.
 */
import type { PartitionState } from "../core/fold/state.ts";
import { STATE_PARTS, type StatePart } from "../core/state-parts.ts";

export { STATE_PARTS, type StatePart };

/** How many rows there are to a partition, by part. Operations that are forgotten don't count. */
export type StateCounts = Readonly<Record<StatePart, number>>;

/** Everything of a partition's committed state but the rows of its parts. */
export interface StateHead {
  readonly state: PartitionState;
  /** Of the log that it was folded from. */
  readonly logCreatedAtMs: number;
  readonly counts: StateCounts;
  /** The version of log entries that it takes to fold on from it, and the software that did so first; absent where nobody has noted it. */
  readonly needs?: { readonly version: number; readonly software: string };
}

/** Rows of a part, in the order of their names. */
export interface StatePage {
  readonly rows: number;
  /** One JSON text for each row, and a line feed behind each. */
  readonly lines: Uint8Array;
  /** Names the last row: what comes after it is the next page. Undefined where nothing does. */
  readonly next: string | undefined;
}

/** A snapshot as others load it. Each may throw StoreUnavailableError, and SnapshotClosedError once it has ended. */
export interface StateExport {
  /** @throws {NothingToLoadError} nothing is folded yet, or it is not known from which log. */
  readHead(): Promise<StateHead>;
  /** @param options.bytesMax about; a page has one row at least, where there is one. An empty one is the last. */
  readPage(options: { part: StatePart; after: string | undefined; bytesMax: number }): Promise<StatePage>;
}

export const BOOTSTRAP_STAGES = [
  "ordered",
  "announced",
  "clearing",
  "loading",
  "folding",
  "verifying",
] as const;
export type BootstrapStage = (typeof BOOTSTRAP_STAGES)[number];

export interface Bootstrap {
  readonly partition: number;
  /** UUID. */
  readonly id: string;
  readonly reason: string;
  readonly stage: BootstrapStage;
  readonly startedAtMs: number;
  /** Undefined until a source was found. */
  readonly source: BootstrapSource | undefined;
  /** Undefined before `loading`. */
  readonly progress: BootstrapProgress | undefined;
}

export interface BootstrapSource {
  /** A region, or what a backup is called. */
  readonly name: string;
  /** Of the snapshot: another of the same region has another. */
  readonly snapshot: string;
  readonly position: number;
  readonly counts: StateCounts;
}

export interface BootstrapProgress {
  /** Undefined once all is loaded. */
  readonly part: StatePart | undefined;
  /** Of that part, as `StatePage.next` says; undefined at its beginning. */
  readonly after: string | undefined;
  readonly loaded: StateCounts;
  readonly bytes: number;
}

export const NOTHING_LOADED: BootstrapProgress = {
  part: STATE_PARTS[0],
  after: undefined,
  loaded: { records: 0, operations: 0, conflicts: 0 },
  bytes: 0,
};

/** How far it is once a page is loaded. */
export function progressAfter(before: BootstrapProgress, page: StatePage): BootstrapProgress {
  const { part } = before;
  if (part === undefined) return before;
  const isOver = page.next === undefined;
  return {
    part: isOver ? STATE_PARTS[STATE_PARTS.indexOf(part) + 1] : part,
    after: page.next,
    loaded: { ...before.loaded, [part]: before.loaded[part] + page.rows },
    bytes: before.bytes + page.lines.byteLength,
  };
}

/** A region's side: what is loaded, and how far. */
export interface Bootstraps {
  /** Those that are under way, by partition. Cheap: processes poll it. */
  readBootstraps(): Promise<Bootstrap[]>;
  /** Asks the applier of a partition to load its state anew. @returns the one that is under way, if there is one already. */
  orderBootstrap(options: { partition: number; id: string; reason: string }): Promise<Bootstrap>;
  /**
   * Goes on to a stage; `clearing` and `loading` begin at their beginning.
   * @param options.bootstrap as the caller has seen it last.
   * @throws {StaleBootstrapError} its stage or its source is another by now.
   */
  enterStage(options: {
    bootstrap: Bootstrap;
    stage: BootstrapStage;
    source?: BootstrapSource;
  }): Promise<Bootstrap>;
  /** Deletes some of what is there of the partition's committed state. @returns whether there is more. @throws {StaleBootstrapError} */
  clearSome(bootstrap: Pick<Bootstrap, "partition" | "id">): Promise<{ readonly isMore: boolean }>;
  /**
   * Loads a page and notes how far it has come, in one transaction: done again, it changes nothing.
   * @param options.after how far it is before the page, of whose part it is.
   * @returns how far it is with the page.
   * @throws {StaleBootstrapError} another was begun, or the page is not the one that comes next.
   */
  loadPage(options: {
    bootstrap: Pick<Bootstrap, "partition" | "id">;
    page: StatePage;
    after: BootstrapProgress;
  }): Promise<BootstrapProgress>;
  /**
   * From here on, stage `folding`, the partition is where the source was, and needs what that has needed. Durable.
   * @throws {StaleBootstrapError} not all is loaded.
   */
  finishLoad(options: { bootstrap: Pick<Bootstrap, "partition" | "id">; head: StateHead }): Promise<void>;
  /** The region may be read and written again. Done again, it changes nothing. @throws {StaleBootstrapError} also while it is cleared or loaded. */
  endBootstrap(bootstrap: Pick<Bootstrap, "partition" | "id">): Promise<void>;
}

/** Another bootstrap has taken the place of this one, or another process has gone on with it. Nothing has happened. */
export class StaleBootstrapError extends Error {
  override readonly name = "StaleBootstrapError";
}

/** A snapshot of a partition that nothing was folded into. */
export class NothingToLoadError extends Error {
  override readonly name = "NothingToLoadError";
}
