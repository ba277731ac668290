/**
 * Says whose a credential is: known → at once; else verified, by whatever kind it is of, and remembered for a while.
 *
 *   admin key   the process's configuration names its hash
 *   fb_…        an API key: the region's own store has its hash
 *   otherwise   a JSON Web Token, where the configuration says who signs them
 */
import { timingSafeEqual } from "node:crypto";
import { apiKeyHash, apiKeyId } from "../../core/access/api-key.ts";
import type { Identity } from "../../core/access/identity.ts";
import type { Clock } from "../../ports/clock.ts";
import { StoreUnavailableError } from "../../ports/region-store.ts";
import { GatewayError } from "../errors.ts";
import type { ApiKeys } from "./api-keys.ts";
import { Failures } from "./failures.ts";
import type { Tokens } from "./tokens.ts";
import { ExpiredCredentialError, unauthenticated, type Remembered, type Verified } from "./verified.ts";
import { WrongCredentials } from "./wrong.ts";
import { forgetOldest } from "../../runtime/forget-oldest.ts";

/** Of a credential's text. */
const CREDENTIAL_LENGTH_MAX = 8 * 1_024;
const KNOWN_MAX = 4_096;
const VERIFYING_MAX = 256;
const BUSY_RETRY_MS = 1_000;
/** From this share of its time on, what is in use is verified again in the background. */
const RENEW_SHARE = 0.5;
/** While the store can't be asked, what it has said holds so long. */
const KEPT_MS = 3_600_000;
const KEPT_AGAIN_MS = 1_000;

export interface AuthenticatorOptions {
  readonly clock: Clock;
  /** Of the key that the configuration names. */
  readonly admin: { readonly hash: string; readonly identity: Identity } | undefined;
  readonly apiKeys: Pick<ApiKeys, "verify">;
  /** From one address. */
  readonly wrongPerSecond: number;
  /** Without it no token is taken. */
  readonly tokens: Pick<Tokens, "verify"> | undefined;
}

