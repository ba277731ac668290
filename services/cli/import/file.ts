/** A file that is imported: its bytes, unpacked where it is compressed, and what tells it from another one. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { CommandError } from "../errors.ts";
import type { SourceProgress } from "./row.ts";

const GZIP_MAGIC = [0x1f, 0x8b];

export class InputFile {
  readonly path: string;
  readonly #bytes: number;
  readonly #isCompressed: boolean;
  readonly #progress = { read: 0 };

  private constructor(path: string, about: { bytes: number; isCompressed: boolean }) {
    this.path = path;
    this.#bytes = about.bytes;
    this.#isCompressed = about.isCompressed;
  }

  /** @throws {CommandError} when there is no such file. */
  static async open(path: string): Promise<InputFile> {
    try {
      const file = await open(path);
      try {
        const { buffer } = await file.read({ buffer: Buffer.alloc(GZIP_MAGIC.length) });
        const isCompressed = GZIP_MAGIC.every((byte, index) => buffer[index] === byte);
        return new InputFile(path, { bytes: (await file.stat()).size, isCompressed });
      } finally {
        await file.close();
      }
    } catch (error) {
      throw new CommandError(`${path} can't be read: ${(error as Error).message}`);
    }
  }

  /** SHA-256 of the bytes: the same rows under another name are the same import. */
  async identity(): Promise<string> {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(this.path)) hash.update(chunk as Buffer);
    return hash.digest("hex");
  }

  get progress(): SourceProgress {
    return { fraction: this.#bytes === 0 ? undefined : Math.min(1, this.#progress.read / this.#bytes) };
  }

  /** From the first byte. An error of the file or of its compression is the stream's. */
  read(): Readable {
    this.#progress.read = 0;
    const file = createReadStream(this.path, { highWaterMark: 256 * 1024 });
    file.on("data", (chunk) => (this.#progress.read += chunk.length));
    if (!this.#isCompressed) return file;
    return pipeline(file, createGunzip(), () => undefined);
  }
}
