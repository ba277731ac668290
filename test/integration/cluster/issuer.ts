/** Signs tokens as an identity provider would, for regions that are told its keys in a file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from "jose";

export const ISSUER = "https://issuer.example";
export const AUDIENCE = "forebay";

export class Issuer {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;

  private constructor(privateKey: CryptoKey, publicJwk: JWK) {
    this.privateKey = privateKey;
    this.publicJwk = publicJwk;
  }

  static async make(kid = "one", algorithm = "ES256"): Promise<Issuer> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    return new Issuer(privateKey, { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: "sig" });
  }

  token(claims: JWTPayload, header: { alg?: string; kid?: string } = {}): Promise<string> {
    const { alg, kid } = this.publicJwk;
    const all = {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: "ada",
      exp: Math.floor(Date.now() / 1_000) + 3_600,
      ...claims,
    };
    return new SignJWT(all).setProtectedHeader({ alg: alg!, kid: kid!, ...header }).sign(this.privateKey);
  }

  /** Writes the public keys to a file. @returns what regions have to be told. */
  environment(folder: string): Readonly<Record<string, string>> {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "keys.json");
    writeFileSync(path, JSON.stringify({ keys: [this.publicJwk] }));
    return { FOREBAY_JWT_KEYS_FILE: path, FOREBAY_JWT_ISSUER: ISSUER, FOREBAY_JWT_AUDIENCE: AUDIENCE };
  }
}
