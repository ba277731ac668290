/** The one hash function of Forebay. The only file of the core that imports from outside it: SHA-256 is a pure function. */
import { hash } from "node:crypto";

/** Hash chains start here. */
export const ZERO_HASH = "0".repeat(64);

/** SHA-256 in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return hash("sha256", data, "hex");
}

/** The head of a chain after one more link. */
export function chain(previous: string, link: string): string {
  return sha256(`${previous}\n${link}`);
}
