/** Who may do what, as a process is told: how clients prove who they are, which pages may ask, how much tenants may send. */
import type { Rate } from "../../core/admission/rate.ts";
import { RATE_MAX } from "./options/access.ts";
import type { Values } from "./schema.ts";

export interface TokenConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly clockToleranceSeconds: number;
  readonly tenantClaim: string;
  /** Where the keys are that sign them; or the keys themselves, or a secret that both sides have. */
  readonly keys: { readonly url: string } | { readonly set: object } | { readonly secret: string };
}

export interface AccessConfig {
  /** Everybody may do everything: of a process that is reached from its own machine alone. */
  readonly isOff: boolean;
  readonly admin: { readonly keyHash: string; readonly tenant: string } | undefined;
  readonly tokens: TokenConfig | undefined;
  /** Undefined: as many as there are. */
  readonly rate: Rate | undefined;
  readonly rateByTenant: ReadonlyMap<string, Rate>;
  /** How many credentials from one address may be wrong. */
  readonly wrongPerSecond: number;
  /** Between clients and the process, each of which adds to X-Forwarded-For. */
  readonly trustedProxies: number;
  readonly corsOrigins: readonly string[];
  readonly metrics: "open" | "scope";
}

const ALGORITHMS_DEFAULT = ["RS256", "PS256", "ES256", "EdDSA"];
const ALGORITHMS_OF_SECRETS_DEFAULT = ["HS256"];
/** How many seconds' worth a tenant may send at once. */
const BURST_SECONDS = 2;

export function accessConfigOf({ access, tokens, http }: Values): AccessConfig {
  const { adminKeyHash: keyHash, adminTenant: tenant, isOn, wrongPerSecond, metrics } = access;
  return {
    isOff: !isOn,
    admin: keyHash === undefined ? undefined : { keyHash, tenant },
    tokens: tokenConfigOf(tokens),
    rate: rateOf(access.rate),
    rateByTenant: new Map(
      // Zero lifts the limit that all others have.
      [...access.rateByTenant].map(([name, perSecond]) => [
        name,
        rateOf(perSecond) ?? { perSecond: RATE_MAX, burst: RATE_MAX },
      ]),
    ),
    wrongPerSecond,
    trustedProxies: http.trustedProxies,
    corsOrigins: http.corsOrigins,
    metrics,
  };
}

function tokenConfigOf(tokens: Values["tokens"]): TokenConfig | undefined {
  const { issuer = "", audience = "", clockToleranceSeconds, tenantClaim } = tokens;
  const keys = keysOf(tokens);
  if (keys === undefined) return undefined;
  const otherwise = "secret" in keys ? ALGORITHMS_OF_SECRETS_DEFAULT : ALGORITHMS_DEFAULT;
  const algorithms = tokens.algorithms ?? otherwise;
  return { keys, issuer, audience, algorithms, clockToleranceSeconds, tenantClaim };
}

function keysOf({ keysUrl: url, keySet, secret }: Values["tokens"]): TokenConfig["keys"] | undefined {
  if (url !== undefined) return { url };
  if (keySet !== undefined) return { set: keySet.set };
  return secret === undefined ? undefined : { secret };
}

function rateOf(perSecond: number): Rate | undefined {
  return perSecond === 0 ? undefined : { perSecond, burst: Math.max(1, perSecond * BURST_SECONDS) };
}
