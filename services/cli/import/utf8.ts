/** Whether a file is UTF-8: read wrongly, its rows would be damaged, and nobody told. */
import { isUtf8 } from "node:buffer";
import { CommandError } from "../errors.ts";
import type { InputFile } from "./file.ts";

const LINE_FEED = 0x0a;

/** Before anything is written. @throws {CommandError} with the first line that is not UTF-8. */
export async function checkUtf8(file: InputFile): Promise<void> {
  const input = file.read();
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  try {
    for await (const chunk of input) {
      const bytes = Buffer.concat([rest, chunk as Buffer]);
      const whole = bytes.subarray(0, bytes.length - begunCharacter(bytes));
      rest = bytes.subarray(whole.length);
      line = linesOf(file, whole, line);
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${file.path} can't be read: ${(error as Error).message}`);
  } finally {
    input.destroy();
  }
  linesOf(file, rest, line);
}

/** @returns the line at which the bytes end. */
function linesOf(file: InputFile, bytes: Buffer, from: number): number {
  const isRight = isUtf8(bytes);
  let line = from;
  let begin = 0;
  for (let feed = bytes.indexOf(LINE_FEED); feed !== -1; feed = bytes.indexOf(LINE_FEED, begin)) {
    if (!isRight && !isUtf8(bytes.subarray(begin, feed))) break;
    begin = feed + 1;
    line += 1;
  }
  if (isRight) return line;
  throw new CommandError(
    `${file.path} is not UTF-8 at line ${line}; nothing was written: convert it, such as with iconv -f WINDOWS-1252 -t UTF-8`,
  );
}

/** How many bytes at the end are the beginning of a character. */
function begunCharacter(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}

function lengthOf(first: number): number {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}
