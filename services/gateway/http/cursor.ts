/** Where a listing goes on, as clients carry it: opaque, and of one listing only. */
import { sha256 } from "../../core/hash.ts";
import { isStorableText } from "../../core/json.ts";
import type { Asked } from "../../core/listing/where.ts";
import type { ConflictPlace } from "../../ports/region-store.ts";
import type { FieldPlace } from "../../ports/sql-access.ts";
import { ProblemError } from "./problem.ts";

const VERSION = "c1.";
const CONFLICTS_VERSION = "x1.";
/** Log time, partition, position, ordinal: short enough to be exact, and for the database. */
const PLACE = /^(\d{1,15})-(\d{1,9})-(\d{1,15})-(\d{1,9})$/;

export function encodeCursor(lastKey: string): string {
  return VERSION + Buffer.from(lastKey).toString("base64url");
}

/** @throws {ProblemError} invalid-cursor. */
export function decodeCursor(cursor: string, prefix: string): string {
  const key = Buffer.from(cursor.slice(VERSION.length), "base64url").toString("utf8");
  // Encoding again shows what the decoder let pass: other characters, broken UTF-8.
  if (encodeCursor(key) !== cursor || key === "" || !isStorableText(key) || !key.startsWith(prefix)) {
    throw new ProblemError(
      "invalid-cursor",
      "pass on the next_cursor of the page before, unchanged and with the same prefix",
      { field: "cursor" },
    );
  }
  return key;
}

const FIELD_VERSION = "f1.";
const LISTING_DIGITS = 12;

/** Of a listing by a field: the value's key, the record's, and which listing it is. */
export function encodeFieldCursor({ indexKey, key }: FieldPlace, asked: Asked): string {
  const text = JSON.stringify([listingOf(asked), indexKey, key]);
  return FIELD_VERSION + Buffer.from(text).toString("base64url");
}

/** @throws {ProblemError} invalid-cursor. */
export function decodeFieldCursor(cursor: string, asked: Asked): FieldPlace {
  const [listing, indexKey, key] = readTexts(cursor.slice(FIELD_VERSION.length));
  if (listing !== undefined && indexKey !== undefined && key !== undefined) {
    const place = { indexKey, key };
    const isStorable = isStorableText(indexKey) && isStorableText(key);
    if (isStorable && encodeFieldCursor(place, asked) === cursor) return place;
  }
  throw new ProblemError(
    "invalid-cursor",
    "pass on the next_cursor of the page before, unchanged and with the same where and order",
    { field: "cursor" },
  );
}

function listingOf({ where, order }: Asked): string {
  return sha256(JSON.stringify([where ?? null, order ?? null])).slice(0, LISTING_DIGITS);
}

function readTexts(encoded: string): readonly (string | undefined)[] {
  try {
    const read: unknown = JSON.parse(Buffer.from(encoded, "base64url").toString("utf8"));
    const isTexts = Array.isArray(read) && read.every((one) => typeof one === "string");
    return isTexts ? (read as string[]) : [];
  } catch {
    return [];
  }
}

export function encodeConflictCursor(place: ConflictPlace): string {
  const { logTimeMs, partition, position, ordinal } = place;
  const text = [logTimeMs, partition, position, ordinal].join("-");
  return CONFLICTS_VERSION + Buffer.from(text).toString("base64url");
}

/** @throws {ProblemError} invalid-cursor. */
export function decodeConflictCursor(cursor: string): ConflictPlace {
  const text = Buffer.from(cursor.slice(CONFLICTS_VERSION.length), "base64url").toString("utf8");
  const numbers = PLACE.exec(text)?.slice(1).map(Number);
  if (numbers !== undefined) {
    const [logTimeMs, partition, position, ordinal] = numbers as [number, number, number, number];
    const place = { logTimeMs, partition, position, ordinal };
    if (encodeConflictCursor(place) === cursor) return place;
  }
  throw new ProblemError("invalid-cursor", "pass on the next_cursor of the page before, unchanged", {
    field: "cursor",
  });
}
