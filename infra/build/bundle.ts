/** Puts a program's modules into one file, with the packages that are many small modules themselves. */
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { bundlePaths, freshBundle, versionOf, type BundleManifest } from "../../services/runtime/bundle.ts";

/** All others stay where they are installed: they are few files each, or CommonJS. */
const PACKAGES = ["drizzle-orm", "jose", "typebox"];

export interface ProgramBundle {
  readonly path: string;
  /** False where what was there could be used. */
  readonly isNew: boolean;
}

/** @param entry the program's module, as compiled: a path from the package's root. */
export async function buildBundle(
  program: string,
  entry: string,
  root = packageRoot(),
): Promise<ProgramBundle> {
  const known = freshBundle(program, root);
  if (known !== undefined) return { path: known, isNew: false };
  const startedAt = new Date();
  const { code, modules } = await runVite(join(root, entry), root);
  const { bundle, manifest } = bundlePaths(program, root);
  const packages = Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name, root)]));
  const own = modules.map((path) => relative(root, path)).filter((path) => !path.startsWith("node_modules"));
  mkdirSync(dirname(bundle), { recursive: true });
  // The manifest first: with an older bundle it says that the bundle is old.
  const made: BundleManifest = { modules: own, packages };
  replaceFile(manifest, JSON.stringify(made), startedAt);
  replaceFile(bundle, code, startedAt);
  return { path: bundle, isNew: true };
}

/** Loaded only where something is to be built: whoever runs Forebay does not have it. */
async function runVite(entry: string, root: string): Promise<{ code: string; modules: readonly string[] }> {
  const { build } = await import("vite");
  // Not what was put out: a module of constants is gone from there, and its values stand in others.
  const read = new Set<string>();
  const built = await build({
    root,
    configFile: false,
    logLevel: "warn",
    ssr: { noExternal: PACKAGES },
    plugins: [{ name: "modules-read", moduleParsed: ({ id }) => void read.add(id) }],
    build: { ssr: entry, write: false, target: "node20", minify: false },
  });
  const [bundle] = Array.isArray(built) ? built : [built];
  if (bundle === undefined || !("output" in bundle)) throw new Error("vite has built nothing");
  const [chunk, ...others] = bundle.output;
  if (others.length > 0) throw new Error(`${entry} is more than one file`);
  return { code: chunk.code, modules: [...read].filter((id) => id.startsWith(root)).sort() };
}

/** As one step, and as old as what it was made of was read. */
function replaceFile(path: string, text: string, readAt: Date): void {
  const fresh = `${path}.${process.pid}`;
  try {
    writeFileSync(fresh, text);
    utimesSync(fresh, readAt, readAt);
    renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
}
