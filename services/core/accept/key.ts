/** Keys of records. */
import { isStorableText } from "../json.ts";
import { RefusedWriteError } from "./refused-write.ts";

export const KEY_BYTES_MAX = 512;

/** @throws {RefusedWriteError} `invalid-key` */
export function checkKey(key: string): void {
  if (key.length === 0) throw new RefusedWriteError("invalid-key", "a key has at least one character");
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
    throw new RefusedWriteError("invalid-key", `a key has at most ${KEY_BYTES_MAX} bytes`);
  }
  // Control characters would make keys that no one can read, list or log.
  if (!isStorableText(key) || /\p{Cc}/u.test(key)) {
    throw new RefusedWriteError("invalid-key", "a key has no control characters and no half surrogate pairs");
  }
}
