/** `forebay config check --env-file`: variables are what a container that gets the same file has. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseEnvironmentFile } from "../../../services/cli/environment-file.ts";
import { CommandError, UsageError } from "../../../services/cli/errors.ts";
import { createProgram } from "../../../services/cli/program.ts";
import { completeEnvironment, folderOfTests, TOPOLOGY } from "../runtime/config-bed.ts";

const folder = folderOfTests();
const complete = completeEnvironment(folder.write("topology.yaml", TOPOLOGY));

let printed = "";

beforeEach(() => {
  printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text.toString();
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

async function check(path: string): Promise<string> {
  await createProgram("test").parseAsync(["config", "check", "--env-file", path], { from: "user" });
  return printed;
}

function fileOf(changes: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...complete, ...changes }).map(([name, value]) => `${name}=${value}`);
  return folder.write("region.env", lines.join("\n"));
}

describe("a file of variables", () => {
  it("is right where all in it is", async () => {
    expect(await check(fileOf({}))).toBe("the configuration is right: 7 options are set\n");
  });

  it("with quotes around a value is refused: containers take them as part of it", async () => {
    const refused = check(fileOf({ FOREBAY_SESSION_SECRET: `"${"s".repeat(30)}"` }));
    await expect(refused).rejects.toThrow(CommandError);
    await expect(refused).rejects.toThrow(/FOREBAY_SESSION_SECRET in line \d+ of \S+ has quotes around/);
    await expect(refused).rejects.not.toThrow(/sss/);
  });

  it("has values with a # in them, and no comments after them", async () => {
    await expect(check(fileOf({ FOREBAY_HTTP_PORT: "7101 # of eu" }))).rejects.toThrow(
      'FOREBAY_HTTP_PORT is "7101 # of eu"',
    );
  });

  it("that can't be read is told of", async () => {
    await expect(check("/nowhere.env")).rejects.toThrow(UsageError);
  });

  it("is read a line at a time, after its first = literally", () => {
    const text = '\uFEFFA=1\r\n# B=2\n\n  C=a=b # c\nD=\nPATH\nJSON={"a":"b"}\nQUOTED="of others"\n';
    expect(parseEnvironmentFile("x", text, { PATH: "/bin" })).toEqual({
      environment: {
        A: "1",
        C: "a=b # c",
        D: "",
        PATH: "/bin",
        JSON: '{"a":"b"}',
        QUOTED: '"of others"',
      },
      problems: [],
    });
  });

  it.each(["export FOREBAY_REGION=eu", "FOREBAY_REGION =eu", "=eu", "hunter2/+ +hunter2=="])(
    "with a line like %s is refused, and shows nothing of it",
    (line) => {
      const { problems } = parseEnvironmentFile("x", `A=1\n${line}\n`, {});
      expect(problems).toEqual([
        "line 2 of x must be NAME=value, without anything before the name or between it and the =",
      ]);
    },
  );
});
