/** API keys: `fb_<id>_<secret>`. The id finds the key's record, which holds a hash of the whole, and never the secret. */
import { sha256 } from "../hash.ts";
import type { JsonValue } from "../json.ts";
import type { CollectionSchema } from "../schema.ts";
import { keyActor } from "./actor.ts";
import type { Identity } from "./identity.ts";
import { parseScopes } from "./scope.ts";
import { isTenant } from "./tenant.ts";

export const API_KEY_PREFIX = "fb_";
const KEY = /^fb_([a-z0-9]{16})_([A-Za-z0-9_-]{43})$/;
export const API_KEY_ID_PATTERN = "^[a-z0-9]{16}$";
/** Of the secret: as many as its hash has, so that nothing is gained by a slow one. */
export const API_KEY_SECRET_BYTES = 32;

/** The collection of the cluster's own tenant that holds them. */
export const API_KEYS_COLLECTION = "api-keys";

const text = { class: "authoritative", type: "string", immutable: true } as const;
const time = { class: "authoritative", type: "integer", immutable: true } as const;

/** Scopes as text, so that software of before, which knows fewer, ignores what it does not know. */
export const API_KEYS_SCHEMA: CollectionSchema = {
  fields: {
    hash: text,
    tenant: text,
    name: text,
    scopes: text,
    made_by: text,
    made_at_ms: time,
    expires_at_ms: time,
  },
};

/** A key as it is kept and shown: without its secret. */
export interface ApiKey {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  /** Separated by spaces. */
  readonly scopes: string;
  readonly madeBy: string;
  readonly madeAtMs: number;
  readonly expiresAtMs?: number;
}

export interface StoredApiKey extends ApiKey {
  /** SHA-256 of the key's whole text, in hexadecimal. */
  readonly hash: string;
}

/** The id of what looks like an API key. */
export function apiKeyId(credential: string): string | undefined {
  return KEY.exec(credential)?.[1];
}

/** @param secret 32 random bytes as base64url. */
export function apiKeyText(id: string, secret: string): string {
  return `${API_KEY_PREFIX}${id}_${secret}`;
}

export function apiKeyHash(credential: string): string {
  return sha256(credential);
}

/** Undefined of a record that is no key. */
export function readApiKey(
  id: string,
  fields: { readonly [name: string]: JsonValue },
): StoredApiKey | undefined {
  const { hash, tenant, name, scopes, made_by: madeBy, made_at_ms: madeAtMs, expires_at_ms: end } = fields;
  const texts = [hash, name, scopes, madeBy];
  if (!isTenant(tenant) || texts.some((value) => typeof value !== "string")) return undefined;
  if (typeof madeAtMs !== "number") return undefined;
  const key = { id, hash, tenant, name, scopes, madeBy, madeAtMs } as StoredApiKey;
  return typeof end === "number" ? { ...key, expiresAtMs: end } : key;
}

export function apiKeyFields(key: StoredApiKey): { readonly [name: string]: JsonValue } {
  const { hash, tenant, name, scopes, madeBy, madeAtMs, expiresAtMs } = key;
  const fields = { hash, tenant, name, scopes, made_by: madeBy, made_at_ms: madeAtMs };
  return expiresAtMs === undefined ? fields : { ...fields, expires_at_ms: expiresAtMs };
}

export function identityOfKey({ id, tenant, name, scopes }: ApiKey): Identity {
  return { tenant, actor: keyActor({ id, name, tenant }), scopes: parseScopes(scopes) };
}
