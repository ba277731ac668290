/**
 * Brings a partition of a backup into a region's database that has nothing of it yet, while no process of the region runs.
 *
 *   order → clear → pages from where an earlier try has come to → finish
 */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import type { StatePart } from "../core/state-parts.ts";
import {
  STATE_PARTS,
  type Bootstrap,
  type BootstrapProgress,
  type BootstrapSource,
  type StateHead,
  type StatePage,
} from "../ports/bootstraps.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { BackupPartition } from "../protocol/backup-format.ts";
import { ENTRY_VERSION } from "../protocol/entry-codec.ts";
import { CommandError } from "./errors.ts";

const PAGE_BYTES = 512 * 1024;
const LINE_FEED = 10;

export interface PartitionRestore {
  readonly store: Pick<
    RegionStore,
    | "readBootstraps"
    | "orderBootstrap"
    | "enterStage"
    | "clearSome"
    | "loadPage"
    | "finishLoad"
    | "endBootstrap"
    | "readPositions"
    | "walHead"
  >;
  readonly folder: string;
  readonly backup: BackupPartition;
  readonly onProgress: (progress: BootstrapProgress) => void;
}

/** @throws {CommandError} the database has something already. @throws {StoreUnavailableError} the same again goes on. */
export async function restorePartition(restore: PartitionRestore): Promise<void> {
  const { store, backup } = restore;
  const head = await readHead(restore);
  const source = {
    name: "backup",
    snapshot: backup.head.sha256,
    position: backup.position,
    counts: head.counts,
  };
  let bootstrap = await begin(restore, { source, head });
  if (bootstrap === undefined) return;
  if (bootstrap.stage !== "loading" && bootstrap.stage !== "folding") {
    if (bootstrap.stage !== "clearing")
      bootstrap = await store.enterStage({ bootstrap, stage: "clearing", source });
    while ((await store.clearSome(bootstrap)).isMore);
    bootstrap = await store.enterStage({ bootstrap, stage: "loading" });
  }
  if (bootstrap.stage === "loading") {
    await loadPages(restore, bootstrap);
    await store.finishLoad({ bootstrap, head });
  }
  await store.endBootstrap(bootstrap);
}

async function readHead({ folder, backup }: PartitionRestore): Promise<StateHead> {
  const { head: file, partition, position } = backup;
  const head = JSON.parse(await readFile(join(folder, file.name), "utf8")) as StateHead;
  if (head.state.partition !== partition || head.state.position !== position)
    throw new CommandError(`${file.name} is of partition ${head.state.partition} at ${head.state.position}`);
  checkReadable(head, file.name);
  return head;
}

/** @throws {CommandError} */
export function checkReadable({ needs }: StateHead, name: string): void {
  if (needs === undefined || needs.version <= ENTRY_VERSION) return;
  const { version, software } = needs;
  throw new CommandError(
    `${name} has a state of entries of version ${version}, and this software reads up to ${ENTRY_VERSION}: restore it with ${software} or later`,
  );
}

/** @returns undefined where all of it is there already. */
async function begin(
  { store, backup }: PartitionRestore,
  { source: { snapshot }, head: { state } }: { source: BootstrapSource; head: StateHead },
): Promise<Bootstrap | undefined> {
  const { partition } = backup;
  const found = (await store.readBootstraps()).find((one) => one.partition === partition);
  if (found?.source?.snapshot === snapshot) return found;
  if (found?.source !== undefined)
    throw new CommandError(
      `partition ${partition} is being loaded from ${found.source.name}: the database is not empty`,
    );
  const there = await store.readPositions(partition);
  if (found === undefined && there.position === state.position && there.chain === state.chain)
    return undefined;
  const { sequence } = await store.walHead(partition);
  if (there.position > 0 || sequence > 0) {
    throw new CommandError(
      `partition ${partition} is folded up to ${there.position} and its WAL ends at ${sequence}: a backup is only restored into an empty database`,
    );
  }
  return store.orderBootstrap({ partition, id: randomUUID(), reason: "a backup is restored" });
}

async function loadPages(restore: PartitionRestore, bootstrap: Bootstrap): Promise<void> {
  const { store, folder, backup, onProgress } = restore;
  let after = bootstrap.progress!;
  for (const { part, name } of backup.parts) {
    if (part !== after.part) continue;
    for await (const page of pagesOf(join(folder, name), { part, done: after.loaded[part] })) {
      after = await store.loadPage({ bootstrap, page, after });
      onProgress(after);
    }
  }
  const isWhole = STATE_PARTS.every(
    (part) => after.loaded[part] === backup.parts.find((file) => file.part === part)?.rows,
  );
  if (after.part !== undefined || !isWhole)
    throw new CommandError(`partition ${backup.partition}: not all rows of the backup were loaded`);
}

/** @param from how many rows of the part are loaded already. */
async function* pagesOf(
  path: string,
  from: { readonly part: StatePart; readonly done: number },
): AsyncGenerator<StatePage, void, undefined> {
  let rows = 0;
  let page: { rows: number; lines: Uint8Array } | undefined;
  for await (const chunk of linesOf(path)) {
    const fresh = withoutFirst(chunk, Math.max(0, from.done - rows));
    rows += chunk.rows;
    if (fresh.rows === 0) continue;
    // The one before is not the last.
    if (page !== undefined) yield { ...page, next: String(rows - fresh.rows) };
    page = fresh;
  }
  yield { ...(page ?? { rows: 0, lines: new Uint8Array() }), next: undefined };
}

/** Whole lines, about a page at once. */
async function* linesOf(path: string): AsyncGenerator<{ rows: number; lines: Buffer }, void, undefined> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of createReadStream(path).pipe(createGunzip()) as AsyncIterable<Buffer>) {
    held.push(chunk);
    bytes += chunk.byteLength;
    if (bytes < PAGE_BYTES) continue;
    const text = Buffer.concat(held);
    const end = text.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) yield counted(text.subarray(0, end));
    held = [text.subarray(end)];
    bytes = text.byteLength - end;
  }
  if (bytes > 0) yield counted(Buffer.concat(held));
}

function counted(lines: Buffer): { rows: number; lines: Buffer } {
  let rows = 0;
  for (let at = lines.indexOf(LINE_FEED); at !== -1; at = lines.indexOf(LINE_FEED, at + 1)) rows += 1;
  return { rows, lines };
}

function withoutFirst(page: { rows: number; lines: Buffer }, count: number): { rows: number; lines: Buffer } {
  if (count >= page.rows) return { rows: 0, lines: Buffer.alloc(0) };
  let start = 0;
  for (let skipped = 0; skipped < count; skipped += 1) start = page.lines.indexOf(LINE_FEED, start) + 1;
  return { rows: page.rows - count, lines: page.lines.subarray(start) };
}
