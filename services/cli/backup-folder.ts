/**
 * A backup as a folder on disk. It is written beside its place and moved there once it is whole and on the disk, so that a
 * folder of this name is a whole backup or none.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { access, mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createGzip } from "node:zlib";
import type { StatePart } from "../core/state-parts.ts";
import {
  BACKUP_FORMAT,
  decodeManifest,
  headFileName,
  MANIFEST_NAME,
  partFileName,
  type BackupFile,
  type BackupManifest,
  type BackupPartFile,
} from "../protocol/backup-format.ts";
import { UndecodableEntryError } from "../protocol/undecodable.ts";
import { CommandError } from "./errors.ts";

const LINE_FEED = 10;
/** Rows compress well, and the reader should wait for the network rather than for the compressor. */
const GZIP = { level: constants.Z_BEST_SPEED };

export class BackupWriter {
  readonly #folder: string;
  readonly #partial: string;

  private constructor(folder: string, partial: string) {
    this.#folder = folder;
    this.#partial = partial;
  }

  /** @throws {CommandError} there is something of that name already, or the folder can't be made. */
  static async create(path: string): Promise<BackupWriter> {
    const folder = resolve(path);
    if (await isThere(folder)) throw new CommandError(`${folder} is there already: name a new folder`);
    try {
      await mkdir(dirname(folder), { recursive: true });
      const partial = await mkdtemp(join(dirname(folder), `${basename(folder)}.partial-`));
      return new BackupWriter(folder, partial);
    } catch (error) {
      throw new CommandError(`the backup can't be written: ${(error as Error).message}`);
    }
  }

  async writeHead(partition: number, head: unknown): Promise<BackupFile> {
    const name = headFileName(partition);
    const text = Buffer.from(`${JSON.stringify(head)}\n`);
    await this.#write(name, text);
    return { name, bytes: text.byteLength, sha256: createHash("sha256").update(text).digest("hex") };
  }

  /** @param pages of lines, each with a line feed behind it. */
  async writePart(
    place: { partition: number; part: StatePart },
    pages: AsyncIterable<Uint8Array>,
  ): Promise<BackupPartFile> {
    const name = partFileName(place.partition, place.part);
    const path = join(this.#partial, name);
    const counted = new Meter();
    const written = new Meter();
    await pipeline(pages, counted, createGzip(GZIP), written, createWriteStream(path));
    await flush(path);
    return { part: place.part, rows: counted.lines, name, bytes: written.bytes, sha256: written.sha256 };
  }

  /** From here on there is a backup. */
  async finish(manifest: Omit<BackupManifest, "format">): Promise<string> {
    const text = JSON.stringify({ format: BACKUP_FORMAT, ...manifest }, null, 2);
    await this.#write(MANIFEST_NAME, Buffer.from(`${text}\n`));
    await flush(this.#partial);
    await rename(this.#partial, this.#folder);
    await flush(dirname(this.#folder));
    return this.#folder;
  }

  async abandon(): Promise<void> {
    await rm(this.#partial, { recursive: true, force: true });
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#partial, name);
    await writeFile(path, bytes);
    await flush(path);
  }
}

/** @throws {CommandError} it is no backup, or one of a later version. */
export async function readManifest(folder: string): Promise<BackupManifest> {
  try {
    return decodeManifest(await readFile(join(folder, MANIFEST_NAME), "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof UndecodableEntryError)
      throw new CommandError(`${folder} is no backup that this version reads: ${message}`);
    const reason = code === "ENOENT" ? `there is no ${MANIFEST_NAME}` : message;
    throw new CommandError(`${folder} is no backup: ${reason}`);
  }
}

/** Reads every file to its end. @returns what is wrong, by file; empty where nothing is. */
export async function checkFiles(folder: string, { partitions }: BackupManifest): Promise<string[]> {
  const problems: string[] = [];
  for (const { head, parts } of partitions) {
    problems.push(...(await checkFile(folder, head)));
    for (const part of parts) problems.push(...(await checkFile(folder, part)));
  }
  return problems;
}

async function checkFile(folder: string, expected: BackupFile | BackupPartFile): Promise<string[]> {
  const path = join(folder, expected.name);
  const read = new Meter();
  const unpacked = new Meter();
  try {
    const { size } = await stat(path);
    if (size !== expected.bytes)
      return [`${expected.name} has ${size} bytes, and should have ${expected.bytes}`];
    await pipeline(createReadStream(path), read, drain());
    if (read.sha256 !== expected.sha256) return [`${expected.name} has changed: its SHA-256 is another one`];
    if (!("rows" in expected)) return [];
    await pipeline(createReadStream(path), createGunzip(), unpacked, drain());
  } catch (error) {
    return [`${expected.name} can't be read: ${(error as Error).message}`];
  }
  return unpacked.lines === expected.rows
    ? []
    : [`${expected.name} has ${unpacked.lines} rows, and should have ${expected.rows}`];
}

/** Passes bytes on, and counts them, their lines, and what they hash to. */
class Meter extends Transform {
  bytes = 0;
  lines = 0;
  readonly #hash = createHash("sha256");

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.byteLength;
    this.#hash.update(chunk);
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, at + 1)) this.lines += 1;
    done(null, chunk);
  }

  get sha256(): string {
    return this.#hash.copy().digest("hex");
  }
}

function drain(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
