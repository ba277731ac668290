/** What infra/compose/three-regions.yaml mounts: secrets and certificates, made once, and configurations of servers. */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readTextIfPresent } from "../local/files.ts";
import { makeCertificates } from "./certificates.ts";
import { configurationsOf, type ComposedTopology } from "./configurations.ts";
import { makeSecrets } from "./secrets.ts";

export interface Preparation {
  /** Gets the files; closed to everybody else. What is in it already stays as it is. */
  readonly folder: string;
  readonly topology: ComposedTopology;
  /** Whether servers get new certificates, though theirs are well. */
  readonly isRenewal?: boolean;
}

/** @returns the names of the files that were made: none where all was there. */
export async function prepareComposition(preparation: Preparation): Promise<readonly string[]> {
  const { folder, topology, isRenewal = false } = preparation;
  const regions = topology.regions.map(({ name }) => name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return [
    ...writeSecrets(folder, regions),
    ...writeConfigurations(folder, topology),
    ...(await makeCertificates(folder, { regions, isRenewal })),
  ];
}

/** Half of them are worth nothing: some hold what is in others, so they are all made anew. */
function writeSecrets(folder: string, regions: readonly string[]): readonly string[] {
  const last = join(folder, "complete");
  if (existsSync(last)) return [];
  const secrets = Object.entries(makeSecrets(regions));
  for (const [name, text] of secrets) writeAnew(join(folder, name), text);
  writeFileSync(last, "");
  return secrets.map(([name]) => name);
}

/** Nothing in them was made by chance: those of an earlier release are written as this one has them. */
function writeConfigurations(folder: string, topology: ComposedTopology): readonly string[] {
  const changed = Object.entries(configurationsOf(topology)).filter(
    ([name, text]) => readTextIfPresent(join(folder, name)) !== ended(text),
  );
  for (const [name, text] of changed) writeAnew(join(folder, name), text);
  return changed.map(([name]) => name);
}

/** One that is there is taken away first: nobody but root writes into a file that may only be read. */
function writeAnew(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, ended(text), { mode: 0o400 });
  // Containers run as other users than who made the files; the folder is what keeps others out. The umask has no say in it.
  chmodSync(path, 0o444);
}

function ended(text: string): string {
  return `${text.trimEnd()}\n`;
}
