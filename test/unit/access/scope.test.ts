import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apiKeyId, apiKeyText, readApiKey } from "../../../services/core/access/api-key.ts";
import {
  COLLECTION_ACTIONS,
  formatScope,
  may,
  mayAnywhere,
  mayGrant,
  mayReadMetrics,
  mayRunCluster,
  parseScope,
  parseScopes,
  SCOPE_PATTERN,
  SCOPES_MAX,
} from "../../../services/core/access/scope.ts";
import { isTenant } from "../../../services/core/access/tenant.ts";
import { checkProperty } from "../property.ts";

const action = fc.constantFrom(...COLLECTION_ACTIONS);
const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/);
const prefix = fc.oneof(fc.constant(""), name);
const scope = fc.oneof(
  fc.record({ action, prefix }),
  fc.record({ action: fc.constantFrom("cluster" as const, "metrics" as const) }),
);

describe("scopes", () => {
  it("are read back from what they are written as", () => {
    checkProperty(
      fc.property(scope, (one) => {
        expect(formatScope(one)).toMatch(new RegExp(SCOPE_PATTERN));
        expect(parseScope(formatScope(one))).toEqual(one);
      }),
    );
  });

  it("let in by action and prefix alone, as a slow look at the text says", () => {
    checkProperty(
      fc.property(fc.array(scope, { maxLength: 6 }), action, name, (scopes, wanted, collection) => {
        const texts = scopes.map(formatScope);
        const slow = Array.from({ length: collection.length }).some((_, length) =>
          texts.includes(`${wanted}:${collection.slice(0, length)}`),
        );
        const whole = texts.includes(`${wanted}:${collection}`);
        expect(may({ scopes }, wanted, collection)).toBe(slow || whole);
        expect(mayRunCluster({ scopes })).toBe(texts.includes("cluster"));
        expect(mayReadMetrics({ scopes })).toBe(texts.includes("cluster") || texts.includes("metrics"));
        expect(mayAnywhere({ scopes }, wanted)).toBe(texts.some((text) => text.startsWith(`${wanted}:`)));
      }),
    );
  });

  it("give nobody what the giver may not give", () => {
    checkProperty(
      fc.property(fc.array(scope, { maxLength: 6 }), scope, (scopes, given) => {
        const texts = scopes.map(formatScope);
        const isOfCollections = "prefix" in given;
        const expected = texts.includes("cluster") || (isOfCollections && texts.includes("admin:"));
        expect(mayGrant({ scopes }, given)).toBe(expected);
      }),
    );
  });

  it("of others are ignored, and so is what only looks like one", () => {
    const text = "openid read profile read:a READ:b write:$x admin:a/b cluster: read:é write:ok cluster";
    expect(parseScopes(text).map(formatScope)).toEqual(["read:a", "write:ok", "cluster"]);
    expect(parseScopes("")).toEqual([]);
    expect(parseScopes("read: ".repeat(1_000))).toHaveLength(SCOPES_MAX);
  });
});

describe("tenants", () => {
  it("have names that can't run into what stands beside them, and none of the cluster's own", () => {
    for (const good of ["a", "Acme", "550e8400-e29b-41d4-a716-446655440000", "a.b_c:d@e"])
      expect(isTenant(good)).toBe(true);
    const wrong = [
      "",
      "$forebay",
      "$unknown",
      "a\nb",
      "a b",
      "a/b",
      "é",
      "a".repeat(65),
      7,
      null,
      undefined,
      ["a"],
    ];
    for (const bad of wrong) expect([bad, isTenant(bad)]).toEqual([bad, false]);
  });
});

describe("API keys", () => {
  it("have an id that is found in their text, and in nothing else", () => {
    const key = apiKeyText("0123456789abcdef", "s_-".repeat(14) + "x");
    expect(apiKeyId(key)).toBe("0123456789abcdef");
    const wrong = [
      "",
      "fb_",
      key.slice(0, -1),
      `${key}x`,
      ` ${key}`,
      key.toUpperCase(),
      key.replace("fb_", "fc_"),
      `${key}\n`,
    ];
    for (const text of wrong) expect([text, apiKeyId(text)]).toEqual([text, undefined]);
  });

  it("are read from whole records alone", () => {
    const fields = { hash: "h", tenant: "acme", name: "n", scopes: "read:", made_by: "me", made_at_ms: 1 };
    expect(readApiKey("id", fields)).toMatchObject({ id: "id", tenant: "acme", madeAtMs: 1 });
    expect(readApiKey("id", { ...fields, expires_at_ms: 2 })).toMatchObject({ expiresAtMs: 2 });
    for (const field of Object.keys(fields))
      expect(readApiKey("id", { ...fields, [field]: null })).toBeUndefined();
    expect(readApiKey("id", { ...fields, tenant: "$forebay" })).toBeUndefined();
  });
});
