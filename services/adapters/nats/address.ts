/** Where a nats-server is, as whom to connect to it, and whom to trust there. */
import { readFileSync } from "node:fs";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { ConnectionOptions } from "@nats-io/transport-node";

export interface NatsAddress {
  /** `nats://user:password@host:port`, or `tls://…` where nothing may go in clear. */
  readonly url: string;
  /** A file with `user:password`, in place of those of the address; read at each attempt to connect. */
  readonly credentialsFile?: string | undefined;
  readonly tls?: NatsTls | undefined;
}

/** Paths of PEM files, read at each attempt to connect. */
export interface NatsTls {
  /** Of the authorities that may have signed the server's certificate; those of the system where there is none. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** The file does not hold what it should. Its content is not shown. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}

/**
 * What the client library needs for it: it takes neither user nor `tls:` from an address.
 * @param onProblem the credentials file can't be read at a later attempt, which is made with the last ones.
 * @throws {CredentialsError} it can't be read now.
 */
export function connectOptions(
  address: NatsAddress,
  onProblem: (error: unknown) => void = () => undefined,
): Pick<ConnectionOptions, "servers" | "tls" | "authenticator"> {
  const { hostname, port, protocol } = new URL(address.url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  let credentials = credentialsOf(address);
  const authenticator = () => {
    // What is thrown here would close the connection for good.
    try {
      credentials = credentialsOf(address);
    } catch (error) {
      onProblem(error);
    }
    return credentials;
  };
  const isEncrypted = protocol === "tls:" || address.tls !== undefined;
  return {
    servers: port === "" ? hostname : `${hostname}:${port}`,
    authenticator,
    ...(isEncrypted && { tls: { ...present(address.tls ?? {}), ...identityOf(host) } }),
  };
}

/** For messages: without user and password. */
export function placeOf({ url }: Pick<NatsAddress, "url">): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/** The library compares a certificate with "localhost" where the server is named by its number. */
function identityOf(host: string): object {
  return {
    checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
      checkServerIdentity(host, certificate),
  };
}

/** @throws {CredentialsError} */
function credentialsOf({ url, credentialsFile }: NatsAddress): { user: string; pass: string } | undefined {
  if (credentialsFile !== undefined) return readCredentials(credentialsFile);
  const { username, password } = new URL(url);
  if (username === "") return undefined;
  return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}

function readCredentials(path: string): { user: string; pass: string } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new CredentialsError(`credentials file ${path} can't be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const match = /^([^:\s]+):(\S+)\s*$/.exec(text);
  if (match === null)
    throw new CredentialsError(`credentials file ${path} must hold one line: user:password`);
  return { user: match[1]!, pass: match[2]! };
}

function present(tls: NatsTls): { caFile?: string; certFile?: string; keyFile?: string } {
  return Object.fromEntries(Object.entries(tls).filter(([, path]) => path !== undefined));
}
