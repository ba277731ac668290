/** Runs Terraform itself, where the machine has it. Nothing that it runs here needs a provider or the network. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runCommand } from "../../infra/local/command.ts";
import { ProvisionError } from "../../infra/local/errors.ts";
import { provisionProgram } from "../../infra/local/provision/program.ts";
import type { Version } from "../../infra/local/provision/version.ts";
import { TERRAFORM } from "./tree.ts";

/** The first with write-only arguments, which the modules rest on. */
const VERSION_MIN: Version = [1, 11, 0];
const TIMEOUT_MS = 60_000;

export interface Terraform {
  /** Runs a command in a folder, named from `terraform/` or by its whole path. @throws {CommandError} with its last words. */
  readonly run: (folder: string, command: readonly string[]) => Promise<string>;
  /** For states and the like; `stop` removes it. */
  readonly scratch: string;
  readonly stop: () => void;
}

/** Undefined where the machine has no Terraform: nobody may download it, so tests say that they were skipped for it. */
export async function findTerraform(): Promise<Terraform | undefined> {
  const path = await terraformPath();
  if (path === undefined) return undefined;
  const scratch = mkdtempSync(join(tmpdir(), "forebay-terraform-"));
  // Nothing of the user's: no configuration, no plugins, no variables.
  const environment = (folder: string) => ({
    HOME: scratch,
    CHECKPOINT_DISABLE: "1",
    TF_IN_AUTOMATION: "1",
    // A root that somebody has initialised has its providers beside it.
    ...(!hasProviders(folder) && { TF_DATA_DIR: join(scratch, "data", folder.replaceAll("/", "-")) }),
  });
  return {
    scratch,
    run: (folder, command) =>
      runCommand(path, [`-chdir=${resolve(TERRAFORM, folder)}`, ...command], {
        timeoutMs: TIMEOUT_MS,
        environment: environment(folder),
      }),
    stop: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

/** Whether somebody with a network has run `terraform init` in a folder. */
export function hasProviders(folder: string): boolean {
  return existsSync(resolve(TERRAFORM, folder, ".terraform/providers"));
}

async function terraformPath(): Promise<string | undefined> {
  try {
    return (await provisionProgram({ program: "terraform", versionMin: VERSION_MIN, sources: [] })).path;
  } catch (error) {
    if (error instanceof ProvisionError) return undefined;
    throw error;
  }
}

export const INIT = ["init", "-backend=false", "-input=false", "-no-color"];
