/** The key in what somebody has typed, pasted, or has in the address. */

/** Of keys and tokens alike; anything else can't stand in the name of a WebSocket's subprotocol, which is an HTTP token. */
const KEY = /^[A-Za-z0-9_.~+-]{1,8192}$/;
/** As `forebay key` and the local cluster print it. */
const SETTING = /^(?:export\s+)?FOREBAY_KEY=(["']?)(.*)\1$/;

/** Undefined of what can't be one. */
export function keyIn(text: string): string | undefined {
  const trimmed = text.trim();
  const key = SETTING.exec(trimmed)?.[2] ?? trimmed;
  return KEY.test(key) ? key : undefined;
}

/** Percent-encoded, as it stands in an address. */
export function encodedKeyIn(text: string): string | undefined {
  try {
    return keyIn(decodeURIComponent(text));
  } catch {
    return undefined;
  }
}
