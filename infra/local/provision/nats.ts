/** PATH → cache → release archive → Debian package: the first nats-server that is new enough is taken. */
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { runCommand } from "../command.ts";
import { ProvisionError, messageOf } from "../errors.ts";
import { cacheFolder } from "./cache-folder.ts";
import { unpackDebianPackage } from "./debian-package.ts";
import { installFolder } from "./install.ts";
import { releasePlatform, unpackReleaseArchive } from "./release-archive.ts";
import { compareVersions, findVersion, formatVersion, type Version } from "./version.ts";

/** Older servers lack the JetStream settings that the generated configuration uses. */
const VERSION_MIN: Version = [2, 11, 0];
const PROGRAM = "nats-server";
const VERSION_TIMEOUT_MS = 10_000;

export interface NatsProgram {
  readonly path: string;
  /** Such as `2.15.1`. */
  readonly version: string;
  readonly source: "PATH" | "cache" | "release archive" | "Debian package";
}

export interface ProvisionNatsOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds or fetches a nats-server.
 * @throws {ProvisionError} with everything that was tried, why it failed, and what the user can do.
 */
export async function provisionNats(options: ProvisionNatsOptions = {}): Promise<NatsProgram> {
  const environment = options.environment ?? process.env;
  const tried: string[] = [];
  const onPath = await findOnPath(environment["PATH"] ?? "", tried);
  if (onPath !== undefined) {
    return onPath;
  }
  const store = join(cacheFolder(environment), PROGRAM);
  const cached = await findInCache(store, tried);
  if (cached !== undefined) {
    return cached;
  }
  const sources = {
    "release archive": (folder: string) => unpackReleaseArchive(folder, { signal: options.signal }),
    "Debian package": (folder: string) =>
      unpackDebianPackage(folder, {
        packageName: PROGRAM,
        program: PROGRAM,
        versionMin: VERSION_MIN,
        signal: options.signal,
      }),
  } as const;
  for (const source of ["release archive", "Debian package"] as const) {
    try {
      return await fetchInto(store, source, sources[source]);
    } catch (error) {
      options.signal?.throwIfAborted();
      tried.push(`${source}: ${messageOf(error)}`);
    }
  }
  throw new ProvisionError(
    `no nats-server ${formatVersion(VERSION_MIN)} or newer can be had. Tried:\n` +
      tried.map((line) => `  - ${line}\n`).join("") +
      `Put a nats-server of at least ${formatVersion(VERSION_MIN)} on PATH, or copy the program to ` +
      `${join(store, "by-hand", PROGRAM)}, or connect this machine to the network once.`,
  );
}

/** The version that a program reports of itself; throws when it can't be run here. */
async function versionOf(path: string): Promise<Version> {
  const text = await runCommand(path, ["--version"], { timeoutMs: VERSION_TIMEOUT_MS });
  const version = findVersion(text);
  if (version === undefined) {
    throw new Error(`does not tell its version: ${text.trim()}`);
  }
  return version;
}

async function findOnPath(searchPath: string, tried: string[]): Promise<NatsProgram | undefined> {
  const programs = searchPath
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, PROGRAM))
    .filter(isExecutable);
  if (programs.length === 0) {
    tried.push("PATH: holds no nats-server");
  }
  return await firstNewEnough(programs, "PATH", tried);
}

async function findInCache(store: string, tried: string[]): Promise<NatsProgram | undefined> {
  const folders = existsSync(store) ? readdirSync(store).filter((name) => !name.startsWith(".")) : [];
  // Newest first: folders are named after the version, and one that was placed by hand comes before them.
  const programs = folders
    .sort((one, other) => compareVersions(findVersion(other) ?? [999, 0, 0], findVersion(one) ?? [999, 0, 0]))
    .map((name) => join(store, name, PROGRAM))
    .filter(isExecutable);
  if (programs.length === 0) {
    tried.push(`cache: ${store} holds none`);
  }
  return await firstNewEnough(programs, "cache", tried);
}

async function firstNewEnough(
  programs: readonly string[],
  source: NatsProgram["source"],
  tried: string[],
): Promise<NatsProgram | undefined> {
  for (const path of programs) {
    try {
      const version = await versionOf(path);
      if (compareVersions(version, VERSION_MIN) >= 0) {
        return { path, version: formatVersion(version), source };
      }
      tried.push(`${source}: ${path} is ${formatVersion(version)}, too old`);
    } catch (error) {
      tried.push(`${source}: ${path} can't be run: ${messageOf(error)}`);
    }
  }
  return undefined;
}

async function fetchInto(
  store: string,
  source: NatsProgram["source"],
  unpack: (folder: string) => Promise<void>,
): Promise<NatsProgram> {
  let version = VERSION_MIN;
  const folder = await installFolder({
    store,
    fill: async (unpacked) => {
      await unpack(unpacked);
      version = await versionOf(join(unpacked, PROGRAM));
      if (compareVersions(version, VERSION_MIN) < 0) {
        throw new Error(`is ${formatVersion(version)}, too old`);
      }
      return `${formatVersion(version)}-${releasePlatform()}`;
    },
    isComplete: (existing) => isExecutable(join(existing, PROGRAM)),
  });
  return { path: join(folder, PROGRAM), version: formatVersion(version), source };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
