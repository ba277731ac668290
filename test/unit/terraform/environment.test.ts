/** What Terraform tells region processes is what they read: every name is known, and everything that they need is there. */
import { describe, expect, it } from "vitest";
import { KNOWN_VARIABLES } from "../../../services/runtime/config/sources.ts";
import { namesTold, problemsOf } from "../../terraform/process-environment.ts";
import { parseModules, readTexts, withChange } from "../../terraform/tree.ts";

const texts = readTexts();
const OUTPUTS = "modules/process-environment/outputs.tf";

const REQUIRED_ALONE = ["FOREBAY_REGION", "FOREBAY_TOPOLOGY", "FOREBAY_HTTP_PORT", "FOREBAY_SESSION_SECRET"];

function unknownNames(told: readonly string[], read: ReadonlySet<string>): readonly string[] {
  return told.filter((name) => !read.has(name));
}

/** What the configuration asks for when it is given nothing. */
function requiredNames(): readonly string[] {
  return problemsOf({}).flatMap((problem) => /^(FOREBAY_\w+) is not set/.exec(problem)?.[1] ?? []);
}

describe("the environment of region processes", () => {
  it("has no name that the schema does not have", async () => {
    const told = namesTold(await parseModules(texts));
    expect(told.length).toBeGreaterThan(10);
    expect(unknownNames(told, KNOWN_VARIABLES)).toEqual([]);
  });

  it("has every name that a process can't do without", async () => {
    const told = namesTold(await parseModules(texts));
    expect(requiredNames()).toEqual(expect.arrayContaining(REQUIRED_ALONE));
    expect(requiredNames().filter((name) => !told.includes(name))).toEqual([]);
  });
});

describe("a planted mistake is found", () => {
  it("a misspelt name", async () => {
    const changed = withChange(texts, { path: OUTPUTS, from: "FOREBAY_HTTP_HOST", to: "FOREBAY_HTTP_HOTS" });
    const told = namesTold(await parseModules(changed));
    expect(unknownNames(told, KNOWN_VARIABLES)).toEqual(["FOREBAY_HTTP_HOTS"]);
  });

  it("a name that is left out", async () => {
    const changed = withChange(texts, { path: OUTPUTS, from: /\n +FOREBAY_REGION .*/, to: "" });
    const told = namesTold(await parseModules(changed));
    expect(requiredNames().filter((name) => !told.includes(name))).toEqual(["FOREBAY_REGION"]);
  });
});
