/** A program in one file is used exactly as long as it is what its modules are. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildBundle } from "../../../infra/build/bundle.ts";
import { bundlePaths, freshBundle } from "../../../services/runtime/bundle.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";

const ENTRY = "dist/program/main.js";
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "forebay-bundle-"));
  mkdirSync(join(root, "dist", "program"), { recursive: true });
  symlinkSync(join(packageRoot(), "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "package.json"), '{"name":"program","type":"module"}');
  write("main.js", 'import { word } from "./part.js";\nexport const told = `${word}, world`;\n');
  write("part.js", 'import { MARK } from "./marks.js";\nexport const word = `hello${MARK}`;\n');
  write("marks.js", 'export const MARK = "";\n');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("a bundle", () => {
  it("does what the modules do, and is made once", async () => {
    expect(freshBundle("program", root)).toBeUndefined();
    const { path, isNew } = await buildBundle("program", ENTRY, root);
    expect(isNew).toBe(true);
    expect(await import(pathToFileURL(path).href)).toMatchObject({ told: "hello, world" });
    expect(freshBundle("program", root)).toBe(path);
    expect((await buildBundle("program", ENTRY, root)).isNew).toBe(false);
  });

  it.each([
    ["a module is newer", () => touch("part.js")],
    ["a module of constants is newer, whose values stand in others", () => touch("marks.js")],
    ["a module is gone", () => rmSync(join(root, "dist/program/part.js"))],
    ["a package has another version", () => changeManifest({ packages: { typebox: "0.0.1" } })],
    ["a package is gone", () => changeManifest({ packages: { "no-such-package": "1.0.0" } })],
    ["what it was made of is not known", () => rmSync(bundlePaths("program", root).manifest)],
    ["that can't be read", () => writeFileSync(bundlePaths("program", root).manifest, '{"modules"')],
  ])("is not used once %s", async (_, change) => {
    await buildBundle("program", ENTRY, root);
    change();
    expect(freshBundle("program", root)).toBeUndefined();
  });

  it("is made again once a module has changed", async () => {
    await buildBundle("program", ENTRY, root);
    write("part.js", 'export const word = "good bye";\n');
    touch("part.js");
    const { path, isNew } = await buildBundle("program", ENTRY, root);
    expect(isNew).toBe(true);
    expect(await import(`${pathToFileURL(path).href}?again`)).toMatchObject({ told: "good bye, world" });
  });
});

function write(name: string, text: string): void {
  const path = join(root, "dist", "program", name);
  writeFileSync(path, text);
  // As a compiler leaves it: before the bundle is made.
  const before = new Date(Date.now() - 60_000);
  utimesSync(path, before, before);
}

function touch(name: string): void {
  const later = new Date(Date.now() + 1);
  utimesSync(join(root, "dist", "program", name), later, later);
}

function changeManifest(change: object): void {
  const { bundle, manifest } = bundlePaths("program", root);
  const now = new Date();
  writeFileSync(manifest, JSON.stringify({ modules: [], packages: {}, ...change }));
  utimesSync(bundle, now, now);
}
