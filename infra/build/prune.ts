/** Takes out of a build what is left of modules that are gone: nothing may run, or be packed, that has no source. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../services/runtime/package-root.ts";

const FOLDERS = ["services", "infra", "test"];
const COMPILED = /\.(js|d\.ts)(\.map)?$/;

/** @returns paths below `dist` that were removed. */
export function pruneBuild(root = packageRoot()): readonly string[] {
  const gone = FOLDERS.flatMap((folder) => orphansIn(root, folder));
  for (const path of gone) rmSync(join(root, "dist", path));
  return gone;
}

function orphansIn(root: string, folder: string): string[] {
  if (!existsSync(join(root, "dist", folder))) return [];
  return readdirSync(join(root, "dist", folder), { recursive: true, encoding: "utf8" })
    .map((path) => join(folder, path))
    .filter((path) => COMPILED.test(path) && !hasSource(join(root, path.replace(COMPILED, ""))));
}

function hasSource(stem: string): boolean {
  return existsSync(`${stem}.ts`) || existsSync(`${stem}.tsx`);
}
