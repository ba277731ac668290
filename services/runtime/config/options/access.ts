/** Who may do what: how clients prove who they are, and how much they may send. */
import { isTenant } from "../../../core/access/tenant.ts";
import { keySetFile } from "../file-kinds.ts";
import { defaulted, optional } from "../option.ts";
import { choice, flag, integer, matching, numbersByName, someOf, text } from "../plain-kinds.ts";
import { addressWith, fetchedAddress, secret, secretMatching } from "../secret-kinds.ts";
import { SWITCH } from "./process.ts";

export const LOOPBACK: readonly string[] = ["127.0.0.1", "localhost", "::1", "[::1]"];
export const ASYMMETRIC = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;
export const SYMMETRIC = ["HS256", "HS384", "HS512"] as const;
export const RATE_MAX = 1_000_000;
const HASH = /^[0-9a-f]{64}$/;
const SECRET_LENGTH_MIN = 32;
const TOLERANCE_SECONDS_MAX = 300;

const keysAddress = addressWith(fetchedAddress(["https:", "http:"]), ({ protocol, hostname }) =>
  protocol === "https:" || LOOPBACK.includes(hostname)
    ? undefined
    : "must be an address that begins with https://",
);

export const accessOptions = {
  isOn: defaulted({
    variable: "FOREBAY_AUTHENTICATION",
    key: "authentication",
    since: "0.2.0",
    kind: flag(SWITCH),
    otherwise: true,
    summary: "Off lets everybody do everything, and only on loopback.",
  }),
  adminKeyHash: optional({
    variable: "FOREBAY_ADMIN_KEY_SHA256",
    key: "admin.key_sha256",
    since: "0.2.0",
    kind: secretMatching(HASH, "64 hexadecimal digits in lower case, of a key that it does not show"),
    summary: "The hash of the admin key, with which other keys are made; `forebay key admin` makes both.",
    neededWhere: "no tokens are taken",
  }),
  adminTenant: defaulted({
    variable: "FOREBAY_ADMIN_TENANT",
    key: "admin.tenant",
    since: "0.2.0",
    kind: matching("the name of a tenant", isTenant),
    otherwise: "default",
    summary: "The tenant of whoever comes with the admin key.",
  }),
  rate: defaulted({
    variable: "FOREBAY_RATE_LIMIT",
    key: "rate.limit",
    since: "0.2.0",
    kind: integer({ minimum: 0, maximum: RATE_MAX, unit: "requests a second" }),
    otherwise: 0,
    summary: "What each tenant may send to the process; 0 is without limit.",
  }),
  rateByTenant: defaulted({
    variable: "FOREBAY_RATE_LIMITS",
    key: "rate.limits",
    since: "0.2.0",
    kind: numbersByName({ example: "acme=500,beta=50", maximum: RATE_MAX, isName: isTenant }),
    otherwise: new Map<string, number>(),
    summary: "Limits of some tenants, instead of FOREBAY_RATE_LIMIT.",
  }),
  wrongPerSecond: defaulted({
    variable: "FOREBAY_WRONG_CREDENTIALS_PER_SECOND",
    key: "wrong_credentials_per_second",
    since: "0.2.0",
    kind: integer({ minimum: 1, maximum: RATE_MAX }),
    otherwise: 1,
    summary:
      "How many credentials from one address may be wrong before only known ones are taken from there.",
  }),
  metrics: defaulted({
    variable: "FOREBAY_METRICS",
    key: "metrics",
    since: "0.2.0",
    kind: choice(["open", "scope"]),
    otherwise: "scope",
    summary: "Whether `/metrics` is open to everybody, or to credentials with the scope `metrics`.",
  }),
};

const TOKENS = "tokens are taken";

/** Tokens of an identity provider; they are taken where one of the three sources of keys is set. */
export const tokensOptions = {
  keysUrl: optional({
    variable: "FOREBAY_JWT_KEYS_URL",
    key: "jwt.keys_url",
    since: "0.2.0",
    kind: keysAddress,
    summary: "Where the signers' public keys are (JWKS); plain http on loopback alone.",
  }),
  keySet: optional({
    variable: "FOREBAY_JWT_KEYS_FILE",
    key: "jwt.keys_file",
    since: "0.2.0",
    kind: keySetFile,
    summary: "The signers' public keys in a file, instead of an address.",
  }),
  secret: optional({
    variable: "FOREBAY_JWT_SECRET",
    key: "jwt.secret",
    since: "0.2.0",
    kind: secret(SECRET_LENGTH_MIN),
    summary: "A secret that the signer shares, instead of public keys.",
  }),
  issuer: optional({
    variable: "FOREBAY_JWT_ISSUER",
    key: "jwt.issuer",
    since: "0.2.0",
    kind: text("who issues the tokens, as their claim `iss` says it"),
    summary: "The claim `iss` that tokens must have.",
    neededWhere: TOKENS,
  }),
  audience: optional({
    variable: "FOREBAY_JWT_AUDIENCE",
    key: "jwt.audience",
    since: "0.2.0",
    kind: text("for whom the tokens are, as their claim `aud` says it"),
    summary: "The claim `aud` that tokens must have.",
    neededWhere: TOKENS,
  }),
  algorithms: optional({
    variable: "FOREBAY_JWT_ALGORITHMS",
    key: "jwt.algorithms",
    since: "0.2.0",
    kind: someOf([...ASYMMETRIC, ...SYMMETRIC]),
    summary:
      "How tokens may be signed: RS256, PS256, ES256, EdDSA where nothing is set; HS256 with FOREBAY_JWT_SECRET.",
  }),
  clockToleranceSeconds: defaulted({
    variable: "FOREBAY_JWT_CLOCK_TOLERANCE_SECONDS",
    key: "jwt.clock_tolerance_seconds",
    since: "0.2.0",
    kind: integer({ minimum: 0, maximum: TOLERANCE_SECONDS_MAX }),
    otherwise: 30,
    summary: "How far the signer's clock may be from the process's.",
  }),
  tenantClaim: defaulted({
    variable: "FOREBAY_JWT_TENANT_CLAIM",
    key: "jwt.tenant_claim",
    since: "0.2.0",
    kind: text("the name of a claim"),
    otherwise: "tenant",
    summary: "The claim that names the tenant.",
  }),
};
