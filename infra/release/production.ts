/** The packages that run, beside a package of ours: what `npm ci --omit=dev --omit=optional` makes, from those installed here. */
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

/** Paths of packages below the root, as the lock file says. */
export function productionPackages(root: string): readonly string[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== "" && !(dev || optional || devOptional))
    .map(([path]) => path)
    .sort();
}

/**
 * Copies them from the tree at `root` to below `folder`, without the network.
 * @throws {Error} where one is not installed.
 */
export function copyProductionPackages(root: string, folder: string): void {
  for (const path of productionPackages(root)) {
    const source = join(root, path);
    if (!existsSync(source)) throw new Error(`${path} is not installed here; run npm ci`);
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(source, join(folder, path), {
      recursive: true,
      // What is nested has an entry of its own.
      filter: (from) => from === source || !from.slice(source.length).startsWith("/node_modules"),
    });
  }
}
