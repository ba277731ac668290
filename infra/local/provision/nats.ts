/** The nats-server of a local cluster: PATH → cache → release archive → Debian package. */
import { unpackDebianPackage } from "./debian-package.ts";
import { provisionProgram, type ProvisionedProgram } from "./program.ts";
import { unpackReleaseArchive } from "./release-archive.ts";
import type { Version } from "./version.ts";

/** Older servers lack the JetStream settings that the generated configuration uses. */
const VERSION_MIN: Version = [2, 11, 0];
const PROGRAM = "nats-server";

export type NatsProgram = ProvisionedProgram<"release archive" | "Debian package">;

export interface ProvisionNatsOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds or fetches a nats-server.
 * @throws {ProvisionError} with everything that was tried, why it failed, and what the user can do.
 */
export async function provisionNats(options: ProvisionNatsOptions = {}): Promise<NatsProgram> {
  const { environment, signal } = options;
  const wanted = { program: PROGRAM, versionMin: VERSION_MIN, signal };
  return provisionProgram({
    ...wanted,
    environment,
    sources: [
      { name: "release archive", unpack: (folder) => unpackReleaseArchive(folder, { signal }) },
      {
        name: "Debian package",
        unpack: (folder) => unpackDebianPackage(folder, { ...wanted, packageName: PROGRAM }),
      },
    ],
  });
}
