/** What the README has people run is there, seen from the folder that it names, and so are the sections that others name. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTexts, TERRAFORM } from "../../terraform/tree.ts";

const text = readFileSync(join(TERRAFORM, "README.md"), "utf8");
const FOLDER = join(TERRAFORM, "environments/aws-three-regions");

describe("the README", () => {
  it("has paths that lead somewhere from the folder that it names", () => {
    expect(text).toContain("in `terraform/environments/aws-three-regions`, as in all that follows");
    const scripts = [...text.matchAll(/`([\w./-]*\/[\w-]+\.sh)\b/g)].map(([, path]) => path!);
    const topologies = [...text.matchAll(/--topology (\S+)/g)].map(([, path]) => path!);
    expect([scripts.length, topologies.length]).toEqual([3, 1]);
    for (const path of [...scripts, ...topologies]) expect(existsSync(join(FOLDER, path)), path).toBe(true);
  });

  it("has the sections that others send people to", () => {
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    const named = [...readTexts().values()].flatMap((file) =>
      [...file.matchAll(/see \\"([^"]+)\\" in terraform\/README\.md/g)].map(([, heading]) => heading),
    );
    expect(named.length).toBeGreaterThan(3);
    for (const heading of named) expect(headings).toContain(heading);
  });
});
