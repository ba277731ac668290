/** The credential that the page comes with: taken once out of the address, `#key=…`, or typed, and kept as long as the tab. */
import { encodedKeyIn, keyIn } from "./model/key.ts";

const STORED_AS = "forebay-key";
const IN_HASH = /^#key=([^&?/]+)$/;
/** What a region takes of a browser's WebSocket, which can set no headers. */
const SUBPROTOCOL = "forebay.v1";
const KEY_SUBPROTOCOL_PREFIX = "forebay.bearer.";

/** Moves a key from the address to the tab's own store, so that it stays in no history and no bookmark. */
export function takeKeyFromAddress(): void {
  const [, key] = IN_HASH.exec(location.hash) ?? [];
  if (key === undefined) return;
  keep(encodedKeyIn(key));
  history.replaceState(history.state, "", `${location.pathname}${location.search}#/overview`);
}

export function storedKey(): string | undefined {
  return sessionStorage.getItem(STORED_AS) ?? undefined;
}

/** @returns whether it can be a key at all; nothing is kept otherwise. */
export function storeKey(text: string): boolean {
  return keep(keyIn(text));
}

function keep(key: string | undefined): boolean {
  if (key !== undefined) sessionStorage.setItem(STORED_AS, key);
  return key !== undefined;
}

export function keyHeaders(): Record<string, string> {
  const key = storedKey();
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

export function keySubprotocols(): string[] {
  const key = storedKey();
  return key === undefined ? [] : [SUBPROTOCOL, KEY_SUBPROTOCOL_PREFIX + key];
}
