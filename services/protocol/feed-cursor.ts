/**
 * The feed's cursor as clients carry it: opaque, of one subscription, and signed, so that a made-up position can't make a
 * region wait.
 *
 *   f1.<partition>-<position>-<log epoch>_….<what the subscription is of>.<signature>
 *
 * Numbers are in base 36. The signature covers the positions alone, so that all who are told the same share it: that the
 * cursor is used for the subscription that it comes from guards against mistakes.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { FeedCursor, FeedPlace } from "../core/feed/cursor.ts";
import { filterText, type FeedFilter } from "../core/feed/filter.ts";

const VERSION = "f1";
const SIGNATURE_BYTES = 12;
const FILTER_BYTES = 6;
const BASE = 36;
const PLACE = /^([0-9a-z]{1,2})-([0-9a-z]{1,11})-([0-9a-z]{1,7})$/;
export const FEED_CURSOR_LENGTH_MAX = 4_096;

export class InvalidFeedCursorError extends Error {
  override readonly name = "InvalidFeedCursorError";
}

/** What stands in a cursor for the subscription that it is of. */
export function filterMark(filter: FeedFilter): string {
  const hash = createHash("sha256").update(filterText(filter)).digest();
  return hash.subarray(0, FILTER_BYTES).toString("base64url");
}

/** @param mark of `filterMark`. */
export function encodeFeedCursor(cursor: FeedCursor, mark: string, secret: string): string {
  const places = Array.from(cursor, ([partition, { position, logEpoch }]) =>
    [partition, position, logEpoch].map((number) => number.toString(BASE)).join("-"),
  );
  const payload = places.join("_");
  return `${VERSION}.${payload}.${mark}.${sign(payload, secret)}`;
}

/** @throws {InvalidFeedCursorError} says whether it is none, was changed, or is of another subscription. */
export function decodeFeedCursor(text: string, mark: string, secret: string): FeedCursor {
  const [version, payload, givenMark, signature, ...rest] = text.split(".");
  const isWhole = payload !== undefined && givenMark !== undefined && signature !== undefined;
  if (text.length > FEED_CURSOR_LENGTH_MAX || version !== VERSION || !isWhole || rest.length > 0) {
    throw new InvalidFeedCursorError("this is no cursor of the feed: pass on the last one, unchanged");
  }
  const given = Buffer.from(signature);
  const expected = Buffer.from(sign(payload, secret));
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new InvalidFeedCursorError("the cursor was changed, or comes from another cluster");
  }
  if (givenMark !== mark) {
    throw new InvalidFeedCursorError(
      "the cursor is of another subscription: it goes on with the same collection, key and prefix",
    );
  }
  return new Map(payload.split("_").map(decodePlace));
}

function decodePlace(text: string): [number, FeedPlace] {
  const numbers = PLACE.exec(text)
    ?.slice(1)
    .map((digits) => Number.parseInt(digits, BASE));
  if (numbers === undefined || !numbers.every(Number.isSafeInteger)) {
    throw new InvalidFeedCursorError("the cursor is from another version");
  }
  const [partition, position, logEpoch] = numbers as [number, number, number];
  return [partition, { position, logEpoch }];
}

/** Many subscriptions stand at the same place: a signature costs more than the rest of a frame. */
let lastSigned = { payload: "", secret: "", signature: "" };

function sign(payload: string, secret: string): string {
  if (lastSigned.payload !== payload || lastSigned.secret !== secret || lastSigned.signature === "") {
    const digest = createHmac("sha256", secret).update(`${VERSION}.${payload}`).digest();
    lastSigned = { payload, secret, signature: digest.subarray(0, SIGNATURE_BYTES).toString("base64url") };
  }
  return lastSigned.signature;
}
