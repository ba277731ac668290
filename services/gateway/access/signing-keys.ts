/** The keys that tokens are signed with, by URL: fetched when they are old or lack one, and kept while the URL is away. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../../ports/clock.ts";
import type { SigningKeySource } from "../../ports/signing-keys.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { Logger } from "../../runtime/logger.ts";
import { GatewayError } from "../errors.ts";

const OLD_MS = 300_000;
/** A token with a key that nobody knows can't have the URL asked more often. */
const COOL_DOWN_MS = 30_000;
const RETRY_MS = 5_000;

export interface SigningKeysOptions {
  readonly source: SigningKeySource;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class SigningKeys {
  readonly #options: SigningKeysOptions;
  #keys: JWTVerifyGetKey | undefined;
  #loadedAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /** @throws {GatewayError} signing-keys-unavailable; and whatever jose says of a key that there is not. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { clock } = this.#options;
    if (this.#keys === undefined) {
      const isTooSoon = clock.monotonicMs() - this.#triedAtMs < RETRY_MS;
      if (!isTooSoon || this.#loading !== undefined) await this.#load();
    } else if (clock.monotonicMs() - this.#loadedAtMs > OLD_MS) {
      if (clock.monotonicMs() - this.#triedAtMs > COOL_DOWN_MS) void this.#load();
    }
    const keys = this.#keys;
    if (keys === undefined) {
      const message = "the keys that tokens are signed with could not be fetched";
      throw new GatewayError("signing-keys-unavailable", message, { retryAfterMs: RETRY_MS });
    }
    try {
      return await keys(header, token);
    } catch (error) {
      const isDue = clock.monotonicMs() - this.#triedAtMs > COOL_DOWN_MS || this.#loading !== undefined;
      if (!(error instanceof errors.JWKSNoMatchingKey) || !isDue) throw error;
      await this.#load();
      return this.#keys!(header, token);
    }
  };

  /** Never rejects: what was there before stays. */
  #load(): Promise<void> {
    this.#loading ??= this.#loadOnce().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #loadOnce(): Promise<void> {
    const { source, clock, logger } = this.#options;
    this.#triedAtMs = clock.monotonicMs();
    try {
      this.#keys = keySetOf(await source.fetch());
      this.#loadedAtMs = clock.monotonicMs();
    } catch (error) {
      const kept = this.#keys === undefined ? "there are none" : "those of before stay";
      logger.warn({ error: describeError(error) }, `the keys of tokens can't be fetched; ${kept}`);
    }
  }
}

/** @throws {Error} when it is no JSON Web Key Set. */
export function keySetOf(document: unknown): JWTVerifyGetKey {
  return createLocalJWKSet(document as JSONWebKeySet);
}
