/** The package has exactly what runs: one that is too large or too small is not released. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contentProblems, isEmptyCode, whatRuns } from "../../../infra/release/contents.ts";
import { pack, type Tarball } from "../../../infra/release/pack.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";

const ROOT = packageRoot();
const JOURNAL = "services/adapters/postgres/migrations/meta/_journal.json";
const TIMEOUT_MS = 120_000;
let folder = "";
let tarball: Tarball;
let needed: ReadonlySet<string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "forebay-pack-"));
  tarball = await pack(ROOT, folder);
  needed = whatRuns(ROOT);
}, TIMEOUT_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const problemsOf = (files: readonly string[]) => contentProblems({ root: ROOT, needed }, files);
const without = (path: RegExp) => tarball.files.filter((file) => !path.test(file));

describe("the package", () => {
  it("has what its programs and its exports need, and nothing else", () => {
    expect(tarball.files.length).toBeGreaterThan(500);
    expect(problemsOf(tarball.files)).toEqual([]);
  });

  it("may be published, by whoever can prove what it was made of", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<string, unknown>;
    expect(manifest).toMatchObject({
      license: "Apache-2.0",
      publishConfig: { access: "public", provenance: true },
    });
    expect(manifest).not.toHaveProperty("private");
  });
});

describe("a planted mistake is found", () => {
  it("a file of tests", () => {
    const planted = "dist/test/simulation/main.js";
    expect(problemsOf([...tarball.files, planted])).toEqual([`${planted} is there, and nothing needs it`]);
  });

  it("declarations, maps and code that nothing leads to", () => {
    const planted = [
      "dist/infra/build/main.js",
      "dist/services/core/entry.d.ts",
      "dist/services/core/entry.js.map",
    ];
    expect(problemsOf([...tarball.files, ...planted])).toHaveLength(planted.length);
  });

  it("a migration that is missing", () => {
    expect(problemsOf(without(/0003_\w+\.sql$/))).toEqual([
      expect.stringMatching(/0003_\w+\.sql is missing$/),
    ]);
  });

  it("code, declarations, licence and changes that are missing", () => {
    for (const path of [
      "dist/services/region/region.js",
      "dist/services/client/index.d.ts",
      "dist/infra/load/worker.js",
      "LICENSE",
      "infra/release/CHANGELOG.md",
    ])
      expect(problemsOf(without(new RegExp(`^${path}$`)))).toEqual([`${path} is missing`]);
  });

  it("a file that package.json lets in", async () => {
    const tree = join(folder, "tree");
    for (const path of [...tarball.files, JOURNAL]) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      cpSync(join(ROOT, path), join(tree, path));
    }
    mkdirSync(join(tree, "test"));
    writeFileSync(join(tree, "test/planted.test.js"), "");
    writeFileSync(join(tree, "dist/services/runtime/left-over.js"), "export const old = true;\n");
    const { files } = await pack(tree, folder);
    expect(problemsOf(files.filter((path) => !path.includes("left-over")))).toEqual([]);
    expect(contentProblems({ root: tree, needed }, files)).toEqual([
      "dist/services/runtime/left-over.js is there, and nothing needs it",
    ]);
  });
});

describe("a module of types", () => {
  it("is told from code", () => {
    expect(isEmptyCode("/** Types. */\nexport {};\n//# sourceMappingURL=a.js.map")).toBe(true);
    expect(isEmptyCode("/** Code. */\nexport const a = 1;\n")).toBe(false);
  });
});
