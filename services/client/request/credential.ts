/** The credential that requests carry: asked of the app once for all of them, and again where it failed or was refused. */
import { ForebayError } from "../errors.ts";
import { onAbort, sleep, type Platform } from "../platform.ts";

const PAUSE_MS_BASE = 50;
const PAUSE_MS_MAX = 2_000;

export interface Wait {
  readonly untilMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a header takes it. */
export function isCredential(given: unknown): boolean {
  return typeof given === "string" && /^[ -~]+$/.test(given);
}

export class Credential {
  readonly #platform: Platform;
  readonly #ask: () => Promise<string> | string;
  /** Rejects after its pause: whoever waits may ask again then, and all of them do so together. */
  #asked: Promise<string> | undefined;
  #given: string | undefined;
  #failures = 0;
  #why: unknown;

  constructor(platform: Platform, ask: () => Promise<string> | string) {
    this.#platform = platform;
    this.#ask = ask;
  }

  /**
   * Asks again while there is time.
   * @throws {ForebayError} unauthenticated, with what the app has thrown as its cause.
   * @throws the signal's reason.
   */
  async get({ untilMs, signal }: Wait): Promise<string> {
    if (this.#given !== undefined) return this.#given;
    const { promise: over, resolve: giveUp } = settling<undefined>();
    const stop = () => giveUp(undefined);
    const cancel = this.#platform.after(untilMs - this.#platform.nowMs(), stop);
    const forget = onAbort(signal, stop);
    let isOver = signal?.aborted === true;
    try {
      while (!isOver) {
        const asked = (this.#asked ??= this.#askNow());
        const given = await Promise.race([asked, over]).catch(() => null);
        if (typeof given === "string") return given;
        isOver = given === undefined;
        // What never answers is not waited for by whoever comes later.
        if (isOver && this.#asked === asked && signal?.aborted !== true) this.#asked = undefined;
      }
    } finally {
      cancel();
      forget();
    }
    signal?.throwIfAborted();
    const why = this.#why ?? new Error("it has not answered in time");
    const detail = `the app's token() gave no credential${why instanceof Error ? `: ${why.message}` : ""}`;
    throw new ForebayError({ code: "unauthenticated", status: 0, retry: "same", detail }, { cause: why });
  }

  /** @param refused what a region did not take; another one that was given since stays. */
  forget(refused: string | undefined): void {
    if (this.#given === refused) this.#asked = this.#given = undefined;
  }

  async #askNow(): Promise<string> {
    try {
      const given = await this.#ask();
      if (!isCredential(given)) throw new TypeError("token() gives a text of printable ASCII characters");
      this.#given = given;
      this.#failures = 0;
      this.#why = undefined;
      return given;
    } catch (error) {
      this.#why = error;
      const ceiling = Math.min(PAUSE_MS_MAX, PAUSE_MS_BASE * 2 ** Math.min(this.#failures, 10));
      this.#failures += 1;
      await sleep(this.#platform, this.#platform.random() * ceiling);
      this.#asked = undefined;
      throw error;
    }
  }
}

function settling<T>() {
  let resolve: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve: resolve! };
}
