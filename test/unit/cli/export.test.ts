import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cliBed } from "./bed.ts";

const bed = cliBed(() => undefined);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "forebay-export-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("an export", () => {
  it.each(["there.csv", "there.csv.gz"])("leaves a file alone that is there: %s", async (name) => {
    const path = join(folder, name);
    writeFileSync(path, "mine");
    await expect(bed.run("export", "users", "--to", path)).rejects.toThrow(`${path} is there already`);
    expect(readFileSync(path, "utf8")).toBe("mine");
  });
});
