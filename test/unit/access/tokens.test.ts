/** Attacks on tokens: whatever they say of themselves, only what the region was told to trust counts. */
import { generateKeyPairSync, sign } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT, type JWTHeaderParameters, type JWTPayload } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { keySetOf, SigningKeys } from "../../../services/gateway/access/signing-keys.ts";
import { Tokens, type TokensOptions } from "../../../services/gateway/access/tokens.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { TurnedClock } from "../console/fakes.ts";

const RULES: TokensOptions["rules"] = {
  issuer: "https://issuer.example",
  audience: "forebay",
  algorithms: ["RS256", "ES256"],
  clockToleranceSeconds: 30,
  tenantClaim: "tenant",
};
const NOW_SECONDS = 1_760_000_000;
const now = () => new Date(NOW_SECONDS * 1_000);
const CLAIMS: JWTPayload = {
  iss: RULES.issuer,
  aud: RULES.audience,
  sub: "ada",
  tenant: "acme",
  scope: "openid read: write:users",
  exp: NOW_SECONDS + 600,
};

const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2_048 });
let jwk: object;
let otherJwk: object;
let tokens: Tokens;

beforeAll(async () => {
  jwk = { ...(await exportJWK(rsa.publicKey)), kid: "one", alg: "RS256", use: "sig" };
  otherJwk = { ...(await exportJWK(other.publicKey)), kid: "two", alg: "RS256", use: "sig" };
  tokens = new Tokens({ rules: RULES, now, keys: keySetOf({ keys: [jwk] }) });
});

function base64(value: object | string): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

