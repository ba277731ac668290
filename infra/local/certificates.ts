/**
 * The certificates of a local cluster: an authority of its own, and one for each region that its nats-server, its PostgreSQL
 * and its processes share. Made in this process, and good for this machine's loopback interface alone. The composition of
 * images (`infra/compose`) makes its own in the same way.
 */
import { webcrypto } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
// The library asks for it at its start.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { writeFileAtomic } from "./files.ts";
import { LOOPBACK } from "./ports.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const SERIAL_BYTES = 16;
const DAY_MS = 86_400_000;
/** Clocks may be set back a little. */
const VALID_BEFORE_MS = DAY_MS;
const VALID_DAYS = 3_650;
const PUBLIC_MODE = 0o644;

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/** The region's certificate, by the folder's authority; both are made where they are missing. */
export async function certificateOf(folder: string, region: string): Promise<CertificateFiles> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const caFile = join(folder, "ca.pem");
  const files = {
    caFile,
    certFile: join(folder, `${region}.pem`),
    keyFile: join(folder, `${region}-key.pem`),
  };
  if ([caFile, files.certFile, files.keyFile].every((path) => existsSync(path))) return files;
  await issue(await authorityIn(folder), region, files);
  return files;
}

/** What `ca.pem` and `ca-key.pem` of the folder are; made where one is missing. */
export async function authorityIn(folder: string, name?: string): Promise<Authority> {
  const caFile = join(folder, "ca.pem");
  const keyFile = join(folder, "ca-key.pem");
  if (existsSync(caFile) && existsSync(keyFile)) return readAuthority(caFile, keyFile);
  // The key of one must never stand beside the certificate of another, wherever this is cut off.
  rmSync(caFile, { force: true });
  const authority = await makeAuthority(name);
  writeFileAtomic(keyFile, await keyText(authority.key));
  writeFileAtomic(caFile, `${authority.certificate.toString("pem")}\n`, PUBLIC_MODE);
  return authority;
}

async function readAuthority(caFile: string, keyFile: string): Promise<Authority> {
  const der = x509.PemConverter.decodeFirst(readFileSync(keyFile, "utf8"));
  const key = await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"]);
  return { certificate: new x509.X509Certificate(readFileSync(caFile, "utf8")), key };
}

export async function makeAuthority(name = "Forebay local cluster"): Promise<Authority> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: makeSerial(),
    name: `CN=${name}`,
    ...validity(VALID_DAYS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false),
    ],
  });
  return { certificate, key: keys.privateKey };
}

export interface Issued extends Pick<CertificateFiles, "certFile" | "keyFile"> {
  /** Host names and addresses that it is good for. */
  readonly names?: readonly string[];
  readonly validDays?: number;
}

export async function issue(authority: Authority, subject: string, issued: Issued): Promise<void> {
  const { certFile, keyFile, names = ["localhost", LOOPBACK], validDays = VALID_DAYS } = issued;
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: makeSerial(),
    subject: `CN=${subject}`,
    issuer: authority.certificate.subject,
    ...validity(validDays),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      // A server dials others: then it is a client.
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isAddress(value) ? ("ip" as const) : ("dns" as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate, false),
    ],
  });
  writeFileAtomic(keyFile, await keyText(keys.privateKey));
  writeFileAtomic(certFile, `${certificate.toString("pem")}\n`, PUBLIC_MODE);
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`;
}

function makeSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  // Positive, and not shortened by a zero in front.
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const nowMs = Date.now();
  return { notBefore: new Date(nowMs - VALID_BEFORE_MS), notAfter: new Date(nowMs + days * DAY_MS) };
}

function isAddress(name: string): boolean {
  return /^[\d.]+$/.test(name) || name.includes(":");
}
