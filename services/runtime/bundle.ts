/**
 * A program in one file, which `npm run build` makes of its modules: finding and reading more than a thousand files is most
 * of what a start costs. It is used as long as it is no older than any of them.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./package-root.ts";

/** What a bundle was made of. */
export interface BundleManifest {
  /** The project's own modules: paths from the package's root. */
  readonly modules: readonly string[];
  /** Versions of the packages that it holds, by name. Others are loaded from where they are installed. */
  readonly packages: Readonly<Record<string, string>>;
}

/** Where the bundle of a program lies, and what it was made of. */
export function bundlePaths(program: string, root = packageRoot()): { bundle: string; manifest: string } {
  const folder = join(root, "dist", "bundles");
  return { bundle: join(folder, `${program}.js`), manifest: join(folder, `${program}.json`) };
}

/** The path of a program's bundle; undefined where there is none, or anything that it was made of has changed since. */
export function freshBundle(program: string, root = packageRoot()): string | undefined {
  const { bundle, manifest } = bundlePaths(program, root);
  try {
    const madeAtMs = statSync(bundle).mtimeMs;
    const { modules, packages } = JSON.parse(readFileSync(manifest, "utf8")) as BundleManifest;
    const isFresh =
      modules.every((module) => statSync(join(root, module)).mtimeMs <= madeAtMs) &&
      Object.entries(packages).every(([name, version]) => versionOf(name, root) === version);
    return isFresh ? bundle : undefined;
  } catch {
    // Whatever is not there or can't be read: the modules themselves are what counts.
    return undefined;
  }
}

/** Of the installed package. @throws {Error} where it is not there. */
export function versionOf(name: string, root: string): string {
  const text = readFileSync(join(root, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
