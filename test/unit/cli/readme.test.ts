/** The README's list of commands is whole, and names nothing else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../../services/cli/program.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";

const README = readFileSync(join(packageRoot(), "README.md"), "utf8");

/** What stands in backticks in the row of the command. */
function namedBeside(command: string): string[] {
  const row = README.split("\n").find((line) => line.startsWith(`| \`${command}`));
  return [...row!.split("|")[2]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

describe("the README", () => {
  it("lists every command", () => {
    const named = [...namedBeside("npm run --silent forebay"), ...namedBeside("npm start")];
    const commands = createProgram("0").commands.map((command) => command.name());
    expect(named.map((name) => name.replace(/^forebay /, "").split(" ")[0]!).toSorted()).toEqual(
      commands.toSorted(),
    );
  });

  it("lists every benchmark that is run by its name", () => {
    const source = readFileSync(join(packageRoot(), "test/bench/main.ts"), "utf8");
    const [, table] = /const BENCHES[^=]*= \{([^}]*)\}/.exec(source)!;
    const benches = [...table!.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name!);
    const [, byDefault] = /const BY_DEFAULT = \[([^\]]*)\]/.exec(source)!;
    const expected = benches.filter((name) => !byDefault!.includes(`"${name}"`));
    expect(namedBeside("npm run bench").toSorted()).toEqual(expected.toSorted());
  });
});
