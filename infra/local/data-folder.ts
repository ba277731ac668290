/** The data folder of a cluster: what lies where in it, and whether it is ours to use or to erase. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DataFolderMismatchError } from "./errors.ts";

/** Its presence says that forebay made the folder. */
const MARKER = "forebay-data.json";
const KNOWN_NAMES = [MARKER, "lock", "state.json", "cluster.json", "logs", "nats", "postgres", "run", "tls"];
/** Left behind by a process that was killed while it replaced a file or took the lock. */
const KNOWN_LEFTOVERS = /^(lock|state\.json|cluster\.json)\.\d+\.(\d+(\.void)?|new)$/;

export interface DataFolder {
  readonly root: string;
  readonly lock: string;
  readonly state: string;
  readonly clusterFile: string;
  readonly logs: string;
  readonly nats: string;
  readonly postgres: string;
  readonly run: string;
  readonly tls: string;
}

export function dataFolderAt(path: string): DataFolder {
  const root = resolve(path);
  return {
    root,
    lock: join(root, "lock"),
    state: join(root, "state.json"),
    clusterFile: join(root, "cluster.json"),
    logs: join(root, "logs"),
    nats: join(root, "nats"),
    postgres: join(root, "postgres"),
    run: join(root, "run"),
    tls: join(root, "tls"),
  };
}

/**
 * Makes the folder when it is missing, and marks it as forebay's.
 * @throws {DataFolderMismatchError} when it holds something else.
 */
export function openDataFolder(folder: DataFolder): void {
  mkdirSync(folder.root, { recursive: true, mode: 0o755 });
  assertOurs(folder);
  writeFileSync(join(folder.root, MARKER), `${JSON.stringify({ made_by: "forebay", format: 1 })}\n`);
  mkdirSync(folder.logs, { recursive: true, mode: 0o700 });
  mkdirSync(folder.nats, { recursive: true, mode: 0o700 });
}

/**
 * Erases what forebay made, except the lock, which the caller holds.
 * @throws {DataFolderMismatchError} when the folder holds anything that forebay did not make; then nothing is erased.
 */
export function eraseDataFolder(folder: DataFolder): void {
  assertOurs(folder);
  const foreign = namesIn(folder.root).filter(
    (name) => !KNOWN_NAMES.includes(name) && !KNOWN_LEFTOVERS.test(name),
  );
  if (foreign.length > 0) {
    throw new DataFolderMismatchError(
      `${folder.root} holds files that forebay did not make (${foreign.join(", ")}), so nothing was erased; move them away or give another --data`,
    );
  }
  for (const name of namesIn(folder.root)) {
    if (name !== "lock" && name !== MARKER) {
      rmSync(join(folder.root, name), { recursive: true, force: true });
    }
  }
}

function assertOurs(folder: DataFolder): void {
  const others = namesIn(folder.root).filter((name) => name !== "lock" && !KNOWN_LEFTOVERS.test(name));
  if (others.length > 0 && !existsSync(join(folder.root, MARKER))) {
    throw new DataFolderMismatchError(
      `${folder.root} is not empty and was not made by forebay; give an empty or a new folder with --data`,
    );
  }
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
