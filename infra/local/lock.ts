/** One cluster per data folder: a lock file that names its owner, and is void once that process is gone. */
import { linkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { DataFolderInUseError } from "./errors.ts";
import { isErrorWithCode, readJsonIfPresent } from "./files.ts";
import { identifyProcess } from "./process-identity.ts";

export interface Lock {
  release(): void;
}

interface Owner {
  readonly pid: number;
  readonly startTime: string;
}

const ATTEMPTS_MAX = 20;
/** Also one process must not run two clusters on one folder, and two attempts in it need names of their own. */
let attempts = 0;

/**
 * Takes the lock for this process.
 * @throws {DataFolderInUseError} when a live process holds it; the error names that process.
 */
export function takeLock(path: string, folder: string): Lock {
  const own: Owner = { pid: process.pid, startTime: identifyProcess(process.pid)?.startTime ?? "" };
  attempts += 1;
  const claim = `${path}.${process.pid}.${attempts}`;
  writeFileSync(claim, JSON.stringify(own), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (linkIfAbsent(claim, path)) {
        return { release: () => rmSync(path, { force: true }) };
      }
      const owner = readOwner(path);
      if (owner !== undefined && isAlive(owner)) {
        throw new DataFolderInUseError(folder, owner.pid);
      }
      setAside(path, `${claim}.void`);
    }
    throw new Error(`the lock ${path} can't be taken: it changes all the time`);
  } finally {
    rmSync(claim, { force: true });
  }
}

function linkIfAbsent(claim: string, path: string): boolean {
  try {
    linkSync(claim, path);
    return true;
  } catch (error) {
    if (isErrorWithCode(error, "EEXIST")) {
      return false;
    }
    throw error;
  }
}

/** Moves a void lock away. What was moved is looked at again, since another process may just have taken its place. */
function setAside(path: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isErrorWithCode(error, "ENOENT")) {
      return;
    }
    throw error;
  }
  const owner = readOwner(aside);
  if (owner !== undefined && isAlive(owner)) {
    linkIfAbsent(aside, path);
  }
  rmSync(aside, { force: true });
}

function readOwner(path: string): Owner | undefined {
  const document = readJsonIfPresent(path);
  if (
    typeof document !== "object" ||
    document === null ||
    !("pid" in document) ||
    !("startTime" in document)
  ) {
    return undefined;
  }
  return { pid: Number(document.pid), startTime: String(document.startTime) };
}

function isAlive(owner: Owner): boolean {
  return identifyProcess(owner.pid)?.startTime === owner.startTime;
}
