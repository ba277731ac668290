/** Rows of a CSV file with a header, as RFC 4180 has them. An empty value is text only where it is in quotes. */
import { StringDecoder } from "node:string_decoder";
import { CommandError } from "../errors.ts";
import { CsvParser, type CsvRecord } from "./csv-parser.ts";
import type { InputFile } from "./file.ts";
import { checkUtf8 } from "./utf8.ts";
import type { Source, SourceRow } from "./row.ts";

export interface CsvOptions {
  readonly delimiter: string;
}

/** @throws {CommandError} when the file has no header, or is not UTF-8. */
export async function openCsv(file: InputFile, options: CsvOptions): Promise<Source> {
  const identity = await file.identity();
  await checkUtf8(file);
  const columns = await readHeader(file, options);
  return {
    name: file.path,
    identity,
    isText: true,
    isNullValue: false,
    columns,
    keyColumns: [],
    get progress() {
      return file.progress;
    },
    rows: (after) => readRows(file, { ...options, columns, after: after?.number ?? 0 }),
    close: async () => undefined,
  };
}

async function readHeader(file: InputFile, options: CsvOptions): Promise<readonly string[]> {
  for await (const { cells } of records(file, options)) {
    const columns = cells.map((name) => (name ?? "").trim());
    const repeated = columns.find((name, index) => columns.indexOf(name) !== index);
    if (repeated !== undefined) throw new CommandError(`${file.path} has two columns named "${repeated}"`);
    return columns;
  }
  throw new CommandError(`${file.path} is empty: its first line has to name the columns`);
}

async function* readRows(
  file: InputFile,
  { columns, after, ...options }: CsvOptions & { columns: readonly string[]; after: number },
): AsyncGenerator<SourceRow> {
  let number = -1;
  for await (const { line, cells, broken } of records(file, options)) {
    // The header is the first record.
    number += 1;
    if (number <= after) continue;
    const row = { number, line, place: String(number), values: valuesOf(columns, cells) };
    const wrong = broken ?? wrongNumber(columns, cells);
    yield wrong === undefined ? row : { ...row, broken: wrong };
  }
}

function wrongNumber(columns: readonly string[], cells: CsvRecord["cells"]): string | undefined {
  if (cells.length === columns.length) return undefined;
  return `the row has ${cells.length} values, and the header ${columns.length} columns`;
}

async function* records(file: InputFile, { delimiter }: CsvOptions): AsyncGenerator<CsvRecord> {
  const input = file.read();
  const decoder = new StringDecoder("utf8");
  const parser = new CsvParser(delimiter);
  try {
    for await (const chunk of input) yield* parser.push(decoder.write(chunk as Buffer));
    yield* [...parser.push(decoder.end()), ...parser.end()];
  } catch (error) {
    throw new CommandError(`${file.path} is no CSV file: ${(error as Error).message}`);
  } finally {
    input.destroy();
  }
}

function valuesOf(columns: readonly string[], cells: CsvRecord["cells"]): SourceRow["values"] {
  const values: { [column: string]: unknown } = {};
  for (const [index, column] of columns.entries()) {
    const value = cells[index];
    if (value !== null && value !== undefined) values[column] = value;
  }
  return values;
}
