/** `forebay backup`: everything that a cluster's log has committed, into a folder; and whether such a folder is whole. */
import type { Command } from "commander";
import { STATE_PARTS, type StatePart } from "../../core/state-parts.ts";
import type { BackupPartFile, BackupPartition } from "../../protocol/backup-format.ts";
import {
  PAGE_NEXT_HEADER,
  PAGE_ROWS_HEADER,
  type BackupAnswer,
  type BackupBody,
} from "../../protocol/http/backups.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type { StatusAnswer } from "../../protocol/http/status.ts";
import { BackupWriter, checkFiles, readManifest } from "../backup-folder.ts";
import { findRegion, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError, EXIT_FAILED } from "../errors.ts";
import { callApi, fetchApi } from "../http.ts";
import { patiently } from "../patience.ts";
import { Progress } from "../progress.ts";
import { formatTable } from "../table.ts";

const BACKUPS_PATH = `${API_PREFIX}/backups`;
const SHOW_EVERY_MS = 1_000;

const BACKUP_HELP = `
Each partition is read at one position of its log, while writes go on. What a region has accepted and the log has not ordered yet is
not in it. The folder is there once it is whole; "forebay backup check" reads it again.`;

interface OpenedBackup extends BackupAnswer {
  readonly head: { readonly state: { readonly cluster: string } };
}

export function addBackupCommand(program: Command): void {
  const backup = program.command("backup").description("keep all that the log has committed in a folder");
  withCommonOptions(backup.command("take <folder>", { isDefault: true }))
    .description("write a backup into a new folder")
    .addHelpText("after", BACKUP_HELP)
    .action(take);
  backup.command("check <folder>").description("whether a backup is whole, and what is in it").action(check);
}

async function take(folder: string, options: CommonOptions): Promise<void> {
  const region = findRegion(options);
  const status = (await callApi(region, { path: `${API_PREFIX}/status` })).body as StatusAnswer;
  const writer = await BackupWriter.create(folder);
  try {
    const partitions: BackupPartition[] = [];
    let cluster = "";
    for (const { partition } of status.partitions) {
      const taken = await takePartition(region, partition, writer);
      if (cluster !== "" && cluster !== taken.cluster)
        throw new CommandError("partitions of two clusters answer");
      cluster = taken.cluster;
      partitions.push(taken.summary);
    }
    const path = await writer.finish({ cluster, region: status.region, partitions });
    print(`${formatPartitions(partitions)}\nwritten to ${path}`);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function takePartition(
  region: ClusterRegion,
  partition: number,
  writer: BackupWriter,
): Promise<{ cluster: string; summary: BackupPartition }> {
  const body: BackupBody = { partition };
  const opened = (await callApi(region, { method: "POST", path: BACKUPS_PATH, body })).body as OpenedBackup;
  const { backup, position, taken_at_ms: takenAtMs, head, rows } = opened;
  const path = `${BACKUPS_PATH}/${backup}`;
  try {
    const parts: BackupPartFile[] = [];
    for (const part of STATE_PARTS) {
      const about = `partition ${partition}, ${part}`;
      const pages = readPages(region, { path, part, about, rows: rows[part] });
      parts.push(await writer.writePart({ partition, part }, pages));
    }
    checkCounts(parts, opened);
    const summary = { partition, position, takenAtMs, head: await writer.writeHead(partition, head), parts };
    return { cluster: head.state.cluster, summary };
  } finally {
    // It ends by itself as well.
    await callApi(region, { method: "DELETE", path }).catch(() => undefined);
  }
}

interface PagesToRead {
  /** Of the backup. */
  readonly path: string;
  readonly part: StatePart;
  /** For whoever waits. */
  readonly about: string;
  readonly rows: number;
}

async function* readPages(region: ClusterRegion, { path, part, about, rows }: PagesToRead) {
  const progress = new Progress();
  const startedAtMs = performance.now();
  let [read, shownAtMs] = [0, startedAtMs];
  let after = "";
  try {
    for (;;) {
      const query = `part=${part}${after === "" ? "" : `&after=${after}`}`;
      const page = () => fetchApi(region, { path: `${path}/pages?${query}` });
      const { headers, bytes } = await patiently(page);
      read += Number(headers.get(PAGE_ROWS_HEADER) ?? 0);
      yield bytes;
      const nowMs = performance.now();
      if (nowMs - shownAtMs >= SHOW_EVERY_MS) {
        shownAtMs = nowMs;
        const perSecond = Math.round((1_000 * read) / (nowMs - startedAtMs));
        progress.show(`${about}: ${read} of ${rows} rows, ${perSecond}/s`);
      }
      // Percent-encoded already.
      after = headers.get(PAGE_NEXT_HEADER) ?? "";
      if (after === "") return;
    }
  } finally {
    progress.end();
  }
}

function checkCounts(parts: readonly BackupPartFile[], { rows, partition }: BackupAnswer): void {
  const wrong = parts.find((file) => file.rows !== rows[file.part]);
  if (wrong === undefined) return;
  throw new CommandError(
    `partition ${partition} has ${rows[wrong.part]} ${wrong.part}, and ${wrong.rows} were read: this is a fault of the region`,
  );
}

async function check(folder: string): Promise<void> {
  const manifest = await readManifest(folder);
  const problems = await checkFiles(folder, manifest);
  const about = `cluster ${manifest.cluster}, as region ${manifest.region} had it`;
  print([about, formatPartitions(manifest.partitions), ...problems].join("\n"));
  if (problems.length > 0) process.exitCode = EXIT_FAILED;
}

function formatPartitions(partitions: readonly BackupPartition[]): string {
  const headings = ["partition", "position", "taken at", ...STATE_PARTS, "bytes"];
  return formatTable(headings, partitions.map(rowOf));
}

function rowOf({ partition, position, takenAtMs, parts, head }: BackupPartition): string[] {
  const bytes = parts.reduce((sum, file) => sum + file.bytes, head.bytes);
  const rows = parts.map((file) => String(file.rows));
  return [String(partition), String(position), new Date(takenAtMs).toISOString(), ...rows, String(bytes)];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
