/** The console's page as it was built: read once, with what was compressed beside it. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative } from "node:path";

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
/** The best first. */
const ENCODINGS = [
  { name: "br", ending: ".br" },
  { name: "gzip", ending: ".gz" },
] as const;
/** The build puts what has a hash in its name there: it never changes. */
const HASHED = /^assets\//;

export interface ConsoleFile {
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** By name of the encoding, the best first. */
  readonly encoded: ReadonlyMap<string, Buffer>;
  readonly etag: string;
  readonly isImmutable: boolean;
}

/** By path from the folder, such as `assets/index-abc.js`; empty where the page was not built. */
export function readConsoleFiles(folder: string): ReadonlyMap<string, ConsoleFile> {
  if (!existsSync(folder)) return new Map();
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && Object.hasOwn(MEDIA_TYPES, extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    paths.map((path) => [relative(folder, path).replaceAll("\\", "/"), readConsoleFile(folder, path)]),
  );
}

function readConsoleFile(folder: string, path: string): ConsoleFile {
  const bytes = readFileSync(path);
  const encoded = ENCODINGS.flatMap(({ name, ending }) =>
    existsSync(path + ending) ? [[name, readFileSync(path + ending)] as const] : [],
  );
  const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 27);
  return {
    mediaType: MEDIA_TYPES[extname(path)]!,
    bytes,
    encoded: new Map(encoded),
    etag: `"${hash}"`,
    isImmutable: HASHED.test(relative(folder, path).replaceAll("\\", "/")),
  };
}

/** The best encoding that the client takes; undefined is the file as it is. */
export function chooseEncoding(file: ConsoleFile, acceptEncoding: string | undefined): string | undefined {
  const accepted = (acceptEncoding ?? "").split(",").map((part) => part.trim());
  const takes = (name: string) =>
    accepted.some((part) => part === name || (part.startsWith(`${name};`) && !/;\s*q=0(\.0*)?$/.test(part)));
  return [...file.encoded.keys()].find(takes);
}
