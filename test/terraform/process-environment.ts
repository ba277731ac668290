/** What Terraform tells region processes, and what they read: by name, and as a process would take it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { InvalidConfigError, readConfig, type RegionConfig } from "../../services/runtime/config.ts";
import { textsIn, type Module } from "./tree.ts";

const MODULE = "modules/process-environment";
const NAME = /\bFOREBAY_[A-Z0-9_]+\b/g;

/** As the module's output says. */
export interface ProcessTold {
  readonly environment: Readonly<Record<string, string>>;
  readonly secret_variables: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, { readonly text: string }>>;
  readonly files_folder: string;
}

/** Names of the variables that processes are told: in clear, and from Secrets Manager. */
export function namesTold(modules: readonly Module[]): readonly string[] {
  const outputs = modules
    .filter(({ folder }) => folder === MODULE)
    .flatMap(({ files }) => files.flatMap(({ blocks }) => Object.entries(blocks.output ?? {})))
    .filter(([name]) => name === "environment" || name === "secret_variables");
  return [
    ...new Set(outputs.flatMap(([, body]) => textsIn(body).flatMap((text) => text.match(NAME) ?? []))),
  ].sort();
}

/** What is wrong with an environment, as a process would say it. */
export function problemsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.problems;
    throw error;
  }
}

/** Values that secrets could have. */
const SECRETS: Readonly<Record<string, string>> = {
  FOREBAY_POSTGRES_URL:
    "postgresql://forebay:abc@forebay-eu.example.eu-central-1.rds.amazonaws.com:5432/forebay?sslmode=verify-full",
  FOREBAY_SESSION_SECRET: "s".repeat(48),
  FOREBAY_ADMIN_KEY_SHA256: "0123456789abcdef".repeat(4),
};

/**
 * The configuration of a process that is told this, with its files in a folder of this machine.
 * @throws {InvalidConfigError} it could not start.
 */
export function configOf(told: ProcessTold, topologyText: string): RegionConfig {
  const folder = mkdtempSync(join(tmpdir(), "forebay-told-"));
  try {
    for (const [name, { text }] of Object.entries(told.files))
      writeFileSync(
        join(folder, basename(name)),
        name === "topology.yaml" ? topologyText : text.replace("{}", "abc"),
      );
    const secrets = Object.keys(told.secret_variables).map((name) => [name, SECRETS[name] ?? ""] as const);
    const values = Object.entries({ ...told.environment, ...Object.fromEntries(secrets) });
    return readConfig(
      Object.fromEntries(values.map(([name, value]) => [name, value.replace(told.files_folder, folder)])),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
