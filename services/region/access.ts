/** Puts together by what a region process knows who asks, and what they may send. */
import { HttpSigningKeys } from "../adapters/signing-keys/http.ts";
import { SystemSecrets } from "../adapters/system/secrets.ts";
import { ADMIN_KEY_ACTOR } from "../core/access/actor.ts";
import type { Scope } from "../core/access/identity.ts";
import { ApiKeys } from "../gateway/access/api-keys.ts";
import { Authenticator } from "../gateway/access/authenticator.ts";
import { RateLimits } from "../gateway/access/rate-limits.ts";
import { keySetOf, SigningKeys } from "../gateway/access/signing-keys.ts";
import { Tokens, type TokensOptions } from "../gateway/access/tokens.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { Authentication } from "../gateway/http/authentication.ts";
import type { Clock } from "../ports/clock.ts";
import type { AccessConfig, TokenConfig } from "../runtime/config/access-config.ts";
import type { Logger } from "../runtime/logger.ts";

export interface AccessOptions {
  readonly access: AccessConfig;
  readonly gateway: Gateway;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Whoever has the admin key may do all that there is to do. */
const EVERYTHING: readonly Scope[] = [
  { action: "read", prefix: "" },
  { action: "write", prefix: "" },
  { action: "admin", prefix: "" },
  { action: "cluster" },
];

/** What the HTTP server needs of it. */
export function accessOf({ access, gateway, clock, logger }: AccessOptions) {
  const { admin, tokens, rate, rateByTenant, corsOrigins, trustedProxies, metrics } = access;
  const apiKeys = new ApiKeys({ gateway: () => gateway, clock, secrets: new SystemSecrets() });
  const authenticator = new Authenticator({
    clock,
    apiKeys,
    wrongPerSecond: access.wrongPerSecond,
    admin: admin && {
      hash: admin.keyHash,
      identity: { tenant: admin.tenant, actor: ADMIN_KEY_ACTOR, scopes: EVERYTHING },
    },
    tokens:
      tokens &&
      new Tokens({
        now: () => new Date(clock.nowMs()),
        rules: tokens,
        keys: keysOf(tokens, { clock, logger }),
      }),
  });
  return {
    apiKeys,
    authentication: access.isOff ? undefined : new Authentication(authenticator),
    rates: new RateLimits({ otherwise: rate, byTenant: rateByTenant }, clock),
    corsOrigins,
    trustedProxies,
    metricsAccess: metrics,
  };
}

function keysOf({ keys }: TokenConfig, ports: { clock: Clock; logger: Logger }): TokensOptions["keys"] {
  if ("secret" in keys) return new TextEncoder().encode(keys.secret);
  if ("set" in keys) return keySetOf(keys.set);
  return new SigningKeys({ ...ports, source: new HttpSigningKeys(keys.url) }).find;
}
