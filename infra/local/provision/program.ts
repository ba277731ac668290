/** PATH → cache → wherever it can be fetched from: the first program that is new enough is taken. */
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { runCommand } from "../command.ts";
import { ProvisionError, messageOf } from "../errors.ts";
import { cacheFolder } from "./cache-folder.ts";
import { installFolder } from "./install.ts";
import { releasePlatform } from "./release-archive.ts";
import { compareVersions, findVersion, formatVersion, type Version } from "./version.ts";

const VERSION_TIMEOUT_MS = 10_000;

export interface ProvisionedProgram<Source extends string> {
  readonly path: string;
  /** Such as `2.15.1`. */
  readonly version: string;
  readonly source: "PATH" | "cache" | Source;
}

export interface ProgramOptions<Source extends string> {
  readonly program: string;
  readonly versionMin: Version;
  /** Unpack the program into a folder; tried in this order. */
  readonly sources: readonly { readonly name: Source; readonly unpack: (folder: string) => Promise<void> }[];
  readonly environment?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws {ProvisionError} with everything that was tried, why it failed, and what the user can do. */
export async function provisionProgram<Source extends string>(
  options: ProgramOptions<Source>,
): Promise<ProvisionedProgram<Source>> {
  const { program, versionMin, sources, signal, environment = process.env } = options;
  const tried: string[] = [];
  const onPath = await findOnPath(options, environment["PATH"] ?? "", tried);
  if (onPath !== undefined) return onPath;
  const store = join(cacheFolder(environment), program);
  const cached = await findInCache(options, store, tried);
  if (cached !== undefined) return cached;
  for (const source of sources) {
    try {
      return await fetchInto(options, store, source);
    } catch (error) {
      signal?.throwIfAborted();
      tried.push(`${source.name}: ${messageOf(error)}`);
    }
  }
  throw new ProvisionError(
    `no ${program} ${formatVersion(versionMin)} or newer can be had. Tried:\n` +
      tried.map((line) => `  - ${line}\n`).join("") +
      `Put a ${program} of at least ${formatVersion(versionMin)} on PATH, or copy the program to ` +
      `${join(store, "by-hand", program)}, or connect this machine to the network once.`,
  );
}

type Wanted = Pick<ProgramOptions<string>, "program" | "versionMin">;

/** The version that a program reports of itself; throws when it can't be run here. */
async function versionOf(path: string): Promise<Version> {
  const text = await runCommand(path, ["--version"], { timeoutMs: VERSION_TIMEOUT_MS });
  const version = findVersion(text);
  if (version === undefined) {
    throw new Error(`does not tell its version: ${text.trim()}`);
  }
  return version;
}

async function findOnPath(
  wanted: Wanted,
  searchPath: string,
  tried: string[],
): Promise<ProvisionedProgram<never> | undefined> {
  const { program } = wanted;
  const programs = searchPath
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, program))
    .filter(isExecutable);
  if (programs.length === 0) {
    tried.push(`PATH: holds no ${program}`);
  }
  return await firstNewEnough(wanted, { programs, source: "PATH" }, tried);
}

async function findInCache(
  wanted: Wanted,
  store: string,
  tried: string[],
): Promise<ProvisionedProgram<never> | undefined> {
  const folders = existsSync(store) ? readdirSync(store).filter((name) => !name.startsWith(".")) : [];
  // Newest first: folders are named after the version, and one that was placed by hand comes before them.
  const programs = folders
    .sort((one, other) => compareVersions(findVersion(other) ?? [999, 0, 0], findVersion(one) ?? [999, 0, 0]))
    .map((name) => join(store, name, wanted.program))
    .filter(isExecutable);
  if (programs.length === 0) {
    tried.push(`cache: ${store} holds none`);
  }
  return await firstNewEnough(wanted, { programs, source: "cache" }, tried);
}

async function firstNewEnough(
  { versionMin }: Wanted,
  { programs, source }: { readonly programs: readonly string[]; readonly source: "PATH" | "cache" },
  tried: string[],
): Promise<ProvisionedProgram<never> | undefined> {
  for (const path of programs) {
    try {
      const version = await versionOf(path);
      if (compareVersions(version, versionMin) >= 0) {
        return { path, version: formatVersion(version), source };
      }
      tried.push(`${source}: ${path} is ${formatVersion(version)}, too old`);
    } catch (error) {
      tried.push(`${source}: ${path} can't be run: ${messageOf(error)}`);
    }
  }
  return undefined;
}

async function fetchInto<Source extends string>(
  { program, versionMin }: Wanted,
  store: string,
  source: ProgramOptions<Source>["sources"][number],
): Promise<ProvisionedProgram<Source>> {
  let version = versionMin;
  const folder = await installFolder({
    store,
    fill: async (unpacked) => {
      await source.unpack(unpacked);
      version = await versionOf(join(unpacked, program));
      if (compareVersions(version, versionMin) < 0) {
        throw new Error(`is ${formatVersion(version)}, too old`);
      }
      return `${formatVersion(version)}-${releasePlatform()}`;
    },
    isComplete: (existing) => isExecutable(join(existing, program)),
  });
  return { path: join(folder, program), version: formatVersion(version), source: source.name };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