/** Signed by hand, so that the header may say anything. */
function forge(header: object, claims: object = CLAIMS, key = rsa.privateKey): string {
  const text = `${base64(header)}.${base64(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

function hmac(header: JWTHeaderParameters, secret: string | Uint8Array, claims = CLAIMS): Promise<string> {
  const key = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}

async function codeOf(token: string, verifier = tokens): Promise<string> {
  try {
    await verifier.verify(token);
    return "taken";
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

const HEADER = { alg: "RS256", kid: "one", typ: "JWT" };

describe("a token", () => {
  it("says who it is, for whom, and what they may, until it expires", async () => {
    expect(await tokens.verify(forge(HEADER))).toEqual({
      identity: {
        tenant: "acme",
        actor: "token ada of acme",
        scopes: [
          { action: "read", prefix: "" },
          { action: "write", prefix: "users" },
        ],
      },
      expiresAtMs: (NOW_SECONDS + 630) * 1_000,
      freshMs: 300_000,
    });
    const list = forge(HEADER, { ...CLAIMS, scope: ["read:a", "cluster"], sub: "\u0000é\n" });
    expect((await tokens.verify(list)).identity).toMatchObject({
      actor: 'token "???" of acme',
      scopes: [{ action: "read", prefix: "a" }, { action: "cluster" }],
    });
  });

  it("is refused where a claim is missing, wrong, or not of its time", async () => {
    const without = (name: string) =>
      Object.fromEntries(Object.entries(CLAIMS).filter(([key]) => key !== name));
    const wrong: Record<string, object> = {
      "no exp": without("exp"),
      "exp as text": { ...CLAIMS, exp: "9999999999" },
      expired: { ...CLAIMS, exp: NOW_SECONDS - 31 },
      "not yet": { ...CLAIMS, nbf: NOW_SECONDS + 31 },
      "no issuer": without("iss"),
      "another issuer": { ...CLAIMS, iss: "https://evil.example" },
      "no audience": without("aud"),
      "another audience": { ...CLAIMS, aud: "somebody" },
      "no tenant": without("tenant"),
      "the cluster's tenant": { ...CLAIMS, tenant: "$forebay" },
      "a tenant in two lines": { ...CLAIMS, tenant: "a\nb" },
      "a list of tenants": { ...CLAIMS, tenant: ["acme"] },
      "a tenant by prototype": { ...without("tenant"), __proto__: { tenant: "acme" } },
    };
    for (const [what, claims] of Object.entries(wrong)) {
      expect([what, await codeOf(forge(HEADER, claims))]).toEqual([what, "unauthenticated"]);
    }
    expect(await codeOf(forge(HEADER, { ...CLAIMS, exp: NOW_SECONDS - 29 }))).toBe("taken");
    expect(await codeOf(forge(HEADER, { ...CLAIMS, aud: ["x", "forebay"] }))).toBe("taken");
  });

  it("grants nothing where its scopes are none", async () => {
    for (const scope of [undefined, 7, {}, "admin", ["read:", 7]]) {
      const { identity } = await tokens.verify(forge(HEADER, { ...CLAIMS, scope }));
      expect([scope, identity.scopes]).toEqual([scope, []]);
    }
  });

  it("is refused without a signature, whatever it calls that", async () => {
    for (const alg of ["none", "None", "NONE", "nOnE", "", "RS256 "]) {
      expect([alg, await codeOf(`${base64({ ...HEADER, alg })}.${base64(CLAIMS)}.`)]).toEqual([
        alg,
        "unauthenticated",
      ]);
    }
    const [header, claims] = forge(HEADER).split(".");
    for (const text of [
      `${header}.${claims}.`,
      `${header}.${claims}`,
      `${header}..`,
      "..",
      "...",
      "a.b.c",
      ".",
      "🙂.a.b",
    ]) {
      expect([text, await codeOf(text)]).toEqual([text, "unauthenticated"]);
    }
  });

  it("is refused where the public key is taken for a secret", async () => {
    const pem = rsa.publicKey.export({ type: "spki", format: "pem" }) as string;
    const der = rsa.publicKey.export({ type: "spki", format: "der" });
    for (const secret of [pem, pem.trim(), der, JSON.stringify(jwk)]) {
      for (const alg of ["HS256", "HS512"]) {
        expect(await codeOf(await hmac({ alg, kid: "one" }, secret))).toBe("unauthenticated");
      }
    }
    // Nor does a secret in the set help, which somebody put there by mistake.
    const careless = new Tokens({
      rules: { ...RULES, algorithms: [...RULES.algorithms, "HS256"] },
      now,
      keys: keySetOf({ keys: [jwk, { kty: "oct", k: base64("s".repeat(32)), kid: "oct", alg: "HS256" }] }),
    });
    expect(await codeOf(await hmac({ alg: "HS256", kid: "oct" }, "s".repeat(32)), careless)).toBe(
      "unauthenticated",
    );
  });

  it("is refused with another key, and with another algorithm than allowed", async () => {
    expect(await codeOf(forge(HEADER, CLAIMS, other.privateKey))).toBe("unauthenticated");
    expect(await codeOf(forge({ ...HEADER, alg: "RS512" }))).toBe("unauthenticated");
    expect(await codeOf(forge({ ...HEADER, alg: "PS256" }))).toBe("unauthenticated");
    const { privateKey } = await generateKeyPair("ES256");
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg: "ES256", kid: "one" }).sign(privateKey);
    expect(await codeOf(token)).toBe("unauthenticated");
  });

  it("finds its key by a kid that is known, and nowhere else", async () => {
    const kids = [
      "two",
      "../one",
      "one'--",
      "one\u0000",
      "/dev/null",
      "http://evil.example/key",
      "",
      "ONE",
      "x".repeat(4_000),
    ];
    for (const kid of kids) {
      expect([kid, await codeOf(forge({ ...HEADER, kid }))]).toEqual([kid, "unauthenticated"]);
    }
    for (const kid of [7, null, ["one"], { one: 1 }]) {
      expect([kid, await codeOf(forge({ ...HEADER, kid }))]).toEqual([kid, "unauthenticated"]);
    }
    // One that is twice in the set is nobody's.
    const twice = new Tokens({
      rules: RULES,
      now,
      keys: keySetOf({ keys: [jwk, { ...otherJwk, kid: "one" }] }),
    });
    expect(await codeOf(forge(HEADER), twice)).toBe("unauthenticated");
    expect(await codeOf(forge(HEADER, CLAIMS, other.privateKey), twice)).toBe("unauthenticated");
  });

  it("brings no key of its own", async () => {
    const certificate = base64("certificate");
    const headers = {
      jwk: { ...HEADER, kid: "two", jwk: otherJwk },
      "jwk with the known kid": { ...HEADER, jwk: { ...otherJwk, kid: "one" } },
      jku: { ...HEADER, kid: "two", jku: "http://127.0.0.1:1/keys" },
      x5u: { ...HEADER, kid: "two", x5u: "http://127.0.0.1:1/certificate" },
      x5c: { ...HEADER, kid: "two", x5c: [certificate] },
    };
    for (const [what, header] of Object.entries(headers)) {
      expect([what, await codeOf(forge(header, CLAIMS, other.privateKey))]).toEqual([
        what,
        "unauthenticated",
      ]);
    }
  });

  it("is refused with what it calls critical and nobody understands", async () => {
    for (const header of [
      { ...HEADER, crit: ["exp"] },
      { ...HEADER, crit: ["x"], x: 1 },
      { ...HEADER, crit: [] },
      { ...HEADER, b64: false, crit: ["b64"] },
    ]) {
      expect([header, await codeOf(forge(header))]).toEqual([header, "unauthenticated"]);
    }
  });

  it("of a shared secret is taken with that algorithm alone", async () => {
    const secret = new TextEncoder().encode("s".repeat(32));
    const shared = new Tokens({ rules: { ...RULES, algorithms: ["HS256"] }, now, keys: secret });
    expect(await codeOf(await hmac({ alg: "HS256" }, secret), shared)).toBe("taken");
    expect(await codeOf(await hmac({ alg: "HS512" }, secret), shared)).toBe("unauthenticated");
    expect(await codeOf(await hmac({ alg: "HS256" }, "t".repeat(32)), shared)).toBe("unauthenticated");
    expect(await codeOf(forge(HEADER), shared)).toBe("unauthenticated");
  });
});

describe("keys by URL", () => {
  function source(clock: TurnedClock) {
    const state = { asked: 0, isAway: false, keys: [jwk] as object[] };
    const fetch = async () => {
      state.asked += 1;
      if (state.isAway) throw new Error("away");
      return { keys: state.keys };
    };
    const keys = new SigningKeys({ source: { fetch }, clock, logger: silentLogger });
    return { state, verifier: new Tokens({ rules: RULES, now, keys: keys.find }) };
  }

  it("are fetched once, and asked for again, not too often, where one is missing", async () => {
    const clock = new TurnedClock();
    const { state, verifier } = source(clock);
    await Promise.all(Array.from({ length: 20 }, () => codeOf(forge(HEADER), verifier)));
    expect(state.asked).toBe(1);
    const token = forge({ ...HEADER, kid: "two" }, CLAIMS, other.privateKey);
    for (let request = 0; request < 50; request += 1)
      expect(await codeOf(token, verifier)).toBe("unauthenticated");
    expect(state.asked).toBe(1);
    state.keys = [jwk, otherJwk];
    clock.ms += 31_000;
    expect(await codeOf(token, verifier)).toBe("taken");
    expect(state.asked).toBe(2);
  });

  it("stay while the URL is away, and are waited for where there are none", async () => {
    const clock = new TurnedClock();
    const { state, verifier } = source(clock);
    state.isAway = true;
    expect(await codeOf(forge(HEADER), verifier)).toBe("signing-keys-unavailable");
    expect(await codeOf(forge(HEADER), verifier)).toBe("signing-keys-unavailable");
    expect(state.asked).toBe(1);
    state.isAway = false;
    clock.ms += 6_000;
    expect(await codeOf(forge(HEADER), verifier)).toBe("taken");
    state.isAway = true;
    for (let hour = 0; hour < 5; hour += 1) {
      clock.ms += 3_600_000;
      expect(await codeOf(forge(HEADER), verifier)).toBe("taken");
    }
    expect(state.asked).toBeGreaterThan(4);
  });
});
