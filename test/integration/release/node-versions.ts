/** Node.js of the versions that the package is for, from npm's packages of it, each checked against a pinned sum. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../../infra/local/command.ts";
import { cacheFolder } from "../../../infra/local/provision/cache-folder.ts";
import { installFolder } from "../../../infra/local/provision/install.ts";

/** The oldest that package.json allows, and the newest of each line after it. */
const SHA512: Readonly<Record<string, string>> = {
  "20.19.0": "HzVYgEgabV/n3nP2F9mcxS0Nxgg99jynX9CMovakLmSYTuTdQRbbtw0yadY8+qKcqXfiDAtb2hmtR7nDPzclGA==",
  "22.23.3": "qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
  "24.21.0": "3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
};
const PLATFORM = "linux-x64";
const DOWNLOAD_MS_MAX = 180_000;

/** Where there is nothing to download, the versions are not tried: elsewhere the tests have one Node.js alone. */
export const NODE_VERSIONS =
  `${process.platform}-${process.arch}` === PLATFORM ? Object.keys(SHA512) : [process.versions.node];

/** The program. @throws {Error} where it can't be had, or is not what is pinned. */
export async function provideNode(version: string): Promise<string> {
  const sum = SHA512[version];
  if (sum === undefined) return process.execPath;
  const store = join(cacheFolder(), "node");
  const isComplete = (folder: string) => existsSync(join(folder, "bin/node"));
  const folder = join(store, `${version}-${PLATFORM}`);
  if (!isComplete(folder))
    await installFolder({ store, isComplete, fill: (into) => fill(into, version, sum) });
  return join(folder, "bin/node");
}

async function fill(folder: string, version: string, sum: string): Promise<string> {
  const name = `node-${PLATFORM}`;
  mkdirSync(folder, { recursive: true });
  const options = { timeoutMs: DOWNLOAD_MS_MAX };
  await runCommand("npm", ["pack", `${name}@${version}`, `--pack-destination=${folder}`], options);
  const archive = join(folder, `${name}-${version}.tgz`);
  const actual = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (actual !== sum) throw new Error(`SHA-512 of ${name}@${version} is ${actual}, pinned is ${sum}`);
  await runCommand(
    "tar",
    ["-xzf", archive, "-C", folder, "--strip-components=1", "package/bin/node"],
    options,
  );
  rmSync(archive);
  return `${version}-${PLATFORM}`;
}
