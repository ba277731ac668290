/**
 * API keys: records of the cluster's own tenant that the log decides on, so that a key made in one region is taken in all,
 * and one that is revoked in none. They are verified by what this region has folded, also while the log is away.
 */
import {
  API_KEYS_COLLECTION,
  API_KEYS_SCHEMA,
  apiKeyFields,
  apiKeyHash,
  apiKeyText,
  identityOfKey,
  readApiKey,
  type ApiKey,
  type StoredApiKey,
} from "../../core/access/api-key.ts";
import { CLUSTER_TENANT } from "../../core/access/tenant.ts";
import { EMPTY_SESSION } from "../../core/session.ts";
import type { Clock } from "../../ports/clock.ts";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { unauthenticated, type Verified } from "./verified.ts";

/** A revocation that is folded here counts after so long at the latest. */
const FRESH_MS = 5_000;
const LOOK_MS = 2_000;
const PAGE_ROWS = 500;
/** Of one listing: most keys may be others'. */
const PAGES_MAX = 20;
/** About so many: those that are made at once don't see each other. */
const KEYS_PER_TENANT_MAX = 1_000;
/** Of an id that another's key may have: enough to go on from, too little to know it by. */
const PLACE_LENGTH = 4;
const ID_LENGTH = 16;

export interface ApiKeysOptions {
  readonly gateway: () => Pick<Gateway, "read" | "list" | "write" | "remove" | "putCollection">;
  readonly clock: Clock;
  readonly secrets: SecretSource;
}

/** Cryptographically strong. */
export interface SecretSource {
  /** @returns an id of 16 characters, and 32 bytes as base64url. */
  newKey(): { readonly id: string; readonly secret: string };
}

export interface NewApiKey {
  readonly tenant: string;
  readonly name: string;
  readonly scopes: string;
  readonly madeBy: string;
  readonly expiresAtMs: number | undefined;
  readonly deadlineMs: number;
}

/** Without tenant: of all. */
export interface ApiKeyQuery {
  readonly tenant: string | undefined;
  readonly limit: number;
  readonly after: string | undefined;
  readonly deadlineMs: number;
}

export interface RevokeWish {
  /** Undefined: of any. */
  readonly tenant: string | undefined;
  readonly deadlineMs: number;
  readonly checkMayRevoke?: (scopes: readonly string[]) => void;
}

