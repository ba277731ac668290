/** The etcd to compare with: given by path, kept from an earlier run, or unpacked from Debian's `etcd-server`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../../infra/local/command.ts";
import { cacheFolder } from "../../../infra/local/provision/cache-folder.ts";
import { unpackDebianPackage } from "../../../infra/local/provision/debian-package.ts";
import { installFolder } from "../../../infra/local/provision/install.ts";
import {
  compareVersions,
  findVersion,
  formatVersion,
  type Version,
} from "../../../infra/local/provision/version.ts";

const PROGRAM = "etcd";
const VERSION_MIN: Version = [3, 5, 0];
const VERSION_TIMEOUT_MS = 10_000;

export interface EtcdProgram {
  readonly path: string;
  /** Such as `3.5.30`. */
  readonly version: string;
}

/**
 * @param path of a binary of version 3.5 or newer; without it the machine's own Debian archive is asked.
 * @throws {Error} saying why there is none.
 */
export async function findEtcd(path: string | undefined): Promise<EtcdProgram> {
  const found = path ?? (await unpacked());
  return { path: found, version: formatVersion(await versionOf(found)) };
}

async function versionOf(path: string): Promise<Version> {
  const text = await runCommand(path, ["--version"], { timeoutMs: VERSION_TIMEOUT_MS });
  const version = findVersion(text);
  if (version === undefined) throw new Error(`${path} does not tell its version: ${text.trim()}`);
  if (compareVersions(version, VERSION_MIN) < 0) {
    throw new Error(
      `${path} is etcd ${formatVersion(version)}; it has to be ${formatVersion(VERSION_MIN)} or newer`,
    );
  }
  return version;
}

async function unpacked(): Promise<string> {
  const store = join(cacheFolder(), PROGRAM);
  const isComplete = (folder: string): boolean => existsSync(join(folder, PROGRAM));
  const kept = join(store, "debian");
  if (isComplete(kept)) return join(kept, PROGRAM);
  const folder = await installFolder({
    store,
    fill: async (into) => {
      await unpackDebianPackage(into, {
        packageName: "etcd-server",
        program: PROGRAM,
        versionMin: VERSION_MIN,
      });
      return "debian";
    },
    isComplete,
  });
  return join(folder, PROGRAM);
}
