/** Prometheus and its promtool, which check the rules: PATH → cache → Debian package. */
import { unpackDebianPackage } from "./debian-package.ts";
import { provisionProgram, type ProvisionedProgram } from "./program.ts";
import type { Version } from "./version.ts";

/** Bookworm's. Rules are written for it and for whatever is newer. */
const VERSION_MIN: Version = [2, 42, 0];
const PACKAGE = "prometheus";

export interface ProvisionPrometheusOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds or fetches a program of the package. apt checks what it downloads with the keys of the machine's own sources, and
 * nothing is installed.
 * @throws {ProvisionError} with everything that was tried, why it failed, and what the user can do.
 */
export async function provisionPrometheus(
  program: "promtool" | "prometheus",
  { environment, signal }: ProvisionPrometheusOptions = {},
): Promise<ProvisionedProgram<"Debian package">> {
  const wanted = { program, versionMin: VERSION_MIN, signal };
  const unpack = (folder: string) =>
    unpackDebianPackage(folder, { ...wanted, packageName: PACKAGE, mayBeOwnSuite: true });
  return provisionProgram({ ...wanted, environment, sources: [{ name: "Debian package", unpack }] });
}
