/** JSON Web Tokens: who may sign them, for whom they are, and what they say. Keys come from the configuration alone, never from a token. */
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import { tokenActor } from "../../core/access/actor.ts";
import type { Identity, Scope } from "../../core/access/identity.ts";
import { parseScopes } from "../../core/access/scope.ts";
import { isTenant } from "../../core/access/tenant.ts";
import { own } from "../../core/json.ts";
import { GatewayError } from "../errors.ts";
import { ExpiredCredentialError, unauthenticated, type Verified } from "./verified.ts";

/** A token is looked at again after so long, so that a key that was withdrawn no longer counts. */
const FRESH_MS = 300_000;
const SUBJECT_LENGTH_MAX = 96;

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly clockToleranceSeconds: number;
  readonly tenantClaim: string;
}

export interface TokensOptions {
  readonly rules: TokenRules;
  /** The wall clock, as jose wants it. */
  readonly now: () => Date;
  readonly keys: JWTVerifyGetKey | Uint8Array;
}

export class Tokens {
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** @throws {GatewayError} unauthenticated, with what is wrong; signing-keys-unavailable. */
  async verify(token: string): Promise<Verified> {
    const { rules, now } = this.#options;
    const payload = await this.#payloadOf(token);
    const tenant = own(payload, rules.tenantClaim);
    if (!isTenant(tenant)) {
      throw unauthenticated(`the token's claim "${rules.tenantClaim}" names no tenant`);
    }
    const identity: Identity = {
      tenant,
      actor: tokenActor(subjectOf(payload), tenant),
      scopes: scopesOf(payload),
    };
    const expiresAtMs = (payload.exp! + rules.clockToleranceSeconds) * 1_000;
    return { identity, expiresAtMs, freshMs: Math.min(FRESH_MS, Math.max(0, expiresAtMs - now().getTime())) };
  }

  async #payloadOf(token: string): Promise<JWTPayload> {
    const { rules, now, keys } = this.#options;
    const { issuer, audience, algorithms, clockToleranceSeconds: clockTolerance } = rules;
    const wanted = { issuer, audience, algorithms: [...algorithms], requiredClaims: ["exp"] };
    const options = { ...wanted, clockTolerance, currentDate: now() };
    try {
      const verified =
        keys instanceof Uint8Array ? jwtVerify(token, keys, options) : jwtVerify(token, keys, options);
      return (await verified).payload;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      // The signature was looked at before.
      if (error instanceof errors.JWTExpired) throw new ExpiredCredentialError();
      throw unauthenticated(`the token is refused: ${reasonOf(error)}`);
    }
  }
}

/** What jose says names no secret; anything else is not told. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) return `claim "${error.claim}" is missing or wrong`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature is wrong";
  if (error instanceof errors.JOSEAlgNotAllowed) return "its algorithm is not allowed";
  if (error instanceof errors.JWKSNoMatchingKey) return "it is signed with a key that is not known";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "several keys could have signed it";
  return "it is malformed";
}

function scopesOf({ scope }: JWTPayload): readonly Scope[] {
  if (typeof scope === "string") return parseScopes(scope);
  const isList = Array.isArray(scope) && scope.every((one) => typeof one === "string");
  return isList ? parseScopes(scope.join(" ")) : [];
}

function subjectOf({ sub }: JWTPayload): string {
  if (typeof sub !== "string" || sub === "") return "without a subject";
  return sub.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, SUBJECT_LENGTH_MAX);
}
