import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dataFolderAt, eraseDataFolder, openDataFolder } from "../../../infra/local/data-folder.ts";
import { DataFolderInUseError, DataFolderMismatchError } from "../../../infra/local/errors.ts";
import { takeLock } from "../../../infra/local/lock.ts";
import { identifyProcess } from "../../../infra/local/process-identity.ts";
import { RunRecords } from "../../../infra/local/run-records.ts";
import { assertSameTopology, newState, readState, writeState } from "../../../infra/local/state.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "forebay-unit-"));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

test("a second lock on the same folder says which process holds it; after release it can be taken", () => {
  const path = join(root, "lock");
  const lock = takeLock(path, root);
  expect(() => takeLock(path, root)).toThrow(DataFolderInUseError);
  expect(() => takeLock(path, root)).toThrow(`process ${process.pid} `);
  lock.release();
  takeLock(path, root).release();
});

test("a lock whose owner is gone, or whose id belongs to another process now, is void", () => {
  const path = join(root, "lock");
  writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, startTime: "1" }));
  takeLock(path, root).release();
  writeFileSync(path, JSON.stringify({ pid: process.pid, startTime: "long ago" }));
  takeLock(path, root).release();
  writeFileSync(path, "half a li");
  takeLock(path, root).release();
});

test("a folder with other things in it is neither opened nor erased", () => {
  writeFileSync(join(root, "thesis.txt"), "mine");
  expect(() => openDataFolder(dataFolderAt(root))).toThrow(DataFolderMismatchError);
  expect(() => eraseDataFolder(dataFolderAt(root))).toThrow(DataFolderMismatchError);
  expect(readFileSync(join(root, "thesis.txt"), "utf8")).toBe("mine");
});

test("erasing leaves everything alone as long as there is one foreign file among forebay's", () => {
  const folder = dataFolderAt(join(root, "data"));
  openDataFolder(folder);
  writeFileSync(folder.state, "{}");
  writeFileSync(join(folder.root, "notes.txt"), "mine");
  expect(() => eraseDataFolder(folder)).toThrow("notes.txt");
  expect(existsSync(folder.state)).toBe(true);
  rmSync(join(folder.root, "notes.txt"));
  eraseDataFolder(folder);
  expect(existsSync(folder.state)).toBe(false);
});

test("state survives, and another topology on the same data is refused", () => {
  const topology = { name: "t", partitions: 1, regions: [{ name: "eu" }], links: [] };
  const ports = { natsPort: 1, natsMonitorPort: 2, natsClusterPort: 3, postgresPort: 4 };
  const state = { ...newState(topology), regions: { eu: ports } };
  const path = join(root, "state.json");
  expect(readState(path)).toBeUndefined();
  writeState(path, state);
  expect(readState(path)).toEqual(state);
  assertSameTopology(state, topology, root);
  expect(() => assertSameTopology(state, { ...topology, partitions: 4 }, root)).toThrow("1 partitions");
  expect(() => assertSameTopology(state, { ...topology, regions: [{ name: "us" }] }, root)).toThrow(
    "regions eu",
  );
  writeFileSync(path, "{");
  expect(() => readState(path)).toThrow(DataFolderMismatchError);
});

test("a recorded process of an earlier run is ended; a process that only has its id is not", async () => {
  const folder = join(root, "run");
  const records = new RunRecords(folder);
  const left = spawn("sleep", ["100"], { stdio: "ignore" });
  const bystander = spawn("sleep", ["101"], { stdio: "ignore" });
  try {
    records.add("left", left.pid ?? 0, "SIGTERM");
    const identity = identifyProcess(bystander.pid ?? 0);
    mkdirSync(folder, { recursive: true });
    const record = { pid: bystander.pid, ...identity, startTime: "another", stopSignal: "SIGTERM" };
    writeFileSync(join(folder, "bystander.json"), JSON.stringify(record));
    expect(await records.endLeftovers()).toEqual(["left"]);
    expect(identifyProcess(left.pid ?? 0)).toBeUndefined();
    expect(identifyProcess(bystander.pid ?? 0)).toEqual(identity);
    expect(await records.endLeftovers()).toEqual([]);
  } finally {
    left.kill("SIGKILL");
    bystander.kill("SIGKILL");
  }
});
