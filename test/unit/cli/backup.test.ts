/** `forebay backup`, against the real HTTP server: what it writes can be read again, and what is damaged is found. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProgram } from "../../../services/cli/program.ts";
import { CommandError } from "../../../services/cli/errors.ts";
import { decodeManifest } from "../../../services/protocol/backup-format.ts";
import type { StubBackups } from "../gateway-http/stub-backups.ts";
import { CLUSTER } from "../gateway-http/stub-backups.ts";
import { cliBed } from "./bed.ts";

let backups: StubBackups;
let parent: string;
const bed = cliBed((rig) => {
  rig.gateway.resetBackups();
  backups = rig.gateway.stubBackups;
});

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "forebay-backup-"));
  backups.lines.records.push(...Array.from({ length: 7 }, (_, index) => `["r${index}"]`));
  backups.lines.operations.push('["o"]');
});

afterEach(() => {
  process.exitCode = undefined;
  rmSync(parent, { recursive: true, force: true });
});

const folder = () => join(parent, "backup");
const take = () => bed.run("backup", folder());
const rowsOf = (name: string) => gunzipSync(readFileSync(join(folder(), name))).toString();

describe("backup", () => {
  it("writes all parts of all partitions, and says what it has written", async () => {
    const text = await take();
    expect(text).toContain(`written to ${folder()}\n`);
    const manifest = decodeManifest(readFileSync(join(folder(), "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ cluster: CLUSTER, region: "eu" });
    expect(manifest.partitions.map(({ partition, position }) => [partition, position])).toEqual([[0, 7]]);
    expect(manifest.partitions[0]!.parts.map(({ part, rows }) => [part, rows])).toEqual([
      ["records", 7],
      ["operations", 1],
      ["conflicts", 0],
    ]);
    expect(rowsOf("partition-0.records.ndjson.gz")).toBe(
      backups.lines.records.map((line) => `${line}\n`).join(""),
    );
    expect(rowsOf("partition-0.operations.ndjson.gz")).toBe('["o"]\n');
    expect(rowsOf("partition-0.conflicts.ndjson.gz")).toBe("");
    const head = JSON.parse(readFileSync(join(folder(), "partition-0.head.json"), "utf8")) as object;
    expect(head).toMatchObject({ state: { partition: 0, position: 7 } });
    expect([backups.opened, backups.closed]).toEqual([1, 1]);
  });

  it("leaves a folder that is there alone", async () => {
    await take();
    await expect(take()).rejects.toThrow(/is there already/);
    expect(readdirSync(parent)).toEqual(["backup"]);
  });

  it("asks again for a page that the region does not have for the moment", async () => {
    backups.refusals = 2;
    await take();
    expect(rowsOf("partition-0.records.ndjson.gz").split("\n")).toHaveLength(8);
    expect([backups.refusals, backups.opened, backups.closed]).toEqual([0, 1, 1]);
  });

  it("leaves nothing behind where the region fails", async () => {
    backups.isGone = true;
    await expect(take()).rejects.toThrow(CommandError);
    expect(readdirSync(parent)).toEqual([]);
    expect([backups.opened, backups.closed]).toEqual([1, 1]);
  });

  it("is no backup where rows are missing", async () => {
    backups.lose = 1;
    await expect(take()).rejects.toThrow("partition 0 has 7 records, and 6 were read");
    expect(existsSync(folder())).toBe(false);
  });
});

describe("backup check", () => {
  const check = async (path = folder()) => {
    await createProgram("0").parseAsync(["node", "forebay", "backup", "check", path]);
    return bed.printed;
  };

  beforeEach(async () => void (await take()));

  it("finds a whole one whole", async () => {
    expect(await check()).toContain(`cluster ${CLUSTER}, as region eu had it\n`);
    expect(process.exitCode).toBeUndefined();
  });

  it.each([
    ["longer", (path: string) => appendFileSync(path, "x"), "bytes, and should have"],
    ["changed", flipLast, "has changed: its SHA-256 is another one"],
    ["gone", (path: string) => rmSync(path), "can't be read: ENOENT"],
  ])("finds a file that is %s", async (_, damage, problem) => {
    damage(join(folder(), "partition-0.records.ndjson.gz"));
    const text = await check();
    expect(text).toContain("partition-0.records.ndjson.gz");
    expect(text).toContain(problem);
    expect(process.exitCode).toBe(1);
  });

  it("says what a folder lacks to be a backup", async () => {
    await expect(check(parent)).rejects.toThrow("is no backup: there is no manifest.json");
    const path = join(folder(), "manifest.json");
    writeFileSync(path, readFileSync(path, "utf8").replace("forebay-backup/1", "forebay-backup/2"));
    await expect(check()).rejects.toThrow(/is no backup that this version reads: .*format/);
  });
});

function flipLast(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = bytes.at(-1)! ^ 1;
  writeFileSync(path, bytes);
}
