import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheFolderCandidates } from "../../../infra/local/provision/cache-folder.ts";
import { installFolder } from "../../../infra/local/provision/install.ts";
import { provisionNats } from "../../../infra/local/provision/nats.ts";
import { releasePlatform, unpackReleaseArchive } from "../../../infra/local/provision/release-archive.ts";
import { compareVersions, findVersion } from "../../../infra/local/provision/version.ts";
import { firstClosedFolder, serverUser } from "../../../infra/local/server-user.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "forebay-unit-"));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

test("versions are numbers, not texts", () => {
  expect(findVersion("nats-server: v2.15.1")).toEqual([2, 15, 1]);
  expect(findVersion("2.36")).toEqual([2, 36, 0]);
  expect(findVersion("none")).toBeUndefined();
  expect(compareVersions([2, 9, 0], [2, 11, 0])).toBeLessThan(0);
});

test("an archive with another sum is refused and nothing is unpacked", async () => {
  const fetchArchive = async (): Promise<Buffer> => Buffer.from("not the archive");
  await expect(unpackReleaseArchive(root, { platform: "linux-amd64", fetchArchive })).rejects.toThrow(
    "SHA-256",
  );
  expect(existsSync(join(root, "nats-server"))).toBe(false);
  await expect(unpackReleaseArchive(root, { platform: "plan9-mips", fetchArchive })).rejects.toThrow(
    "no archive",
  );
});

test("a nats-server on PATH is taken if it is new enough, and one that is too old is passed over", async () => {
  const [old, current] = [join(root, "old"), join(root, "current")];
  for (const [folder, version] of [
    [old, "2.9.10"],
    [current, "2.12.3"],
  ] as const) {
    mkdirSync(folder);
    writeFileSync(join(folder, "nats-server"), `#!/bin/sh\necho nats-server: v${version}\n`, { mode: 0o755 });
  }
  const environment = { PATH: `${old}:${current}`, FOREBAY_CACHE: join(root, "cache") };
  expect(await provisionNats({ environment })).toEqual({
    path: join(current, "nats-server"),
    version: "2.12.3",
    source: "PATH",
  });
});

test("two installations at the same time leave one whole folder and no scrap", async () => {
  const store = join(root, "store");
  const install = (): Promise<string> =>
    installFolder({
      store,
      fill: async (folder) => {
        writeFileSync(join(folder, "program"), "whole");
        return "1.0";
      },
      isComplete: (folder) => existsSync(join(folder, "program")),
    });
  const folders = await Promise.all([install(), install(), install()]);
  expect(new Set(folders)).toEqual(new Set([join(store, "1.0")]));
  expect(existsSync(join(store, "1.0", "program"))).toBe(true);
});

test("the cache is where the user says, else where the system says", () => {
  expect(cacheFolderCandidates({ FOREBAY_CACHE: "/c" })).toEqual(["/c"]);
  expect(cacheFolderCandidates({ XDG_CACHE_HOME: "/x" })[0]).toBe("/x/forebay");
  expect(cacheFolderCandidates({ HOME: "/h" })[0]).toBe("/h/.cache/forebay");
});

test("platforms are named as release archives name them", () => {
  expect(releasePlatform("linux", "x64")).toBe("linux-amd64");
  expect(releasePlatform("darwin", "arm64")).toBe("darwin-arm64");
});

test("only root runs PostgreSQL as somebody else, and that is postgres before nobody", () => {
  const accounts =
    "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\npostgres:x:101:104::/:/bin/sh\n";
  expect(serverUser(1000, accounts)).toBeUndefined();
  expect(serverUser(0, accounts)).toEqual({ name: "postgres", uid: 101, gid: 104 });
  expect(serverUser(0, accounts.replace("postgres", "other"))).toEqual({
    name: "nobody",
    uid: 65534,
    gid: 65534,
  });
});

test("a closed folder on the way is found, the user's own is open", () => {
  const closed = join(root, "closed");
  mkdirSync(closed, { mode: 0o700 });
  mkdirSync(join(closed, "inner"), { mode: 0o755 });
  const own = { name: "own", uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const other = { name: "other", uid: 54_321, gid: 54_321 };
  expect(firstClosedFolder(join(closed, "inner"), own)).toBeUndefined();
  expect([root, closed]).toContain(firstClosedFolder(join(closed, "inner"), other));
});
