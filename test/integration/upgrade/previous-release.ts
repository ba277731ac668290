/**
 * The release before this one, built from the repository's history into the user's cache folder: upgrades are tried with its
 * processes beside this version's, and it stays as it was.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { cacheFolder } from "../../../infra/local/provision/cache-folder.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";

/** The newest that is out. The one place that names it. */
export const PREVIOUS_RELEASE = {
  commit: "2c5927400502df9138ca13e745d5265e07b4f107",
  /** The highest version of entries that it reads. */
  reads: 7,
} as const;

const PARTS = ["package.json", "regions", "services"];
const ARCHIVE_BYTES_MAX = 256 * 1024 * 1024;

export interface BuiltRelease {
  /** The script of its region process. */
  readonly regionEntry: string;
}

/** @param commit its whole name. @throws {Error} says what to do where the history at hand does not reach back to it. */
export function buildRelease(commit: string): BuiltRelease {
  const folder = join(cacheFolder(), "releases", `${commit}-${checkoutMark()}`);
  const regionEntry = join(folder, "dist/services/region/main.js");
  if (!existsSync(regionEntry)) build(commit, folder);
  return { regionEntry };
}

/** Each checkout has a build of its own, since that uses the checkout's modules. */
function checkoutMark(): string {
  return createHash("sha256").update(packageRoot()).digest("hex").slice(0, 12);
}

/** Beside its place, and moved there when it is whole: several test runs may need it at once. */
function build(commit: string, folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}-`);
  try {
    unpack(commit, scratch);
    for (const file of sources(join(scratch, "services"))) compile(scratch, file);
    linkModules(scratch);
    renameSync(scratch, folder);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

function unpack(commit: string, folder: string): void {
  const git = { cwd: packageRoot(), maxBuffer: ARCHIVE_BYTES_MAX, stdio: "pipe" } as const;
  try {
    execFileSync("git", ["cat-file", "-e", `${commit}^{commit}`], git);
  } catch (error) {
    throw new Error(
      `the release before this one, commit ${commit}, is not in the repository's history at hand, which upgrades are tried ` +
        "with: fetch it (git fetch --unshallow, or fetch-depth: 0 where a pipeline checks out)",
      { cause: error },
    );
  }
  const input = execFileSync("git", ["archive", "--format=tar", commit, ...PARTS], git);
  execFileSync("tar", ["-x", "-C", folder], { input });
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && /(?<!\.d)\.ts$/.test(file.name))
    .map((file) => join(file.parentPath, file.name));
}

/** Its types were checked when it was made. */
function compile(root: string, path: string): void {
  const { outputText } = ts.transpileModule(readFileSync(path, "utf8"), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  const target = path.replace(root, join(root, "dist")).replace(/\.ts$/, ".js");
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, outputText);
}

/** Those of this version, which has all that it needs: where that changes, an installation of its own goes here. */
function linkModules(folder: string): void {
  symlinkSync(join(packageRoot(), "node_modules"), join(folder, "node_modules"));
}
