/** Credentials that were wrong a moment ago: whoever comes with them again and again does not have the store asked each time. */
import { apiKeyHash } from "../../core/access/api-key.ts";
import type { Clock } from "../../ports/clock.ts";
import type { GatewayError } from "../errors.ts";
import { forgetOldest } from "../../runtime/forget-oldest.ts";

/** Short: a key that was made elsewhere may be on its way. */
const WRONG_MS = 2_000;
/** The one that came first makes room for another. */
const WRONG_MAX = 4_096;

interface Wrong {
  readonly error: GatewayError;
  readonly untilMs: number;
}

export class WrongCredentials {
  readonly #clock: Clock;
  /** By hash: nobody bounds the length of what is wrong. */
  readonly #wrong = new Map<string, Wrong>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What it was refused with; undefined where that is too long ago. */
  errorOf(credential: string): GatewayError | undefined {
    if (this.#wrong.size === 0) return undefined;
    const hash = apiKeyHash(credential);
    const wrong = this.#wrong.get(hash);
    if (wrong === undefined || this.#clock.monotonicMs() < wrong.untilMs) return wrong?.error;
    this.#wrong.delete(hash);
    return undefined;
  }

  note(credential: string, error: GatewayError): void {
    const hash = apiKeyHash(credential);
    this.#wrong.delete(hash);
    this.#wrong.set(hash, { error, untilMs: this.#clock.monotonicMs() + WRONG_MS });
    forgetOldest(this.#wrong, WRONG_MAX);
  }
}
