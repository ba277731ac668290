/** What a build may copy: the tree, as far as .dockerignore lets it through. */
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, join } from "node:path";

/**
 * Names at the root that .dockerignore lets through. It must keep out everything, and let in whole names: that is all that can
 * be seen at a glance to have no secret.
 * @throws {Error} for lines of other forms.
 */
export function readAllowed(text: string): ReadonlySet<string> {
  const [first, ...others] = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  if (first !== "*") throw new Error(`.dockerignore begins with "${first}"; it must keep out everything: *`);
  const wrong = others.find((line) => !/^![\w.-]+$/.test(line));
  if (wrong !== undefined)
    throw new Error(`.dockerignore has "${wrong}"; it must be a whole name, as in !services`);
  return new Set(others.map((line) => line.slice(1)));
}

/**
 * Copies as COPY does: a folder's contents, a file under its name where the target ends with a slash.
 * @param isOurs files may be the same as there: nobody changes them any more.
 */
export function copyInto(source: string, target: string, isOurs: boolean): void {
  if (!existsSync(source)) throw new Error(`${source}, which the Dockerfile copies, is not there`);
  if (statSync(source).isDirectory()) {
    if (isOurs) linkFolder(source, target);
    else cpSync(source, target, { recursive: true, verbatimSymlinks: true });
    return;
  }
  cpSync(source, target.endsWith("/") ? join(target, basename(source)) : target);
}

export function readAllowedOf(root: string): ReadonlySet<string> {
  return readAllowed(readFileSync(join(root, ".dockerignore"), "utf8"));
}

function linkFolder(source: string, target: string): void {
  mkdirSync(target, { recursive: true });
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) linkFolder(from, to);
    else if (entry.isSymbolicLink()) cpSync(from, to, { verbatimSymlinks: true });
    else {
      rmSync(to, { force: true });
      linkSync(from, to);
    }
  }
}
