/** The per-user folder where downloaded server binaries are kept between runs. */
import { accessSync, constants, lstatSync, mkdirSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { ProvisionError, messageOf } from "../errors.ts";

/**
 * The cache folder, made when missing: FOREBAY_CACHE, else the user's cache folder, else one below the temporary folder.
 * @throws {ProvisionError} when none of them can be written.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const reasons: string[] = [];
  for (const candidate of cacheFolderCandidates(environment)) {
    try {
      mkdirSync(candidate, { recursive: true, mode: 0o755 });
      accessSync(candidate, constants.W_OK | constants.X_OK);
      if (candidate !== environment["FOREBAY_CACHE"]) {
        assertOwn(candidate);
      }
      return candidate;
    } catch (error) {
      reasons.push(`${candidate}: ${messageOf(error)}`);
    }
  }
  throw new ProvisionError(
    `no cache folder can be written (${reasons.join("; ")}); set FOREBAY_CACHE to one that can`,
  );
}

/** The folders to try, best first; one that the user names is the only one. */
export function cacheFolderCandidates(environment: NodeJS.ProcessEnv): readonly string[] {
  if (environment["FOREBAY_CACHE"]) {
    return [environment["FOREBAY_CACHE"]];
  }
  const base = environment["XDG_CACHE_HOME"] || join(environment["HOME"] || homedir(), ".cache");
  return [join(base, "forebay"), join(tmpdir(), `forebay-cache-${process.getuid?.() ?? "user"}`)];
}

/** Binaries are run from here, so nobody else may be able to place them; a folder that the user names is trusted. */
function assertOwn(folder: string): void {
  const entry = lstatSync(folder);
  const own = process.getuid?.();
  if (!entry.isDirectory() || (own !== undefined && entry.uid !== own) || (entry.mode & 0o002) !== 0) {
    throw new Error("other users can write to it");
  }
}
