/** Rows of a file with one JSON object per line. */
import { isUtf8 } from "node:buffer";
import { isObject } from "../../core/json.ts";
import { CommandError } from "../errors.ts";
import type { InputFile } from "./file.ts";
import type { Source, SourceRow } from "./row.ts";

const LINE_FEED = 0x0a;
const LINE_BYTES_MAX = 4 * 1024 * 1024;

export async function openNdjson(file: InputFile): Promise<Source> {
  return {
    name: file.path,
    identity: await file.identity(),
    isText: false,
    isNullValue: true,
    columns: undefined,
    keyColumns: [],
    get progress() {
      return file.progress;
    },
    rows: (after) => readRows(file, after?.number ?? 0),
    close: async () => undefined,
  };
}

async function* readRows(file: InputFile, after: number): AsyncGenerator<SourceRow> {
  let number = 0;
  for await (const bytes of lines(file)) {
    number += 1;
    if (number > after) yield toRow(bytes, number);
  }
}

async function* lines(file: InputFile): AsyncGenerator<Buffer> {
  const input = file.read();
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of input) {
      const bytes: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      let begin = 0;
      for (let feed = bytes.indexOf(LINE_FEED); feed !== -1; feed = bytes.indexOf(LINE_FEED, begin)) {
        yield bytes.subarray(begin, feed);
        begin = feed + 1;
      }
      rest = bytes.subarray(begin);
      if (rest.length > LINE_BYTES_MAX) throw new Error(`a line is longer than ${LINE_BYTES_MAX} bytes`);
    }
  } catch (error) {
    throw new CommandError(`${file.path} can't be read: ${(error as Error).message}`);
  } finally {
    input.destroy();
  }
  if (rest.length > 0) yield rest;
}

function toRow(bytes: Buffer, number: number): SourceRow {
  const row = { number, line: number, place: String(number) };
  const text = bytes.toString("utf8");
  if (!isUtf8(bytes)) return { ...row, values: { _text: text }, broken: "the line is not UTF-8" };
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return { ...row, values: value };
    return { ...row, values: { _text: text }, broken: "the line is no JSON object" };
  } catch (error) {
    return { ...row, values: { _text: text }, broken: `the line is not JSON: ${(error as Error).message}` };
  }
}
