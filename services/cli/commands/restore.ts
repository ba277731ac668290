/** `forebay restore`: brings a backup into the empty database of a region, before any process of the region runs. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { SystemClock } from "../../adapters/system/clock.ts";
import { SystemRandom } from "../../adapters/system/random.ts";
import { StoreUnavailableError, type RegionStore } from "../../ports/region-store.ts";
import type { StateHead } from "../../ports/bootstraps.ts";
import type { BackupManifest } from "../../protocol/backup-format.ts";
import { ENTRY_VERSION } from "../../protocol/entry-codec.ts";
import { Auditor, type Act } from "../../runtime/auditor.ts";
import { softwareVersion } from "../../runtime/config-software.ts";
import { silentLogger } from "../../runtime/logger.ts";
import { actor } from "../actor.ts";
import { checkFiles, readManifest } from "../backup-folder.ts";
import { CommandError } from "../errors.ts";
import { Progress } from "../progress.ts";
import { checkReadable, restorePartition } from "../restore-partition.ts";

/** So long nobody else folds the partition, also where the command has died. */
const ROLE_TTL_MS = 30_000;
const TIMEOUT_MS = 60_000;

const RESTORE_HELP = `
Into every region of a new cluster: databases and nats-servers are up, no region process is, the log is empty. After the last one start the
processes, and then

  forebay log rebuild --yes     the log goes on where the backup ends
  forebay verify                all regions hold the same

What was broken off goes on where it was when it is given again.`;

interface RestoreOptions {
  readonly region: string;
  readonly postgres: string;
}

export function addRestoreCommand(program: Command): void {
  program
    .command("restore <folder>")
    .description("bring a backup into the empty database of a region that is not running")
    .requiredOption("--region <name>", "whose database it is; a member of the cluster that was backed up")
    .requiredOption("--postgres <url>", "its address, as the region's processes will use it")
    .addHelpText("after", RESTORE_HELP)
    .action(restore);
}

async function restore(folder: string, { region, postgres }: RestoreOptions): Promise<void> {
  const manifest = await readManifest(folder);
  const problems = await checkFiles(folder, manifest);
  if (problems.length > 0) throw new CommandError(`${folder} is damaged: ${problems.join("; ")}`);
  await checkHeads(folder, manifest, region);
  // Loaded here alone: the other commands need nothing of what talks to databases.
  const { migrateDatabase } = await import("../../adapters/postgres/migrate.ts");
  const { openPostgresStore } = await import("../../adapters/postgres/store.ts");
  try {
    await migrateDatabase({ url: postgres });
  } catch (error) {
    throw new CommandError(`the database can't be made ready: ${(error as Error).message}`);
  }
  const store = openPostgresStore({ url: postgres, region, connectionsMax: 2, timeoutMs: TIMEOUT_MS });
  try {
    await auditor(store).act(actOf(manifest, region), () => restoreAll(store, folder, manifest));
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    throw new CommandError(
      `the database does not answer: ${error.message}; the same command goes on where it was`,
    );
  } finally {
    await store.close();
  }
  const places = manifest.partitions.map(
    ({ partition, position }) => `partition ${partition} at ${position}`,
  );
  process.stdout.write(`region ${region} is restored: ${places.join(", ")}\n`);
}

function auditor(store: RegionStore): Auditor {
  return new Auditor({ store, clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger });
}

function actOf({ partitions }: BackupManifest, region: string): Act<void> {
  const positions = partitions.map(({ partition, position }) => ({ partition, position }));
  return { action: "restore", actor: actor(), address: null, about: { region, partitions: positions } };
}

/** Before anything is loaded. A region that is none would wait for ever to be added. */
async function checkHeads(folder: string, { partitions }: BackupManifest, region: string): Promise<void> {
  for (const { head: file } of partitions) {
    const head = JSON.parse(await readFile(join(folder, file.name), "utf8")) as StateHead;
    checkReadable(head, file.name);
    const { state } = head;
    if (state.members.includes(region)) continue;
    throw new CommandError(
      `region ${region} was no member of the cluster that was backed up; it has ${state.members.join(", ")}`,
    );
  }
}

async function restoreAll(store: RegionStore, folder: string, { partitions }: BackupManifest): Promise<void> {
  const holder = `restore ${randomUUID()}`;
  const progress = new Progress();
  try {
    for (const backup of partitions) {
      // A database that has been folded on gives the role to those alone who have told what they read.
      await store.tellProcess({
        id: holder,
        software: softwareVersion(),
        reads: ENTRY_VERSION,
        mayFold: false,
      });
      const { partition, parts } = backup;
      const rows = parts.reduce((sum, file) => sum + file.rows, 0);
      const role = { role: "applier", partition, holder } as const;
      if ((await store.acquireRole({ ...role, ttlMs: ROLE_TTL_MS })) === undefined)
        throw new CommandError("a process of the region, or another restore, works on the database: stop it");
      try {
        await restorePartition({
          store,
          folder,
          backup,
          onProgress: ({ loaded }) => {
            const done = loaded.records + loaded.operations + loaded.conflicts;
            progress.show(`partition ${partition}: ${Math.floor((100 * done) / Math.max(1, rows))} %`);
          },
        });
      } finally {
        await store.releaseRole(role);
      }
    }
  } finally {
    progress.end();
    // A database that is away has said so already, and who is silent is forgotten.
    await store.forgetProcess(holder).catch(() => undefined);
  }
}
