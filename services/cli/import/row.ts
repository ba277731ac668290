/** A row of whatever is imported, and where it comes from. */

export interface SourceRow {
  /** Counted from 1. */
  readonly number: number;
  /** In the file; of a table the same as `number`. */
  readonly line: number;
  /** Names the row in its source: the same whenever it is read again. */
  readonly place: string;
  readonly values: { readonly [column: string]: unknown };
  /** Why the row can't be read; then it has no values. */
  readonly broken?: string;
}

/** How far the source has been read. */
export interface SourceProgress {
  /** From 0 to 1; undefined where it is not known. */
  readonly fraction: number | undefined;
}

export interface Source {
  /** For people. */
  readonly name: string;
  /** What makes another source of it: hash of a file's bytes, name of a table. */
  readonly identity: string;
  /** Values are text, whatever they stand for. */
  readonly isText: boolean;
  /** A null stands for a value, rather than for nothing. */
  readonly isNullValue: boolean;
  /** Columns, where they are known before the rows are. */
  readonly columns: readonly string[] | undefined;
  /** Columns that name a row, where the source says so. */
  readonly keyColumns: readonly string[];
  readonly progress: SourceProgress;
  /** @param after the place of a row that this one's rows come after; undefined: from the first row. */
  rows(after: { readonly number: number; readonly place: string } | undefined): AsyncIterable<SourceRow>;
  close(): Promise<void>;
}

/** What is wrong with a row; told with its line. */
export class RowError extends Error {
  override readonly name = "RowError";
}