export class ApiKeys {
  readonly #options: ApiKeysOptions;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
  }

  /** @param isHash compares with the hash that is kept. @throws {GatewayError} unauthenticated; {StoreUnavailableError}. */
  async verify(id: string, isHash: (hash: string) => boolean): Promise<Verified> {
    const key = await this.#find(id, LOOK_MS);
    if (key === undefined || !isHash(key.hash)) {
      throw unauthenticated("there is no such API key; one that was made elsewhere takes a moment to arrive");
    }
    return { identity: identityOfKey(key), expiresAtMs: key.expiresAtMs, freshMs: FRESH_MS };
  }

  /**
   * @returns the key's text besides, which nobody will ever be told again.
   * @throws {GatewayError} too-many-api-keys, and as a write.
   */
  async create(wish: NewApiKey): Promise<{ readonly key: ApiKey; readonly text: string }> {
    const { deadlineMs, expiresAtMs, ...rest } = wish;
    const { id, secret } = this.#options.secrets.newKey();
    const text = apiKeyText(id, secret);
    const madeAtMs = this.#options.clock.nowMs();
    const key: ApiKey = { id, ...rest, madeAtMs, ...(expiresAtMs !== undefined && { expiresAtMs }) };
    const endsAtMs = this.#options.clock.monotonicMs() + deadlineMs;
    const left = () => Math.max(1, Math.floor(endsAtMs - this.#options.clock.monotonicMs()));
    await this.#checkRoom(rest.tenant, left);
    try {
      await this.#write({ ...key, hash: apiKeyHash(text) }, left());
    } catch (error) {
      if (!isUnknown(error)) throw error;
      await this.#makeCollection(left());
      await this.#write({ ...key, hash: apiKeyHash(text) }, left());
    }
    return { key, text };
  }

  /** By id. `next` goes on where a page ends. */
  async list({ tenant, limit, after, deadlineMs }: ApiKeyQuery) {
    const keys: ApiKey[] = [];
    let next = after;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const found = await this.#page(next, deadlineMs);
      for (const { key: id, fields } of found.records) {
        const key = readApiKey(id, fields);
        if (key === undefined || (tenant !== undefined && key.tenant !== tenant)) continue;
        if (keys.length === limit) return { keys, next: keys.at(-1)!.id };
        const { hash: _, ...shown } = key;
        keys.push(shown);
      }
      next = found.next;
      if (next === undefined) return { keys, next: undefined };
    }
    // The key that the last page ends with may be another tenant's: the next one begins a little before it.
    const place = next!.slice(0, PLACE_LENGTH).padEnd(ID_LENGTH, "0");
    return { keys: keys.filter(({ id }) => id <= place), next: place };
  }

  async #checkRoom(tenant: string, left: () => number): Promise<void> {
    let count = 0;
    let after: string | undefined;
    do {
      const page = { tenant, limit: KEYS_PER_TENANT_MAX, after, deadlineMs: left() };
      const { keys, next } = await this.list(page);
      count += keys.length;
      after = next;
    } while (after !== undefined && count < KEYS_PER_TENANT_MAX);
    if (count < KEYS_PER_TENANT_MAX) return;
    const message = `tenant ${tenant} has ${KEYS_PER_TENANT_MAX} API keys, which is the most; revoke some that nobody uses`;
    throw new GatewayError("too-many-api-keys", message);
  }

  /**
   * @param checkMayRevoke throws where whoever asks may not.
   * @throws {GatewayError} api-key-not-found, also where it is another tenant's.
   */
  async revoke(id: string, { tenant, deadlineMs, checkMayRevoke }: RevokeWish): Promise<void> {
    const key = await this.#find(id, deadlineMs);
    if (key === undefined || (tenant !== undefined && key.tenant !== tenant)) {
      throw new GatewayError("api-key-not-found", `there is no API key ${id}`);
    }
    checkMayRevoke?.(key.scopes.split(" "));
    await this.#options.gateway().remove({ ...this.#context(deadlineMs), key: id });
  }

  async #find(id: string, deadlineMs: number): Promise<StoredApiKey | undefined> {
    const request = { ...this.#context(deadlineMs), key: id, consistency: "local" } as const;
    try {
      const { fields } = await this.#options.gateway().read(request);
      return readApiKey(id, fields);
    } catch (error) {
      if (isUnknown(error)) return undefined;
      throw error;
    }
  }

  async #page(after: string | undefined, deadlineMs: number) {
    const page = { prefix: "", after, limit: PAGE_ROWS, consistency: "local" } as const;
    try {
      return await this.#options.gateway().list({ ...this.#context(deadlineMs), ...page });
    } catch (error) {
      if (isUnknown(error)) return { records: [], next: undefined };
      throw error;
    }
  }

  async #write(key: StoredApiKey, deadlineMs: number): Promise<void> {
    const body = { set: apiKeyFields(key) };
    const wish = { key: key.id, version: null, body, waitCommitted: true };
    await this.#options.gateway().write({ ...this.#context(deadlineMs), ...wish });
  }

  async #makeCollection(deadlineMs: number): Promise<void> {
    const schema = { name: API_KEYS_COLLECTION, schema: API_KEYS_SCHEMA };
    await this.#options.gateway().putCollection({ ...this.#context(deadlineMs), ...schema });
  }

  #context(deadlineMs: number) {
    return {
      tenant: CLUSTER_TENANT,
      collection: API_KEYS_COLLECTION,
      session: EMPTY_SESSION,
      deadlineMs,
      idempotencyKey: undefined,
    };
  }
}

const UNKNOWN: readonly string[] = ["unknown-collection", "record-not-found", "record-deleted"];

function isUnknown(error: unknown): boolean {
  return error instanceof GatewayError && UNKNOWN.includes(error.code);
}
