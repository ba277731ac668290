/** Who may do what, as the environment says: how clients prove who they are, which pages may ask, how much tenants may send. */
import { readFileSync } from "node:fs";
import { isTenant } from "../core/access/tenant.ts";
import type { Rate } from "../core/admission/rate.ts";

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

/** What is needed of the reader of all variables. */
export interface AccessReader {
  readonly problems: string[];
  optional(name: string): string | undefined;
  text(name: string, otherwise: string): string;
  integer(name: string, bounds: { minimum: number; maximum?: number; otherwise: number }): number;
  choice<T extends string>(name: string, choices: readonly T[], otherwise: T): T;
}

const LOOPBACK: readonly string[] = ["127.0.0.1", "localhost", "::1"];
const HASH = /^[0-9a-f]{64}$/;
const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const ALGORITHMS_DEFAULT = ["RS256", "PS256", "ES256", "EdDSA"];
const SYMMETRIC = ["HS256", "HS384", "HS512"];
const SECRET_LENGTH_MIN = 32;
const TOLERANCE_SECONDS_DEFAULT = 30;
const TOLERANCE_SECONDS_MAX = 300;
const RATE_MAX = 1_000_000;
/** How many seconds' worth a tenant may send at once. */
const BURST_SECONDS = 2;
const TRUSTED_PROXIES_MAX = 8;
const KEY_SOURCES = ["FOREBAY_JWT_KEYS_URL", "FOREBAY_JWT_KEYS_FILE", "FOREBAY_JWT_SECRET"] as const;

/** @param host that HTTP listens at. */
export function readAccess(reader: AccessReader, host: string): AccessConfig {
  const isOff = reader.choice("FOREBAY_AUTHENTICATION", ["on", "off"], "on") === "off";
  if (isOff && !LOOPBACK.includes(host)) {
    reader.problems.push(
      `FOREBAY_AUTHENTICATION is off, which lets everybody do everything: that takes FOREBAY_HTTP_HOST 127.0.0.1, and it is "${host}"`,
    );
  }
  const access: AccessConfig = {
    isOff,
    admin: readAdmin(reader),
    tokens: readTokens(reader),
    rate: rateOf(reader.integer("FOREBAY_RATE_LIMIT", { minimum: 0, maximum: RATE_MAX, otherwise: 0 })),
    rateByTenant: readRates(reader),
    wrongPerSecond: reader.integer("FOREBAY_WRONG_CREDENTIALS_PER_SECOND", {
      minimum: 1,
      maximum: RATE_MAX,
      otherwise: 1,
    }),
    trustedProxies: reader.integer("FOREBAY_TRUSTED_PROXIES", {
      minimum: 0,
      maximum: TRUSTED_PROXIES_MAX,
      otherwise: 0,
    }),
    corsOrigins: readOrigins(reader),
    metrics: reader.choice("FOREBAY_METRICS", ["open", "scope"], "scope"),
  };
  if (!isOff && access.admin === undefined && access.tokens === undefined) {
    reader.problems.push(
      "FOREBAY_ADMIN_KEY_SHA256 is not set, and no tokens are taken, so nobody could prove who they are: set it (`forebay key admin` makes a key and its hash), or FOREBAY_JWT_KEYS_URL with FOREBAY_JWT_ISSUER and FOREBAY_JWT_AUDIENCE",
    );
  }
  return access;
}

function readAdmin(reader: AccessReader): AccessConfig["admin"] {
  const keyHash = reader.optional("FOREBAY_ADMIN_KEY_SHA256");
  const tenant = reader.text("FOREBAY_ADMIN_TENANT", "default");
  const isNamed: boolean = isTenant(tenant);
  if (!isNamed) reader.problems.push(`FOREBAY_ADMIN_TENANT is "${tenant}", which names no tenant`);
  if (keyHash === undefined) return undefined;
  if (!HASH.test(keyHash)) {
    reader.problems.push(
      "FOREBAY_ADMIN_KEY_SHA256 must be 64 hexadecimal digits in lower case, of a key that it does not show",
    );
  }
  return { keyHash, tenant };
}

function readTokens(reader: AccessReader): TokenConfig | undefined {
  const given = KEY_SOURCES.filter((name) => reader.optional(name) !== undefined);
  if (given.length === 0) return undefined;
  if (given.length > 1) reader.problems.push(`${given.join(" and ")} are set: tokens are signed in one way`);
  const keys = readKeys(reader, given[0]!);
  const allowed = "secret" in keys ? SYMMETRIC : ASYMMETRIC;
  return {
    keys,
    issuer: required(reader, "FOREBAY_JWT_ISSUER", "who issues the tokens, as their claim `iss` says it"),
    audience: required(
      reader,
      "FOREBAY_JWT_AUDIENCE",
      "for whom the tokens are, as their claim `aud` says it",
    ),
    algorithms: readAlgorithms(reader, allowed),
    clockToleranceSeconds: reader.integer("FOREBAY_JWT_CLOCK_TOLERANCE_SECONDS", {
      minimum: 0,
      maximum: TOLERANCE_SECONDS_MAX,
      otherwise: TOLERANCE_SECONDS_DEFAULT,
    }),
    tenantClaim: reader.text("FOREBAY_JWT_TENANT_CLAIM", "tenant"),
  };
}

