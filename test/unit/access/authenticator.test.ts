/** Credentials, as they are remembered, renewed, revoked, and guessed at. */
import { describe, expect, it } from "vitest";
import { apiKeyHash } from "../../../services/core/access/api-key.ts";
import type { Identity } from "../../../services/core/access/identity.ts";
import { ApiKeys } from "../../../services/gateway/access/api-keys.ts";
import { Authenticator } from "../../../services/gateway/access/authenticator.ts";
import { Failures } from "../../../services/gateway/access/failures.ts";
import { RateLimits } from "../../../services/gateway/access/rate-limits.ts";
import { ExpiredCredentialError } from "../../../services/gateway/access/verified.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { StoreUnavailableError } from "../../../services/ports/region-store.ts";
import { SystemSecrets } from "../../../services/adapters/system/secrets.ts";
import { TurnedClock } from "../console/fakes.ts";
import { StubKeyRecords } from "../gateway-http/stub-api-keys.ts";

const ADMIN_KEY = "fb_admin_of_a_test";
const ADMIN: Identity = { tenant: "default", actor: "admin key", scopes: [{ action: "cluster" }] };
const WISH = {
  tenant: "acme",
  name: "shop",
  scopes: "read:",
  madeBy: "me",
  expiresAtMs: undefined,
  deadlineMs: 1_000,
};

function bed() {
  const clock = new TurnedClock();
  const records = new StubKeyRecords();
  const apiKeys = new ApiKeys({ gateway: () => records, clock, secrets: new SystemSecrets() });
  const admin = { hash: apiKeyHash(ADMIN_KEY), identity: ADMIN };
  const tokens = {
    verify: async (token: string) => {
      if (token === "expired.token") throw new ExpiredCredentialError();
      throw new GatewayError("unauthenticated", "wrong");
    },
  };
  const authenticator = new Authenticator({ clock, apiKeys, admin, tokens, wrongPerSecond: 1 });
  const codeOf = async (credential: string, address = "10.0.0.1") => {
    try {
      await authenticator.verify(credential, address);
      return "taken";
    } catch (error) {
      return error instanceof GatewayError ? error.code : (error as Error).name;
    }
  };
  return { clock, records, apiKeys, authenticator, codeOf };
}

