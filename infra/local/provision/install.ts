/** Puts a folder into a store as one step, so that processes that provision at the same time don't hurt each other. */
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isErrorWithCode } from "../files.ts";

export interface InstallOptions {
  /** The folder that the new one is placed in; made when missing. */
  readonly store: string;
  /** Fills the new folder and returns its final name. */
  readonly fill: (folder: string) => Promise<string>;
  /** Whether a folder of that name that is there already can be used. */
  readonly isComplete: (folder: string) => boolean;
}

/**
 * Fills a new folder and renames it to its final name; if another process was first, its result is kept.
 * @returns the final folder.
 */
export async function installFolder(options: InstallOptions): Promise<string> {
  mkdirSync(options.store, { recursive: true });
  const folder = mkdtempSync(join(options.store, ".new-"));
  try {
    const target = join(options.store, await options.fill(folder));
    chmodSync(folder, 0o755);
    moveIntoPlace(folder, target, options.isComplete);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function moveIntoPlace(folder: string, target: string, isComplete: (folder: string) => boolean): void {
  try {
    renameSync(folder, target);
  } catch (error) {
    if (!isErrorWithCode(error, "ENOTEMPTY", "EEXIST")) {
      throw error;
    }
    if (!isComplete(target)) {
      rmSync(target, { recursive: true, force: true });
      renameSync(folder, target);
    }
  }
}
