/** A restore that was broken off goes on where it was: every row once, whatever the pages. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackupWriter, readManifest } from "../../../services/cli/backup-folder.ts";
import { restorePartition } from "../../../services/cli/restore-partition.ts";
import { initialPartitionState, type PartitionState } from "../../../services/core/fold/state.ts";
import { STATE_PARTS } from "../../../services/core/state-parts.ts";
import {
  NOTHING_LOADED,
  progressAfter,
  type Bootstrap,
  type BootstrapProgress,
} from "../../../services/ports/bootstraps.ts";
import type { BackupPartition } from "../../../services/protocol/backup-format.ts";
import { ENTRY_VERSION } from "../../../services/protocol/entry-codec.ts";
import { CLUSTER } from "../gateway-http/stub-backups.ts";

const POSITION = 42;
/** Three rows make a page. */
const ROWS = Array.from({ length: 10 }, (_, index) => `["${index}","${"x".repeat(180_000)}"]\n`);

/** What the port promises of a database's side, for one partition. */
class MemoryStore {
  bootstrap: Bootstrap | undefined;
  state: PartitionState = initialPartitionState(0);
  walSequence = 0;
  loaded: string[] = [];
  pages = 0;
  /** Loading fails before this page. */
  failsAt = Infinity;

  readBootstraps = async () => (this.bootstrap === undefined ? [] : [this.bootstrap]);
  readPositions = async () => this.state;
  walHead = async () => ({ sequence: this.walSequence }) as never;
  orderBootstrap = async (order: { partition: number; id: string; reason: string }) => {
    this.bootstrap ??= { ...order, stage: "ordered", startedAtMs: 0, source: undefined, progress: undefined };
    return this.bootstrap;
  };
  enterStage = async ({ stage, source }: { stage: Bootstrap["stage"]; source?: Bootstrap["source"] }) => {
    const progress = stage === "loading" ? NOTHING_LOADED : undefined;
    return (this.bootstrap = {
      ...this.bootstrap!,
      stage,
      source: source ?? this.bootstrap!.source,
      progress,
    });
  };
  clearSome = async () => ({ isMore: false });
  loadPage = async ({
    page,
    after,
  }: {
    page: Parameters<typeof progressAfter>[1];
    after: BootstrapProgress;
  }) => {
    expect(after).toEqual(this.bootstrap!.progress);
    if (this.pages === this.failsAt) throw new Error("the database is away");
    this.pages += 1;
    this.loaded.push(...Buffer.from(page.lines).toString().split("\n").filter(Boolean));
    const progress = progressAfter(after, page);
    this.bootstrap = { ...this.bootstrap!, progress };
    return progress;
  };
  finishLoad = async ({ head }: { head: { state: PartitionState } }) => {
    this.state = head.state;
    this.bootstrap = { ...this.bootstrap!, stage: "folding" };
  };
  endBootstrap = async () => {
    this.bootstrap = undefined;
  };
}

let parent: string;
let folder: string;
let backup: BackupPartition;
let store: MemoryStore;

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), "forebay-restore-"));
  folder = join(parent, "backup");
  const writer = await BackupWriter.create(folder);
  const counts = { records: ROWS.length, operations: 1, conflicts: 0 };
  const chain = createHash("sha256").update("chain").digest("hex");
  const state = { ...initialPartitionState(0), position: POSITION, cluster: CLUSTER, chain };
  const rows = { records: ROWS, operations: ['["o"]\n'], conflicts: [] };
  const parts = [];
  for (const part of STATE_PARTS)
    parts.push(await writer.writePart({ partition: 0, part }, linesOf(rows[part])));
  const head = await writer.writeHead(0, { state, logCreatedAtMs: 1, counts });
  const partitions = [{ partition: 0, position: POSITION, takenAtMs: 5, head, parts }];
  await writer.finish({ cluster: CLUSTER, region: "eu", partitions });
  backup = (await readManifest(folder)).partitions[0]!;
  store = new MemoryStore();
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

async function* linesOf(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const line of lines) yield Buffer.from(line);
}

const restore = () => restorePartition({ store, folder, backup, onProgress: () => undefined });
const EXPECTED = [...ROWS, '["o"]\n'].map((line) => line.trimEnd());

describe("a restore", () => {
  it("loads every row, in pages, and ends", async () => {
    await restore();
    expect(store.loaded).toEqual(EXPECTED);
    expect(store.pages).toBeGreaterThan(4);
    expect([store.state.position, store.bootstrap]).toEqual([POSITION, undefined]);
  });

  it("that is broken off at any page goes on there", async () => {
    for (let failsAt = 0; failsAt < 6; failsAt += 1) {
      store = new MemoryStore();
      store.failsAt = failsAt;
      await expect(restore()).rejects.toThrow("the database is away");
      store.failsAt = Infinity;
      await restore();
      expect(store.loaded).toEqual(EXPECTED);
    }
  });

  it("of what is there already changes nothing", async () => {
    await restore();
    const { pages } = store;
    await restore();
    expect(store.pages).toBe(pages);
  });

  it.each([
    ["another position", () => (store.state = { ...store.state, position: 7 })],
    ["another past at the same position", () => (store.state = { ...store.state, position: POSITION })],
    ["a WAL", () => (store.walSequence = 3)],
  ])("is refused where the database has %s", async (_, prepare) => {
    prepare();
    await expect(restore()).rejects.toThrow("a backup is only restored into an empty database");
    expect(store.pages).toBe(0);
  });

  it("is refused by software that can't read the state, before anything is loaded", async () => {
    const head = JSON.parse(readFileSync(join(folder, backup.head.name), "utf8")) as object;
    const needs = { version: ENTRY_VERSION + 1, software: "9.0.0" };
    writeFileSync(join(folder, backup.head.name), JSON.stringify({ ...head, needs }));
    await expect(restore()).rejects.toThrow("restore it with 9.0.0 or later");
    expect([store.pages, store.bootstrap]).toEqual([0, undefined]);
  });

  it("is refused while the database loads from elsewhere", async () => {
    await store.orderBootstrap({ partition: 0, id: CLUSTER, reason: "an order" });
    const source = { name: "us", snapshot: "other", position: 1, counts: NOTHING_LOADED.loaded };
    await store.enterStage({ stage: "clearing", source });
    await expect(restore()).rejects.toThrow("is being loaded from us");
  });
});
