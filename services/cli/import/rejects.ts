/** Rows that were rejected, as they were, with line and reason: mended, the file can be imported. */
import { appendFileSync, existsSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { CommandError } from "../errors.ts";
import { csvLine } from "../export/csv-text.ts";
import { LINE_COLUMN, REJECT_COLUMN } from "./mapping.ts";
import type { Source, SourceRow } from "./row.ts";

export class RejectsFile {
  readonly path: string;
  readonly #columns: readonly string[] | undefined;
  #bytes: number;

  /**
   * @param bytes how much of the file is of this import; 0 where it begins.
   * @throws {CommandError} when there is another file of the name, whose rows somebody may have mended.
   */
  constructor(path: string, source: Source, bytes: number) {
    this.path = path;
    // Only rows of CSV have a header that all of them share; what else has columns has values that are no text.
    this.#columns = source.isText ? source.columns : undefined;
    this.#bytes = bytes;
    if (bytes === 0 && existsSync(path)) {
      throw new CommandError(
        `${path} is there already, with rejected rows: move it away, or give --rejects another file`,
      );
    }
    if (bytes > 0) takeBack(path, bytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The row's lines in the file. */
  textOf({ line, values }: SourceRow, reason: string): string {
    if (this.#columns === undefined) {
      return `${JSON.stringify({ [LINE_COLUMN]: line, [REJECT_COLUMN]: reason, ...values })}\n`;
    }
    const cells = this.#columns.map((column) => values[column] as string | undefined);
    return csvLine([String(line), reason, ...cells]);
  }

  append(texts: readonly string[]): void {
    if (texts.length === 0) return;
    const header =
      this.#columns && this.#bytes === 0 ? csvLine([LINE_COLUMN, REJECT_COLUMN, ...this.#columns]) : "";
    const text = header + texts.join("");
    if (this.#bytes === 0) writeFileSync(this.path, text, { flag: "wx" });
    else appendFileSync(this.path, text);
    this.#bytes += Buffer.byteLength(text);
  }
}

/** What was written after the state was kept comes again. */
function takeBack(path: string, bytes: number): void {
  if (existsSync(path) && statSync(path).size >= bytes) {
    truncateSync(path, bytes);
    return;
  }
  throw new CommandError(
    `${path} is not as the import has left it: put it back, or begin anew without --resume`,
  );
}
