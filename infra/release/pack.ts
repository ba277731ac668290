/** Makes the package's tarball, as `npm publish` would. */
import { join } from "node:path";
import { runCommand } from "../local/command.ts";

export interface Tarball {
  readonly path: string;
  readonly version: string;
  /** With slashes, below the package's root. */
  readonly files: readonly string[];
  readonly bytes: number;
}

interface PackReport {
  readonly filename: string;
  readonly version: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

const TIMEOUT_MS = 60_000;

/** Packs the tree at `root` as it is built, into `folder`. @throws {CommandError} if npm fails. */
export async function pack(root: string, folder: string): Promise<Tarball> {
  const command = ["pack", "--ignore-scripts", "--json", `--pack-destination=${folder}`];
  const text = await runCommand("npm", command, { workingFolder: root, timeoutMs: TIMEOUT_MS });
  const [report] = Object.values(JSON.parse(text) as Record<string, PackReport>);
  if (report === undefined) throw new Error(`npm pack has made nothing: ${text}`);
  const { filename, version, size, files } = report;
  return { path: join(folder, filename), version, bytes: size, files: files.map(({ path }) => path) };
}

/** Unpacks a tarball into a folder that is there. */
export async function unpack(tarball: string, folder: string): Promise<void> {
  await runCommand("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"], { timeoutMs: TIMEOUT_MS });
}
