import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pruneBuild } from "../../../infra/build/prune.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "forebay-prune-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "");
  }
}

describe("a build", () => {
  it("loses what is left of modules that are gone, and nothing else", () => {
    const kept = [
      "dist/services/a/kept.js",
      "dist/services/a/kept.d.ts",
      "dist/services/a/kept.js.map",
      "dist/infra/view.js",
      "dist/console/assets/page.js",
      "dist/services/a/notes.json",
    ];
    write("services/a/kept.ts", "infra/view.tsx", ...kept);
    const gone = ["services/a/gone.d.ts", "services/a/gone.js", "services/a/gone.js.map"];
    write(...gone.map((path) => `dist/${path}`));
    expect([...pruneBuild(root)].sort()).toEqual(gone);
    for (const path of kept) expect(existsSync(join(root, path)), path).toBe(true);
    expect(pruneBuild(root)).toEqual([]);
  });
});
