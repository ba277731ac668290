/**
 * A database's address, for the driver. Where it asks for TLS, in whichever mode, the server's certificate is verified,
 * name and all, unless it says `sslmode=no-verify`.
 */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type pg from "pg";

const PARAMETERS = ["sslmode", "sslrootcert", "sslcert", "sslkey"] as const;

/**
 * @param text `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/path/ca.pem`
 * @throws {Error} a file that it names can't be read.
 */
export function connectionOf(text: string): Pick<pg.ClientConfig, "connectionString" | "ssl"> {
  const url = new URL(text);
  const [mode, ...files] = PARAMETERS.map((name) => url.searchParams.get(name));
  for (const name of PARAMETERS) url.searchParams.delete(name);
  return { connectionString: url.href, ssl: sslOf(mode ?? undefined, files) };
}

function sslOf(
  mode: string | undefined,
  [caFile, certFile, keyFile]: readonly (string | null | undefined)[],
): ConnectionOptions | false {
  if (mode === "disable" || (mode === undefined && !caFile)) return false;
  if (mode === "no-verify") return { rejectUnauthorized: false };
  const ssl: ConnectionOptions = { rejectUnauthorized: true };
  for (const [name, path] of [
    ["ca", caFile],
    ["cert", certFile],
    ["key", keyFile],
  ] as const) {
    // The driver copies it for each connection: a file that was replaced holds for the next one.
    if (path) Object.defineProperty(ssl, name, { get: kept(path), enumerable: true });
  }
  return ssl;
}

/** Its content now, or the last that could be read: a failure in the midst of connecting would end the process. */
function kept(path: string): () => Buffer {
  let content = readFileSync(path);
  return () => {
    try {
      content = readFileSync(path);
    } catch {
      // It is being replaced.
    }
    return content;
  };
}