/** Lets what goes on in the background end. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

describe("a credential", () => {
  it("is known from when it was verified, and the admin key needs no store", async () => {
    const { authenticator, records, codeOf } = bed();
    records.trouble = new StoreUnavailableError("away", { outcome: "none" });
    expect(authenticator.known(ADMIN_KEY)).toBeUndefined();
    expect(await codeOf(ADMIN_KEY)).toBe("taken");
    expect(authenticator.known(ADMIN_KEY)?.identity).toEqual(ADMIN);
    expect(await codeOf(`${ADMIN_KEY} `)).toBe("unauthenticated");
  });

  it("of a service is looked up once, and again before five seconds are over, without anybody waiting", async () => {
    const { clock, records, apiKeys, authenticator, codeOf } = bed();
    const { text } = await apiKeys.create(WISH);
    expect(await Promise.all([codeOf(text), codeOf(text), codeOf(text)])).toEqual([
      "taken",
      "taken",
      "taken",
    ]);
    expect(records.reads).toBe(1);
    for (let second = 0; second < 60; second += 1) {
      clock.ms += 1_000;
      expect(authenticator.known(text)?.identity.tenant).toBe("acme");
      await settled();
    }
    expect(records.reads).toBeLessThanOrEqual(25);
  });

  it("that is revoked is refused within five seconds, however busy it is", async () => {
    const { clock, apiKeys, authenticator, codeOf } = bed();
    const { key, text } = await apiKeys.create(WISH);
    expect(await codeOf(text)).toBe("taken");
    await apiKeys.revoke(key.id, { tenant: undefined, deadlineMs: 1_000 });
    for (let step = 0; step < 50; step += 1) {
      clock.ms += 100;
      authenticator.known(text);
      await settled();
    }
    expect(authenticator.known(text)).toBeUndefined();
    expect(await codeOf(text)).toBe("unauthenticated");
  });

  it("stays good for an hour while the store is away, and no longer", async () => {
    const { clock, records, apiKeys, codeOf } = bed();
    const { text } = await apiKeys.create(WISH);
    const { text: never } = await apiKeys.create(WISH);
    expect(await codeOf(text)).toBe("taken");
    records.trouble = new StoreUnavailableError("away", { outcome: "none" });
    for (let minute = 0; minute < 59; minute += 1) {
      clock.ms += 60_000;
      expect(await codeOf(text)).toBe("taken");
    }
    // Whoever was never seen is not guessed at.
    expect(await codeOf(never)).toBe("StoreUnavailableError");
    clock.ms += 120_000;
    expect(await codeOf(text)).toBe("StoreUnavailableError");
    records.trouble = undefined;
    expect(await codeOf(text)).toBe("taken");
  });

  it("ends at its time, also where it is known", async () => {
    const { clock, apiKeys, authenticator, codeOf } = bed();
    const { text } = await apiKeys.create({ ...WISH, expiresAtMs: clock.nowMs() + 2_000 });
    expect(await codeOf(text)).toBe("taken");
    clock.ms += 1_999;
    expect(authenticator.known(text)).toBeDefined();
    clock.ms += 1;
    expect(authenticator.known(text)).toBeUndefined();
    expect(await codeOf(text)).toBe("unauthenticated");
  });

  it("of another secret than the kept one is refused, and so is one that is too long", async () => {
    const { apiKeys, codeOf } = bed();
    const { key } = await apiKeys.create(WISH);
    expect(await codeOf(`fb_${key.id}_${"x".repeat(43)}`)).toBe("unauthenticated");
    expect(await codeOf("x".repeat(100_000))).toBe("unauthenticated");
    expect(await codeOf("")).toBe("unauthenticated");
  });
});

describe("a credential that was refused", () => {
  it("is not looked up again at once, and is taken once it is right", async () => {
    const { clock, records, apiKeys, codeOf } = bed();
    const { key, text } = await apiKeys.create(WISH);
    const fields = records.records.get(key.id)!;
    records.records.delete(key.id);
    records.reads = 0;
    for (let request = 0; request < 10; request += 1) expect(await codeOf(text)).toBe("unauthenticated");
    expect(records.reads).toBe(1);
    records.records.set(key.id, fields);
    clock.ms += 2_000;
    expect(await codeOf(text)).toBe("taken");
  });

  it("is looked at again as what is held, however many wrong ones come from its address", async () => {
    const { clock, apiKeys, authenticator, codeOf } = bed();
    const { key, text } = await apiKeys.create(WISH);
    expect(await codeOf(text)).toBe("taken");
    await apiKeys.revoke(key.id, { tenant: undefined, deadlineMs: 1_000 });
    for (let guess = 0; guess < 40; guess += 1) await codeOf(`wrong ${guess}`);
    expect(await codeOf("wrong")).toBe("rate-limited");
    clock.ms += 5_000;
    await expect(authenticator.renew(text)).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

describe("API keys", () => {
  const none = { after: undefined, deadlineMs: 1_000 };

  it("are not more than a thousand of a tenant", async () => {
    const { apiKeys } = bed();
    for (let count = 0; count < 1_000; count += 1) await apiKeys.create(WISH);
    await expect(apiKeys.create(WISH)).rejects.toMatchObject({ code: "too-many-api-keys" });
    await apiKeys.create({ ...WISH, tenant: "rival" });
    const { keys } = await apiKeys.list({ ...none, tenant: "acme", limit: 1 });
    await apiKeys.revoke(keys[0]!.id, { tenant: "acme", deadlineMs: 1_000 });
    await apiKeys.create(WISH);
  });

  it("are listed to the end among many others, whose ids no cursor tells", async () => {
    const { records, apiKeys } = bed();
    const { key } = await apiKeys.create({ ...WISH, tenant: "rival" });
    const fields = records.records.get(key.id)!;
    records.records.clear();
    const idOf = (number: number) => number.toString(36).padStart(3, "0").padEnd(16, "x7");
    for (let number = 0; number < 25_000; number += 1) {
      const tenant = number % 1_000 === 999 ? "acme" : "rival";
      records.records.set(idOf(number), { ...fields, tenant });
    }
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await apiKeys.list({ tenant: "acme", limit: 100, after, deadlineMs: 1_000 });
      found.push(...page.keys.map(({ id }) => id));
      after = page.next;
      if (after !== undefined) expect(records.records.has(after)).toBe(false);
    } while (after !== undefined);
    const own = Array.from({ length: 25 }, (_, count) => idOf(count * 1_000 + 999));
    expect(found).toEqual(own);
  });

  it("are revoked by whoever could have made them alone", async () => {
    const { apiKeys } = bed();
    const { key } = await apiKeys.create({ ...WISH, scopes: "read: cluster" });
    const asked: string[] = [];
    const checkMayRevoke = (scopes: readonly string[]) => {
      asked.push(...scopes);
      throw new GatewayError("forbidden", "no");
    };
    const wish = { tenant: "acme", deadlineMs: 1_000, checkMayRevoke };
    await expect(apiKeys.revoke(key.id, wish)).rejects.toMatchObject({ code: "forbidden" });
    expect(asked).toEqual(["read:", "cluster"]);
    expect((await apiKeys.list({ ...none, tenant: "acme", limit: 9 })).keys).toHaveLength(1);
  });

  it("name who acts so that no name can be taken for another's", async () => {
    const { apiKeys, authenticator } = bed();
    const { key, text } = await apiKeys.create({ ...WISH, name: "x) of rival" });
    const { identity } = await authenticator.verify(text, "10.0.0.1");
    expect(identity.actor).toBe(`key ${key.id} ("x) of rival") of acme`);
  });
});

describe("guessing", () => {
  it("is slow from one address, and leaves others and what is known alone", async () => {
    const { clock, apiKeys, codeOf } = bed();
    const { text } = await apiKeys.create(WISH);
    expect(await codeOf(text)).toBe("taken");
    const guesses: string[] = [];
    for (let guess = 0; guess < 100; guess += 1) guesses.push(await codeOf(`wrong ${guess}`));
    expect(guesses.filter((code) => code === "unauthenticated")).toHaveLength(20);
    expect(guesses.at(-1)).toBe("rate-limited");
    expect(await codeOf(text)).toBe("taken");
    expect(await codeOf("wrong", "10.0.0.2")).toBe("unauthenticated");
    clock.ms += 3_000;
    const later = [];
    for (let guess = 0; guess < 10; guess += 1) later.push(await codeOf(`wrong ${guess}`));
    expect(later.filter((code) => code === "unauthenticated")).toHaveLength(3);
  });

  it("is not what somebody does whose token has run out", async () => {
    const { codeOf } = bed();
    for (let request = 0; request < 100; request += 1)
      expect(await codeOf("expired.token")).toBe("unauthenticated");
  });

  it("is counted by network of IPv6, in a table with a bound", () => {
    const failures = new Failures(new TurnedClock(), 1);
    for (let host = 0; host < 20; host += 1) failures.failed(`2001:db8:1:2::${host.toString(16)}`);
    expect(failures.retryAfterMs("2001:db8:1:2::ffff")).toBeGreaterThan(0);
    expect(failures.retryAfterMs("2001:db8:1:3::1")).toBeUndefined();
    for (let host = 0; host < 20; host += 1) failures.failed(`2001:db8::${host.toString(16)}`);
    for (const same of ["2001:db8::ffff", "2001:db8:0:0:1::2", "2001:DB8:0000::"])
      expect([same, failures.retryAfterMs(same)]).toEqual([same, expect.any(Number)]);
    expect(failures.retryAfterMs("2001:db8:0:1::1")).toBeUndefined();
    for (let host = 0; host < 30_000; host += 1)
      failures.failed(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`);
    expect(failures.addresses).toBeLessThanOrEqual(10_000);
    expect(failures.addresses).toBeGreaterThan(9_000);
  });
});

describe("rate limits", () => {
  it("are each tenant's own", () => {
    const clock = new TurnedClock();
    const byTenant = new Map([["big", { perSecond: 100, burst: 100 }]]);
    const limits = new RateLimits({ otherwise: { perSecond: 1, burst: 2 }, byTenant }, clock);
    const taken = (tenant: string) =>
      Array.from({ length: 200 }, () => limits.take(tenant)).filter((retry) => retry === undefined).length;
    expect([taken("small"), taken("other"), taken("big")]).toEqual([2, 2, 100]);
    expect(limits.take("small")).toBe(1_000);
    clock.ms += 1_000;
    expect(limits.take("small")).toBeUndefined();
    // What was taken and turns out to be more is waited for.
    limits.spend("other", 3);
    expect(limits.take("other")).toBe(3_000);
    expect(new RateLimits({ otherwise: undefined, byTenant }, clock).take("any")).toBeUndefined();
  });
});
