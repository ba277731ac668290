/** Small file operations that leave either the old or the new content, never half of it. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";

const PRIVATE_MODE = 0o600;

/** Replaces a file as one step; readable by its owner alone unless a mode is given. */
export function writeFileAtomic(path: string, text: string, mode: number = PRIVATE_MODE): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    const file = openSync(temporary, "w", mode);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** The text of a file, or undefined when there is none. */
export function readTextIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrorWithCode(error, "ENOENT")) {
      return undefined;
    }
    throw error;
  }
}

/** The document in a JSON file, or undefined when the file is missing or not JSON. */
export function readJsonIfPresent(path: string): unknown {
  const text = readTextIfPresent(path);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether an error carries one of these system error codes. */
export function isErrorWithCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
