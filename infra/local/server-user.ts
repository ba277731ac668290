/** PostgreSQL refuses to run as root: which user it runs as instead, and which folders that user can get to. */
import { chownSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readTextIfPresent } from "./files.ts";

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const USERS_BY_PREFERENCE = ["postgres", "nobody"];

/** The user to run PostgreSQL as: undefined means as ourselves, which is right for everybody but root. */
export function serverUser(
  ownUid: number | undefined = process.getuid?.(),
  accounts: string = readTextIfPresent("/etc/passwd") ?? "",
): ServerUser | undefined {
  if (ownUid !== 0) {
    return undefined;
  }
  const users = accounts.split("\n").map((line) => line.split(":"));
  for (const name of USERS_BY_PREFERENCE) {
    const entry = users.find((fields) => fields[0] === name);
    if (entry !== undefined) {
      return { name, uid: Number(entry[2]), gid: Number(entry[3]) };
    }
  }
  return undefined;
}

/** The first folder on the way to the path that the user may not pass through; undefined when there is none. */
export function firstClosedFolder(path: string, user: ServerUser): string | undefined {
  const folders: string[] = [];
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) {
      break;
    }
  }
  return folders.find((folder) => !mayEnter(folder, user));
}

function mayEnter(folder: string, user: ServerUser): boolean {
  const { mode, uid, gid } = statSync(folder, { throwIfNoEntry: false }) ?? { mode: 0o111, uid: 0, gid: 0 };
  // Servers are started without supplementary groups, so these three classes are all there is.
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & 0o1) !== 0;
}

/** Makes a folder that belongs to the user the server runs as. */
export function makeFolderOf(folder: string, user: ServerUser | undefined): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (user !== undefined) {
    chownSync(folder, user.uid, user.gid);
  }
}
