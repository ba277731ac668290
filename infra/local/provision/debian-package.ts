/** Takes a program from the machine's own Debian archive, or a newer suite of it, without touching the system. */
import {
  copyFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../command.ts";
import { messageOf } from "../errors.ts";
import { newerSuites, ownSuites, readAptSources, type SuiteCandidate } from "./apt-sources.ts";
import { compareVersions, findVersion, formatVersion, type Version } from "./version.ts";

const APT_FOLDER = "/etc/apt";
const PROGRAM_FOLDERS = ["usr/bin", "usr/sbin"];
const UPDATE_TIMEOUT_MS = 60_000;
const DOWNLOAD_TIMEOUT_MS = 60_000;
const LOCAL_TIMEOUT_MS = 20_000;

export interface DebianPackageOptions {
  readonly packageName: string;
  /** The program's name in the package, and in the folder that it is unpacked into. */
  readonly program: string;
  readonly versionMin: Version;
  /** The machine's own suites are asked first; without it only newer ones are. */
  readonly mayBeOwnSuite?: true;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks the program into the folder. apt checks the archive's signature with the keys of the machine's own sources.
 * @throws {Error} saying for each suite why it was of no use.
 */
export async function unpackDebianPackage(folder: string, options: DebianPackageOptions): Promise<void> {
  const sources = readAptSources(APT_FOLDER);
  const own = options.mayBeOwnSuite === true ? ownSuites(sources) : [];
  const candidates = [...own, ...newerSuites(sources)];
  if (candidates.length === 0) {
    throw new Error("this machine has no apt sources of Debian or Ubuntu to derive a newer suite from");
  }
  const reasons: string[] = [];
  for (const candidate of candidates) {
    const scratch = mkdtempSync(join(tmpdir(), "forebay-apt-"));
    try {
      await unpackFromSuite(candidate, { ...options, scratch, folder });
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      reasons.push(`suite ${candidate.suite}: ${messageOf(error)}`);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  throw new Error(reasons.join("; "));
}

interface UnpackOptions extends DebianPackageOptions {
  /** For apt's lists and the package file; thrown away afterwards. */
  readonly scratch: string;
  /** Gets the program. */
  readonly folder: string;
}

async function unpackFromSuite(candidate: SuiteCandidate, options: UnpackOptions): Promise<void> {
  const { scratch, folder, packageName, program } = options;
  const apt = aptOptions(candidate, scratch);
  const common = { workingFolder: scratch, signal: options.signal };
  await runCommand("apt-get", [...apt, "update"], { ...common, timeoutMs: UPDATE_TIMEOUT_MS });
  const description = await runCommand("apt-cache", [...apt, "--no-all-versions", "show", packageName], {
    ...common,
    timeoutMs: LOCAL_TIMEOUT_MS,
  });
  checkDescription(description, options);
  await runCommand("apt-get", [...apt, "download", packageName], {
    ...common,
    timeoutMs: DOWNLOAD_TIMEOUT_MS,
  });
  const archive = readdirSync(scratch).find((name) => name.endsWith(".deb"));
  if (archive === undefined) {
    throw new Error("apt-get download left no package file");
  }
  const unpacked = join(scratch, "unpacked");
  await runCommand("dpkg-deb", ["-x", join(scratch, archive), unpacked], {
    ...common,
    timeoutMs: LOCAL_TIMEOUT_MS,
  });
  const path = PROGRAM_FOLDERS.map((place) => join(unpacked, place, program)).find((one) => existsSync(one));
  if (path === undefined) {
    throw new Error(`${archive} holds no ${program} program`);
  }
  copyFileSync(path, join(folder, program));
  chmodSync(join(folder, program), 0o755);
}

/** Own lists, own cache and own sources: the system's apt state is only read for its settings and keys. */
function aptOptions(candidate: SuiteCandidate, scratch: string): readonly string[] {
  mkdirSync(join(scratch, "lists", "partial"), { recursive: true });
  mkdirSync(join(scratch, "cache", "archives", "partial"), { recursive: true });
  writeFileSync(join(scratch, "suite.sources"), candidate.sourcesText);
  const settings = {
    "Dir::Etc::sourcelist": join(scratch, "suite.sources"),
    "Dir::Etc::sourceparts": "-",
    "Dir::State::lists": join(scratch, "lists"),
    "Dir::Cache": join(scratch, "cache"),
    "Acquire::Languages": "none",
    "Acquire::Retries": "0",
    "Acquire::http::Timeout": "10",
    "Acquire::https::Timeout": "10",
    // A missing index must be an error here, not a warning.
    "APT::Update::Error-Mode": "any",
    // As root apt would read as its own user, which a private scratch folder keeps out.
    "APT::Sandbox::User": "",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

function checkDescription(
  description: string,
  { packageName, versionMin }: Pick<DebianPackageOptions, "packageName" | "versionMin">,
): void {
  const version = findVersion(/^Version: *(.*)$/m.exec(description)?.[1] ?? "");
  if (version === undefined) {
    throw new Error(`has no ${packageName}`);
  }
  if (compareVersions(version, versionMin) < 0) {
    throw new Error(`has ${formatVersion(version)}, older than ${formatVersion(versionMin)}`);
  }
  const libcNeeded = findVersion(/libc6 \(>= *([^)]*)\)/.exec(description)?.[1] ?? "");
  const libc = libcVersion();
  if (libcNeeded !== undefined && libc !== undefined && compareVersions(libc, libcNeeded) < 0) {
    throw new Error(`needs libc ${formatVersion(libcNeeded)}, this machine has ${formatVersion(libc)}`);
  }
}

function libcVersion(): Version | undefined {
  const report: unknown = process.report?.getReport();
  const header =
    typeof report === "object" && report !== null && "header" in report ? report.header : undefined;
  if (typeof header === "object" && header !== null && "glibcVersionRuntime" in header) {
    return findVersion(String(header.glibcVersionRuntime));
  }
  return undefined;
}