function readKeys(reader: AccessReader, name: (typeof KEY_SOURCES)[number]): TokenConfig["keys"] {
  const value = reader.optional(name)!;
  switch (name) {
    case "FOREBAY_JWT_KEYS_URL": {
      const url = URL.canParse(value) ? new URL(value) : undefined;
      const isSafe =
        url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.includes(url.hostname));
      if (!isSafe) reader.problems.push(`${name} must be an address that begins with https://`);
      return { url: value };
    }
    case "FOREBAY_JWT_KEYS_FILE":
      return { set: keySetIn(reader, value) };
    case "FOREBAY_JWT_SECRET":
      if (value.length < SECRET_LENGTH_MIN) {
        reader.problems.push(`${name} must have at least ${SECRET_LENGTH_MIN} characters`);
      }
      return { secret: value };
  }
}

function keySetIn(reader: AccessReader, path: string): object {
  try {
    const document = JSON.parse(readFileSync(path, "utf8")) as { keys?: unknown };
    if (Array.isArray(document.keys) && document.keys.length > 0) return document;
    reader.problems.push(`FOREBAY_JWT_KEYS_FILE: ${path} is no JSON Web Key Set: an object with "keys"`);
  } catch (error) {
    reader.problems.push(`FOREBAY_JWT_KEYS_FILE: ${path} can't be read: ${(error as Error).message}`);
  }
  return { keys: [] };
}

function readAlgorithms(reader: AccessReader, allowed: readonly string[]): readonly string[] {
  const otherwise = allowed === SYMMETRIC ? ["HS256"] : ALGORITHMS_DEFAULT;
  const text = reader.optional("FOREBAY_JWT_ALGORITHMS");
  const algorithms = text?.split(",").map((name) => name.trim()) ?? otherwise;
  const wrong = algorithms.filter((name) => !allowed.includes(name));
  if (wrong.length > 0) {
    reader.problems.push(
      `FOREBAY_JWT_ALGORITHMS has "${wrong.join(", ")}"; here it must list some of ${allowed.join(", ")}`,
    );
  }
  return algorithms;
}

function required(reader: AccessReader, name: string, hint: string): string {
  const value = reader.optional(name);
  if (value === undefined) reader.problems.push(`${name} is not set; it must be ${hint}`);
  return value ?? "";
}

/** `acme=500,beta=50`; 0 is without limit. */
function readRates(reader: AccessReader): ReadonlyMap<string, Rate> {
  const rates = new Map<string, Rate>();
  const text = reader.optional("FOREBAY_RATE_LIMITS");
  for (const part of text?.split(",") ?? []) {
    const [tenant = "", number = "", ...rest] = part.split("=").map((one) => one.trim());
    const perSecond = /^\d{1,7}$/.test(number) ? Number(number) : Number.NaN;
    if (rest.length > 0 || !isTenant(tenant) || !(perSecond <= RATE_MAX)) {
      reader.problems.push(`FOREBAY_RATE_LIMITS has "${part}"; it must be like acme=500,beta=50`);
      continue;
    }
    rates.set(tenant, rateOf(perSecond) ?? { perSecond: RATE_MAX, burst: RATE_MAX });
  }
  return rates;
}

function rateOf(perSecond: number): Rate | undefined {
  return perSecond === 0 ? undefined : { perSecond, burst: Math.max(1, perSecond * BURST_SECONDS) };
}

function readOrigins(reader: AccessReader): readonly string[] {
  const text = reader.optional("FOREBAY_CORS_ORIGINS");
  const origins = text?.split(",").map((origin) => origin.trim()) ?? [];
  const wrong = origins.filter(
    (origin) => origin !== "*" && !(URL.canParse(origin) && new URL(origin).origin === origin),
  );
  if (wrong.length > 0) {
    reader.problems.push(
      `FOREBAY_CORS_ORIGINS has "${wrong.join(", ")}"; it must list origins like https://app.example`,
    );
  }
  return origins;
}

/** As it may be logged. */
export function redactAccess(access: AccessConfig): object {
  const { admin, tokens, rateByTenant } = access;
  return {
    ...access,
    admin: admin && { ...admin, keyHash: "…" },
    tokens: tokens && { ...tokens, keys: Object.keys(tokens.keys) },
    rateByTenant: Object.fromEntries(rateByTenant),
  };
}
