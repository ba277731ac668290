/** Values between JavaScript and PostgreSQL, both ways. */
import { assert } from "../../core/assert.ts";
import { hlcFromInteger, hlcToInteger, type Hlc } from "../../core/hlc.ts";

/** The driver gives 64-bit integers as text. */
export function toNumber(text: string): number {
  const value = Number(text);
  assert(Number.isSafeInteger(value), `PostgreSQL gave ${text} for an integer below 2^53`);
  return value;
}

/** A stamp fills 64 bits without a sign; PostgreSQL's integers have one. Stamps of this aeon are the same in both. */
export function toHlc(text: string): Hlc {
  return hlcFromInteger(BigInt.asUintN(64, BigInt(text)));
}

export function fromHlc(hlc: Hlc): string {
  return BigInt.asIntN(64, hlcToInteger(hlc)).toString();
}

/** Object ids of the types of elements; they are the same in every database. */
const OIDS = { bytea: 17, bigint: 20, text: 25, uuid: 2950 } as const;

/**
 * Arrays in PostgreSQL's binary format: number of dimensions, whether there are NULLs, type of the elements, their count,
 * the first subscript, then the length and the bytes of each. Neither side has to quote, to escape or to look for ends,
 * which at a thousand elements a statement costs more than what is done with them.
 */
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;
const SCRATCH_BYTES_MAX = 4 * 1024 * 1024;

function headerOf(type: keyof typeof OIDS, count: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  for (const [index, field] of [1, 1, OIDS[type], count, 1].entries()) header.writeInt32BE(field, 4 * index);
  return header;
}

/** Where texts are put together before their length in bytes is known. Used within one call only. */
let scratch = Buffer.allocUnsafe(64 * 1024);

/** `undefined` is NULL. */
export function textArray(items: readonly (string | undefined)[]): Buffer {
  // No UTF-16 unit takes more than three bytes of UTF-8.
  let bytesMax = HEADER_BYTES;
  for (const item of items) bytesMax += LENGTH_BYTES + 3 * (item?.length ?? 0);
  const array = bytesMax <= scratch.length ? scratch : Buffer.allocUnsafe(bytesMax);
  if (bytesMax <= SCRATCH_BYTES_MAX) scratch = array;
  let end = headerOf("text", items.length).copy(array);
  for (const item of items) {
    const bytes = item === undefined ? 0 : array.write(item, end + LENGTH_BYTES);
    array.writeInt32BE(item === undefined ? NULL_LENGTH : bytes, end);
    end += LENGTH_BYTES + bytes;
  }
  return Buffer.from(array.subarray(0, end));
}

/** Below 2^53, as all counts are; `undefined` is NULL. */
export function countArray(items: readonly (number | undefined)[]): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + items.length * (LENGTH_BYTES + 8));
  let end = headerOf("bigint", items.length).copy(array);
  for (const item of items) {
    array.writeInt32BE(item === undefined ? NULL_LENGTH : 8, end);
    end += LENGTH_BYTES;
    if (item === undefined) continue;
    array.writeInt32BE(Math.floor(item / 2 ** 32), end);
    array.writeUInt32BE(item % 2 ** 32, end + 4);
    end += 8;
  }
  return array.subarray(0, end);
}

export function uuidArray(items: readonly string[]): Buffer {
  assert(
    items.every((item) => item.length === 36),
    "a UUID has 36 characters",
  );
  return hexArray({ type: "uuid", elementBytes: 16, items });
}

export function stampArray(items: readonly Hlc[]): Buffer {
  return hexArray({ type: "bigint", elementBytes: 8, items });
}

/** @param items SHA-256 in hexadecimal. */
export function hashArray(items: readonly string[]): Buffer {
  return hexArray({ type: "bytea", elementBytes: 32, items });
}

/** One after the other. @param items SHA-256 in hexadecimal. */
export function hashBytes(items: readonly string[]): Buffer {
  const bytes = Buffer.from(items.join(""), "hex");
  assert(bytes.length === 32 * items.length, "a SHA-256 has 32 bytes");
  return bytes;
}

/** @param items hexadecimal digits, and hyphens, which say nothing. */
function hexArray(options: {
  type: keyof typeof OIDS;
  elementBytes: number;
  items: readonly string[];
}): Buffer {
  const { type, elementBytes, items } = options;
  const header = headerOf(type, items.length).toString("hex");
  const length = elementBytes.toString(16).padStart(2 * LENGTH_BYTES, "0");
  const digits =
    header +
    items
      .map((item) => length + item)
      .join("")
      .replaceAll("-", "");
  const array = Buffer.from(digits, "hex");
  // Decoding ends at the first character that is no digit.
  const bytes = HEADER_BYTES + items.length * (LENGTH_BYTES + elementBytes);
  assert(array.length === bytes, `${type}s of ${elementBytes} bytes`);
  return array;
}
