/** Where a listing goes on, as clients carry it: opaque, and of one listing only. */
import { isStorableText } from "../../core/json.ts";
import { ProblemError } from "./problem.ts";

const VERSION = "c1.";

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
