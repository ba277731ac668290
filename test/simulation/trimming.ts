/** Trimming of a simulated database: its marks, its WAL and the operations that the log has let go of. */
import type { Maintenance, TrimMark } from "../../services/ports/region-store.ts";
import { foldedUpTo, type PartitionData } from "./partition-data.ts";

type Options<Name extends keyof Maintenance> = Parameters<Maintenance[Name]>[0];

export interface TrimmedDatabase {
  region(): string;
  partitions(): ReadonlyMap<number, PartitionData>;
  /** Called by what waits for the disk. */
  makeDurable(): void;
}

export class SimulatedTrimming {
  readonly #database: TrimmedDatabase;

  constructor(database: TrimmedDatabase) {
    this.#database = database;
  }

  #watermark({ state }: PartitionData): number {
    return state.origins[this.#database.region()]?.watermark ?? 0;
  }

  /** Up to which sequence rows of the WAL are gone at its beginning. */
  walTrimmed(partition: number): number {
    return this.#database.partitions().get(partition)?.walTrimmed ?? 0;
  }

  addMark({ partition, everyMs }: Options<"addTrimMark">): void {
    this.#database.makeDurable();
    const data = this.#database.partitions().get(partition);
    if (data === undefined || data.state.cluster === null) return;
    const { position, logTimeMs } = data.state;
    const last = data.marks.at(-1);
    if (logTimeMs < everyMs + (last?.logTimeMs ?? 0) || position === last?.position) return;
    data.marks.push({ position, logTimeMs, watermark: this.#watermark(data) });
  }

  findMark({ partition, positionMax, logTimeMsMax }: Options<"findTrimMark">): TrimMark | undefined {
    return this.#database
      .partitions()
      .get(partition)
      ?.marks.findLast(({ position, logTimeMs }) => position <= positionMax && logTimeMs <= logTimeMsMax);
  }

  trimMarks({ partition, below, rowsMax }: Options<"trimMarks">): number {
    const marks = this.#database.partitions().get(partition)?.marks ?? [];
    const old = marks.filter(({ position }) => position < below).length;
    return marks.splice(0, Math.min(old, rowsMax)).length;
  }

  trimWal({ partition, upTo, rowsMax }: Options<"trimWal">): number {
    this.#database.makeDurable();
    const data = this.#database.partitions().get(partition);
    if (data === undefined) return 0;
    const last = Math.min(upTo, foldedUpTo(data, this.#database.region()));
    const folded = data.wal.findIndex(({ sequence }) => sequence > last);
    const trimmed = Math.min(rowsMax, folded === -1 ? data.wal.length : folded);
    data.walTrimmed = data.wal.splice(0, trimmed).at(-1)?.sequence ?? data.walTrimmed;
    return trimmed;
  }

  /** One partition at a time. */
  trimOperations({ from }: Options<"trimOperations">): { trimmed: number; next: number | undefined } {
    this.#database.makeDurable();
    const partitions = this.#database.partitions();
    const next = [...partitions.keys()].toSorted((one, other) => one - other).find((one) => one > from);
    const data = partitions.get(from);
    if (data === undefined) return { trimmed: 0, next };
    const { forgotten } = data.state;
    const old = [...data.outcomes.values()].filter(({ position }) => position <= forgotten.position);
    for (const { id } of old) data.outcomes.delete(id);
    return { trimmed: old.length, next };
  }
}
