/** Where this package is installed: the folder that holds its package.json, from source and from dist alike. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE_NAME = "forebay";

export class PackageRootNotFoundError extends Error {
  override readonly name = "PackageRootNotFoundError";
}

/**
 * The absolute path of the package's root folder.
 * @throws {PackageRootNotFoundError} when no folder above this file holds the package's package.json.
 */
export function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (packageNameIn(folder) === PACKAGE_NAME) {
      return folder;
    }
    if (folder === dirname(folder)) {
      throw new PackageRootNotFoundError(
        `no folder above ${start} holds the package.json of ${PACKAGE_NAME}`,
      );
    }
  }
}

function packageNameIn(folder: string): string | undefined {
  const path = join(folder, "package.json");
  if (!existsSync(path)) {
    return undefined;
  }
  const document: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof document === "object" && document !== null && "name" in document) {
    return typeof document.name === "string" ? document.name : undefined;
  }
  return undefined;
}
