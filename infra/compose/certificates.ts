/** The certificates of the composition's servers, by an authority of its own that signs for nobody else. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { authorityIn, issue } from "../local/certificates.ts";
import { readTextIfPresent } from "../local/files.ts";
import { hostOf, SERVER_KINDS } from "./hosts.ts";

/** The authority is good for ten years. */
const VALID_DAYS = 365;

const NO_KEY =
  "servers need certificates, and ca-key.pem is not beside ca.pem: bring it back, or, for another authority that all servers and " +
  "region processes start anew with, remove ca.pem";

interface Server {
  readonly host: string;
  /** Names of files. */
  readonly certificate: string;
  readonly key: string;
}

interface Wanted {
  readonly regions: readonly string[];
  /** Whether servers get new certificates, by the authority that there is, though theirs are well. */
  readonly isRenewal: boolean;
}

function serversOf(regions: readonly string[]): readonly Server[] {
  return regions.flatMap((region) =>
    SERVER_KINDS.map((kind) => ({
      host: hostOf(kind, region),
      certificate: `${kind}_certificate_${region}`,
      key: `${kind}_key_${region}`,
    })),
  );
}

/**
 * Makes what is missing, or of no use: out of date, without its key, or not by this authority. A server has a key of its own.
 * @returns the names of the files that were made.
 * @throws where the authority's key is needed and not there: another authority would be one that nobody trusts who runs.
 */
export async function makeCertificates(
  folder: string,
  { regions, isRenewal }: Wanted,
): Promise<readonly string[]> {
  const servers = serversOf(regions);
  const before = readTextIfPresent(join(folder, "ca.pem"));
  const made: string[] = [];
  // Whoever keeps the authority's key elsewhere need not bring it where nothing is to be signed.
  if (isRenewal || servers.some((server) => !isWhole(folder, server))) {
    if (before !== undefined && !existsSync(join(folder, "ca-key.pem"))) throw new Error(NO_KEY);
    const authority = await authorityIn(folder, "Forebay composition");
    if (readTextIfPresent(join(folder, "ca.pem")) !== before) made.push("ca.pem", "ca-key.pem");
    for (const server of servers) {
      if (!isRenewal && isWhole(folder, server)) continue;
      const { host, certificate, key } = server;
      const files = { certFile: join(folder, certificate), keyFile: join(folder, key) };
      // By the second name it is known to whoever asks from within its container.
      await issue(authority, host, { ...files, names: [host, "localhost"], validDays: VALID_DAYS });
      made.push(certificate, key);
    }
  }
  const mounted = ["ca.pem", ...servers.flatMap(({ certificate, key }) => [certificate, key])];
  // As of the secrets: containers run as other users, and the folder is what keeps others out.
  for (const name of mounted) chmodSync(join(folder, name), 0o444);
  return made;
}

/** A key is written before its certificate: who was cut off in between has two that don't belong together. */
function isWhole(folder: string, { host, certificate, key }: Server): boolean {
  const [authorityText, text, keyText] = ["ca.pem", certificate, key].map((name) =>
    readTextIfPresent(join(folder, name)),
  );
  if (authorityText === undefined || text === undefined || keyText === undefined) return false;
  try {
    const read = new X509Certificate(text);
    return (
      Date.parse(read.validTo) > Date.now() &&
      read.verify(new X509Certificate(authorityText).publicKey) &&
      read.checkPrivateKey(createPrivateKey(keyText)) &&
      read.checkHost(host) !== undefined
    );
  } catch {
    return false;
  }
}

/** When the first of the servers' certificates ends, and when the authority does. */
export function endsOf(folder: string, regions: readonly string[]): { servers: Date; authority: Date } {
  const endOf = (name: string) =>
    new Date(new X509Certificate(readTextIfPresent(join(folder, name)) ?? "").validTo);
  const ends = serversOf(regions).map(({ certificate }) => endOf(certificate).getTime());
  return { servers: new Date(Math.min(...ends)), authority: endOf("ca.pem") };
}