interface Known {
  readonly verified: Remembered;
  renewAtMs: number;
  freshUntilMs: number;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #known = new Map<string, Known>();
  readonly #verifying = new Map<string, Promise<Remembered>>();
  readonly #failures: Failures;
  readonly #wrong: WrongCredentials;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#failures = new Failures(options.clock, options.wrongPerSecond);
    this.#wrong = new WrongCredentials(options.clock);
  }

  /** Undefined: it has to be verified. */
  known(credential: string): Remembered | undefined {
    const known = this.#known.get(credential);
    if (known === undefined) return undefined;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs >= known.freshUntilMs || this.#hasExpired(known.verified)) return undefined;
    if (nowMs >= known.renewAtMs) {
      known.renewAtMs = Infinity;
      // Whoever asks after it has run out hears of what went wrong.
      this.#verifyOnce(credential).catch(() => undefined);
    }
    return known.verified;
  }

  /** @throws {GatewayError} unauthenticated, rate-limited, overloaded, and where the store or the signing keys can't be asked. */
  async verify(credential: string, address: string): Promise<Remembered> {
    const known = this.known(credential);
    if (known !== undefined) return known;
    const running = this.#verifying.get(credential);
    if (running !== undefined) return running;
    const retryAfterMs = this.#failures.retryAfterMs(address);
    if (retryAfterMs !== undefined) {
      const message = "too many wrong credentials have come from this address";
      throw new GatewayError("rate-limited", message, { retryAfterMs });
    }
    try {
      return await this.#verifyUnlessWrong(credential);
    } catch (error) {
      if (isUnauthenticated(error) && !(error instanceof ExpiredCredentialError))
        this.#failures.failed(address);
      throw error;
    }
  }

  /**
   * Looks again at what was verified before, whoever guesses at the same address: a revoked one must not live on behind wrong ones.
   * @throws {GatewayError} as `verify`, but for the address.
   */
  async renew(credential: string): Promise<Remembered> {
    return (
      this.known(credential) ??
      (await (this.#verifying.get(credential) ?? this.#verifyUnlessWrong(credential)))
    );
  }

  /** Whether it can still be taken for right although nobody can be asked. */
  isBelievable({ verifiedAtMs }: Remembered): boolean {
    return this.#options.clock.monotonicMs() - verifiedAtMs <= KEPT_MS;
  }

  async #verifyUnlessWrong(credential: string): Promise<Remembered> {
    const wrong = this.#wrong.errorOf(credential);
    if (wrong !== undefined) throw wrong;
    if (this.#verifying.size >= VERIFYING_MAX) {
      const message = `${VERIFYING_MAX} credentials are being verified already`;
      throw new GatewayError("overloaded", message, { retryAfterMs: BUSY_RETRY_MS });
    }
    return this.#verifyOnce(credential);
  }

  /** Until it expires; undefined where it does not. */
  leftMs({ expiresAtMs }: Verified): number | undefined {
    return expiresAtMs === undefined ? undefined : expiresAtMs - this.#options.clock.nowMs();
  }

  #verifyOnce(credential: string): Promise<Remembered> {
    const verifying = this.#verifyAndKeep(credential).finally(() => this.#verifying.delete(credential));
    this.#verifying.set(credential, verifying);
    return verifying;
  }

  async #verifyAndKeep(credential: string): Promise<Remembered> {
    try {
      const verified = await this.#check(credential);
      if (this.#hasExpired(verified)) throw new ExpiredCredentialError();
      return this.#keep(credential, verified);
    } catch (error) {
      if (isUnauthenticated(error)) {
        this.#known.delete(credential);
        this.#wrong.note(credential, error);
      }
      const kept = isAway(error) ? this.#keptOf(credential) : undefined;
      if (kept === undefined) throw error;
      return kept;
    }
  }

  async #check(credential: string): Promise<Verified> {
    const { admin, apiKeys, tokens } = this.#options;
    if (credential.length > CREDENTIAL_LENGTH_MAX) {
      throw unauthenticated(`a credential has at most ${CREDENTIAL_LENGTH_MAX} characters`);
    }
    const hash = apiKeyHash(credential);
    if (admin !== undefined && isSameHash(hash, admin.hash))
      return { identity: admin.identity, freshMs: KEPT_MS };
    const id = apiKeyId(credential);
    if (id !== undefined) return apiKeys.verify(id, (stored) => isSameHash(hash, stored));
    if (tokens === undefined || !credential.includes(".")) {
      throw unauthenticated("the credential is neither a key nor a token that this region takes");
    }
    return tokens.verify(credential);
  }

  #keep(credential: string, checked: Verified): Remembered {
    const nowMs = this.#options.clock.monotonicMs();
    const verified = { ...checked, verifiedAtMs: nowMs };
    this.#known.delete(credential);
    this.#known.set(credential, {
      verified,
      renewAtMs: nowMs + verified.freshMs * RENEW_SHARE,
      freshUntilMs: nowMs + verified.freshMs,
    });
    forgetOldest(this.#known, KNOWN_MAX);
    return verified;
  }

  #keptOf(credential: string): Remembered | undefined {
    const known = this.#known.get(credential);
    if (known === undefined || this.#hasExpired(known.verified)) return undefined;
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.isBelievable(known.verified)) return undefined;
    known.freshUntilMs = Math.max(known.freshUntilMs, nowMs + KEPT_AGAIN_MS);
    known.renewAtMs = nowMs + KEPT_AGAIN_MS * RENEW_SHARE;
    return known.verified;
  }

  #hasExpired({ expiresAtMs }: Verified): boolean {
    return expiresAtMs !== undefined && this.#options.clock.nowMs() >= expiresAtMs;
  }
}

function isUnauthenticated(error: unknown): error is GatewayError {
  return error instanceof GatewayError && error.code === "unauthenticated";
}

/** Nobody has said that the credential is wrong. */
function isAway(error: unknown): boolean {
  return (
    error instanceof StoreUnavailableError || (error instanceof GatewayError && !isUnauthenticated(error))
  );
}

function isSameHash(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
