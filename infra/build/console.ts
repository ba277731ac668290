/** Builds the console's page with vite into `dist/console`, if anything that it is made of has changed. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { packageRoot } from "../../services/runtime/package-root.ts";

const PAGE = "services/console/page";
const STAMP = "stamp";
/** Besides the page itself: what it imports types from, and the versions of what it is built of and with. */
const INPUTS = [PAGE, "services/protocol", "infra/build/console.ts", "tsconfig.json"];
const PACKAGES = ["preact", "uplot", "vite"];
const COMPRESSIBLE = new Set([".html", ".js", ".css", ".svg"]);

export interface ConsoleBuild {
  readonly folder: string;
  /** False where what was there could be used. */
  readonly isNew: boolean;
}

/** Two that build at the same time make the same; the last one's stands. */
export async function buildConsole(root = packageRoot()): Promise<ConsoleBuild> {
  const folder = join(root, "dist", "console");
  const stamp = stampOf(root);
  if (readIfThere(join(folder, STAMP)) === stamp) return { folder, isNew: false };
  const fresh = join(root, "dist", `.console-${process.pid}`);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    await runVite(join(root, PAGE), fresh);
    for (const path of filesUnder(fresh)) compress(path);
    writeFileSync(join(fresh, STAMP), stamp);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return { folder, isNew: true };
}

/** Loaded only where something is to be built: whoever runs Forebay does not have it. */
async function runVite(root: string, outDir: string): Promise<void> {
  const { build } = await import("vite");
  await build({
    root,
    base: "/console/",
    configFile: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  });
}

function stampOf(root: string): string {
  const hash = createHash("sha256");
  const files = INPUTS.flatMap((input) => filesUnder(join(root, input))).sort();
  const manifests = PACKAGES.map((name) => join(root, "node_modules", name, "package.json"));
  for (const path of [...files, ...manifests]) {
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  return hash.digest("hex");
}

/** The file itself, or all below the folder; none where there is none. */
function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  if (extname(basename(path)) !== "") return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Beside the file, once and as small as it gets, so that nobody compresses while serving. */
function compress(path: string): void {
  if (!COMPRESSIBLE.has(extname(path))) return;
  const bytes = readFileSync(path);
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  const parameters = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: parameters }));
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
