/** What the client needs of where it runs: a browser, Node.js, or the simulated world of a test. */

interface SocketEvents {
  readonly open: unknown;
  readonly message: { readonly data: unknown };
  readonly close: { readonly code: number };
  readonly error: unknown;
}

/** As much of a WebSocket as the client uses. */
export interface Socket {
  addEventListener<Name extends keyof SocketEvents>(
    name: Name,
    listener: (event: SocketEvents[Name]) => void,
  ): void;
  send(text: string): void;
  close(): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

export interface Platform {
  fetch(url: string, init: RequestInit): Promise<Response>;
  readonly webSocket: SocketConstructor | undefined;
  /** From an arbitrary start; never goes back. */
  nowMs(): number;
  /** @returns how to call it off. */
  after(delayMs: number, call: () => void): () => void;
  /** Uniform in [0, 1). */
  random(): number;
  /** Text that nobody else makes. */
  uniqueName(): string;
}

/** @param given what differs from the platform at hand, such as a WebSocket where it has none. */
export function systemPlatform(given: Partial<Platform> = {}): Platform {
  const { WebSocket } = globalThis as { readonly WebSocket?: SocketConstructor };
  return {
    fetch: (url, init) => fetch(url, init),
    webSocket: WebSocket,
    nowMs: () => performance.now(),
    after(delayMs, call) {
      const timer = setTimeout(call, Math.min(delayMs, DELAY_MS_MAX));
      return () => clearTimeout(timer);
    },
    random: Math.random,
    uniqueName: uniqueNames(),
    ...given,
  };
}

/** What a timer can be set to; a longer one would be due at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;
const NAME_BYTES = 16;

/** Random once per client, and counted from there on. */
function uniqueNames(): () => string {
  let prefix = "";
  let count = 0;
  return () => {
    if (prefix === "") {
      const bytes = crypto.getRandomValues(new Uint8Array(NAME_BYTES));
      prefix = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    }
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

/** Calls once the signal is aborted; never where it is aborted already. @returns how to call it off. */
export function onAbort(signal: AbortSignal | undefined, call: () => void): () => void {
  signal?.addEventListener("abort", call, { once: true });
  return () => signal?.removeEventListener("abort", call);
}

/** @throws the signal's reason. */
export function sleep(platform: Platform, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const stop = () => {
      cancel();
      reject(signal!.reason as Error);
    };
    const forget = onAbort(signal, stop);
    const cancel = platform.after(delayMs, () => {
      forget();
      resolve();
    });
  });
}
