/** Where PostgreSQL's files go: into the data folder, unless the server's user can't get there. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartError, messageOf } from "./errors.ts";
import type { DataFolder } from "./data-folder.ts";
import { firstClosedFolder, type ServerUser } from "./server-user.ts";

/** Root's own place for data that outlives a restart of the machine; only the temporary folder may be left. */
const ROOT_FOLDERS = ["/var/lib/forebay", join(tmpdir(), "forebay-data-0")];
const KEY_LENGTH = 16;

/**
 * The folder for PostgreSQL's files: the one remembered, else one in the data folder, else one that is open to the user.
 * @throws {StartError} when there is no such place.
 */
export function choosePostgresFolder(
  folder: DataFolder,
  user: ServerUser | undefined,
  remembered: string | undefined,
): string {
  if (remembered !== undefined && existsSync(remembered)) {
    return remembered;
  }
  mkdirSync(folder.postgres, { recursive: true, mode: 0o755 });
  const closed = user === undefined ? undefined : firstClosedFolder(folder.postgres, user);
  if (user === undefined || closed === undefined) {
    return folder.postgres;
  }
  const reasons: string[] = [];
  for (const root of ROOT_FOLDERS) {
    try {
      return openOutside(root, folder, user);
    } catch (error) {
      reasons.push(`${root}: ${messageOf(error)}`);
    }
  }
  throw new StartError(
    `PostgreSQL can't run as root, and user ${user.name}, whom it runs as instead, may not pass through ${closed} ` +
      `(other places: ${reasons.join("; ")}); give a --data folder below one that is open to all users`,
  );
}

function openOutside(root: string, folder: DataFolder, user: ServerUser): string {
  mkdirSync(root, { recursive: true, mode: 0o755 });
  const { uid, mode } = statSync(root);
  if (uid !== 0 || (mode & 0o022) !== 0) {
    throw new Error("other users can write to it");
  }
  const place = outsideFolder(root, folder);
  mkdirSync(place, { recursive: true, mode: 0o755 });
  const closed = firstClosedFolder(place, user);
  if (closed !== undefined) {
    throw new Error(`${closed} is closed to user ${user.name}`);
  }
  return place;
}

function outsideFolder(root: string, folder: DataFolder): string {
  return join(root, createHash("sha256").update(folder.root).digest("hex").slice(0, KEY_LENGTH));
}

/** Erases the files that were placed outside the data folder; a path that we would not have chosen is left alone. */
export function erasePostgresFolder(folder: DataFolder, remembered: string | undefined): void {
  if (remembered !== undefined && ROOT_FOLDERS.some((root) => outsideFolder(root, folder) === remembered)) {
    rmSync(remembered, { recursive: true, force: true });
  }
}
