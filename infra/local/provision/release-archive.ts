/** Takes nats-server from the project's own release archive, checked against a pinned SHA-256. */
import { createHash } from "node:crypto";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../command.ts";
import { messageOf } from "../errors.ts";

const RELEASE_VERSION = "2.15.0";
const RELEASE_FOLDER = `https://github.com/nats-io/nats-server/releases/download/v${RELEASE_VERSION}`;

/**
 * The newest release for which all four sums could be established: the Linux ones stand in the project's own image
 * recipes (nats-io/nats-docker), the macOS ones in several independent projects that checked the release's SHA256SUMS.
 */
const ARCHIVE_SHA256: Readonly<Record<string, string>> = {
  "linux-amd64": "5d2c51caca950333aba84911df7d377f826f3a59ec36061c6539105084f65c92",
  "linux-arm64": "cdc208f5a3f42963a52b6ab06ef65626bb870315dc936e26ba571780c6351112",
  "darwin-amd64": "5bd8b59ca5bf93fab3da2c5843cf564cd6e2e291e22ae3b861746e7ebe259b95",
  "darwin-arm64": "e1c4e22d70bd44abfa0bcb3c16f7cf0c66f648c2e728c58924e8a1ce88913cc8",
};

/** A machine without a way to the release must get on to the next source fast. */
const CONNECT_TIMEOUT_MS = 5_000;
const DOWNLOAD_TIMEOUT_MS = 90_000;
const ARCHIVE_BYTES_MAX = 64 * 1024 * 1024;

export interface ReleaseArchiveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly platform?: string;
  readonly fetchArchive?: (url: string, signal: AbortSignal | undefined) => Promise<Buffer>;
}

/** The platform as release archives call it, such as `linux-amd64`. */
export function releasePlatform(platform: string = process.platform, arch: string = process.arch): string {
  return `${platform}-${arch === "x64" ? "amd64" : arch}`;
}

/**
 * Unpacks the program into the folder.
 * @throws {Error} when the platform has no pinned archive, the download fails, or the sum is another one.
 */
export async function unpackReleaseArchive(
  folder: string,
  options: ReleaseArchiveOptions = {},
): Promise<void> {
  const platform = options.platform ?? releasePlatform();
  const expected = ARCHIVE_SHA256[platform];
  if (expected === undefined) {
    throw new Error(`no archive is pinned for ${platform}`);
  }
  const name = `nats-server-v${RELEASE_VERSION}-${platform}`;
  const bytes = await (options.fetchArchive ?? download)(`${RELEASE_FOLDER}/${name}.tar.gz`, options.signal);
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== expected) {
    throw new Error(`SHA-256 of ${name}.tar.gz is ${actual}, pinned is ${expected}; it was thrown away`);
  }
  const archive = join(folder, "archive.tar.gz");
  writeFileSync(archive, bytes);
  await runCommand("tar", ["-xzf", archive, "-C", folder, "--strip-components=1", `${name}/nats-server`], {
    timeoutMs: CONNECT_TIMEOUT_MS * 4,
    signal: options.signal,
  });
  rmSync(archive);
  chmodSync(join(folder, "nats-server"), 0o755);
}

async function download(url: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  let timer = setTimeout(
    () => stop.abort(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`)),
    CONNECT_TIMEOUT_MS,
  );
  try {
    const response = await fetch(url, { signal: stop.signal });
    clearTimeout(timer);
    timer = setTimeout(
      () => stop.abort(new Error(`not complete within ${DOWNLOAD_TIMEOUT_MS / 1000} s`)),
      DOWNLOAD_TIMEOUT_MS,
    );
    if (!response.ok || response.body === null) {
      throw new Error(`answered ${response.status}`);
    }
    return await readBody(response.body);
  } catch (error) {
    signal?.throwIfAborted();
    const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : "";
    throw new Error(`${url}: ${messageOf(error)}${cause}`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

async function readBody(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > ARCHIVE_BYTES_MAX) {
      throw new Error(`is larger than ${ARCHIVE_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
