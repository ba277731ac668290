/** Every Terraform file is formatted as `terraform fmt` does it; checked also where there is no Terraform. */
import { describe, expect, it } from "vitest";
import { findFormatProblems } from "../../terraform/format.ts";
import { readTexts } from "../../terraform/tree.ts";

const files = [...readTexts()].filter(([path]) => /\.(tf|hcl)$/.test(path));

describe("Terraform files", () => {
  it("are formatted", () => {
    expect(files.length).toBeGreaterThan(80);
    expect(
      files.flatMap(([path, text]) => findFormatProblems(text).map((problem) => `${path}:${problem}`)),
    ).toEqual([]);
  });
});

describe("what is found", () => {
  const GOOD =
    'resource "a" "b" {\n  one   = 1\n  three = [for x in y : x]\n\n  inner {\n    a = <<-T\n  text\n      T\n  }\n}\n';

  it("nothing in what is right", () => {
    expect(findFormatProblems(GOOD)).toEqual([]);
  });

  it.each([
    ["an indent of three", GOOD.replace("  one", "   one"), "2: is indented by 3, not by 2"],
    ["equals signs out of line", GOOD.replace("one   =", "one ="), "2: = is at 6, not at 8"],
    ["space at the end", GOOD.replace("= 1", "= 1 "), "2: white space"],
    ["a tab", GOOD.replace("  one", "\tone"), "2: white space"],
    ["no line end at the end", GOOD.trimEnd(), "the file does not end with one line end"],
  ])("%s", (_, text, problem) => {
    expect(findFormatProblems(text)).toContain(problem);
  });
});
