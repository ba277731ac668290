/** Which built files others import, whatever is begun with. */
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { preProcessFile } from "typescript";

/**
 * All files that a build's entry points import, directly or not, themselves included.
 * @param entries paths below `root`, with slashes; `.d.ts` files lead to `.d.ts` files, `.js` files to `.js` files.
 * @throws {Error} where a file is imported that is not there.
 */
export function reachable(root: string, entries: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    waiting.push(...importsOf(root, path));
  }
  return seen;
}

function importsOf(root: string, path: string): string[] {
  const { importedFiles } = preProcessFile(readFileSync(join(root, path), "utf8"), true, true);
  return importedFiles
    .map(({ fileName }) => fileName)
    .filter((name) => name.startsWith("."))
    .map((name) => {
      const target = posix.join(posix.dirname(path), name);
      const found = path.endsWith(".d.ts") ? target.replace(/\.[jt]s$/, ".d.ts") : target;
      if (!existsSync(join(root, found))) throw new Error(`${path} imports ${found}, which is not there`);
      return found;
    });
}
