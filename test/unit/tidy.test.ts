/** Style that matters, as a test. Each rule is also tried on a planted piece of text, so that none can be blind. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../services/runtime/package-root.ts";

const ROOT = packageRoot();
const FOLDERS = ["services", "infra", "test"];
const LINES_MAX = 400;
const CLIMB_MAX = 3;

interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** What is wrong with a file, by line; empty when nothing is. */
type Rule = (file: SourceFile) => string[];

function sourceFiles(): SourceFile[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }),
  )
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      path: path.slice(ROOT.length + 1).replaceAll("\\", "/"),
      text: readFileSync(path, "utf8"),
    }));
}

/** Comments say what code must not do; they may. Line ends are kept, so that lines can be counted. */
function withoutComments(text: string): string {
  return text
    .replaceAll(/\/\*[^]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ""))
    .replaceAll(/^\s*\/\/.*$/gm, "");
}

function linesWith(pattern: RegExp, text: string): string[] {
  return text
    .split("\n")
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => pattern.test(line))
    .map(({ line, number }) => `${number}: ${line}`);
}

const isIn = (path: string, ...folders: readonly string[]): boolean =>
  folders.some((folder) => path === folder || path.startsWith(`${folder}/`));

/** Roles decide and wait on ports alone; only so do they run under a simulated clock. */
const PURE = [
  "core",
  "protocol",
  "relay",
  "applier",
  "gateway",
  "placement",
  "reconciler",
  "bootstrap",
  "console",
].map((name) => `services/${name}`);
/** The page runs in a browser: its clock is the browser's. */
const TIMED = ["services/gateway/http", "services/console/page"];
const CLOCKS =
  /\bDate\.now\b|\bnew Date\(|\bMath\.random\b|\bset(Timeout|Interval|Immediate)\b|\bperformance\.now\b|\bnode:timers/;

const clocks: Rule = ({ path, text }) =>
  isIn(path, ...PURE) && !isIn(path, ...TIMED) ? linesWith(CLOCKS, withoutComments(text)) : [];

/** Who may look at the environment, and why. */
const ENVIRONMENT_READERS = [
  "services/runtime/config.ts",
  "services/adapters/system",
  // Hands the environment to config.ts.
  "services/region/run.ts",
  // Commands for a person at a terminal: where the server lives, and what a child process inherits.
  "services/cli/commands/up.ts",
  // Checks the environment that a region process would be started in.
  "services/cli/commands/config.ts",
  "services/cli/common-options.ts",
  "infra",
];
/** Random tests take their seed back from the environment. */
const SEED = /process\.env\["FOREBAY_SEED"\]/;

/** Beds of real servers pass their own environment on to the processes that they start. */
const BEDS = ["test/integration", "test/chaos", "test/bench"];

const environment: Rule = ({ path, text }) => {
  if (isIn(path, ...ENVIRONMENT_READERS, ...BEDS)) return [];
  const found = linesWith(/\bprocess\.env\b/, withoutComments(text));
  return isIn(path, "test") ? found.filter((line) => !SEED.test(line)) : found;
};

const printing: Rule = ({ path, text }) =>
  isIn(path, "services/cli", "infra", "test") ? [] : linesWith(/\bconsole\.\w+\(/, withoutComments(text));

/** Tools load their configuration by its default export; declarations say what others' modules export. */
const CONFIGURATIONS = /\.config\.ts$|\.d\.ts$|^test\/reporters\//;

const defaultExports: Rule = ({ path, text }) =>
  CONFIGURATIONS.test(path) ? [] : linesWith(/^export default\b|\bas default\b/, withoutComments(text));

/** This file plants what it looks for. */
const SELF = "test/unit/tidy.test.ts";

const leftovers: Rule = ({ text }) => linesWith(/\b(TODO|FIXME|HACK|XXX)\b/, text);

const sleepingTests: Rule = ({ path, text }) =>
  isIn(path, "test")
    ? linesWith(
        /\b(it|test|describe)\.(only|skip|todo|fails)\(|\b(it|test|describe)\.(skipIf|runIf)\(/,
        withoutComments(text),
      )
    : [];

const opening: Rule = ({ path, text }) => {
  if (text.startsWith("/**") || text.startsWith("#!")) return [];
  return isIn(path, "test") && text.startsWith("import ") ? [] : [`1: ${text.split("\n")[0]}`];
};

/** Tests that mirror a folder of folders lie one deeper than all others. */
const DEEP_TESTS = ["test/unit/adapters", "test/unit/core"];

const climbing: Rule = ({ path, text }) => {
  const climbs = CLIMB_MAX + (isIn(path, ...DEEP_TESTS) ? 1 : 0) + 1;
  return linesWith(new RegExp(`(from|import\\()\\s*["'](\\.\\./){${climbs},}`), withoutComments(text));
};

const length: Rule = ({ path, text }) => {
  const { length: lines } = text.trimEnd().split("\n");
  return isIn(path, "services", "infra") && lines > LINES_MAX ? [`${lines} lines`] : [];
};

/** Test files that a document names, in backticks or as links. */
function testPathsIn(document: string): string[] {
  return [...document.matchAll(/\btest\/[\w./-]+\.ts\b/g)].map(([path]) => path);
}

const TICK = "`";

/** Name, rule, planted files that must be found, and files that must not. */
const RULES: readonly {
  readonly name: string;
  readonly rule: Rule;
  readonly bad: readonly (readonly [string, string])[];
  readonly good: readonly (readonly [string, string])[];
}[] = [
  {
    name: "roles, core and protocol have no clock, no timers and no randomness of their own",
    rule: clocks,
    bad: [
      ["services/core/a.ts", "const now = Date.now();"],
      ["services/relay/a.ts", "const now = new Date(0);"],
      ["services/applier/a.ts", "const chance = Math.random();"],
      ["services/gateway/a.ts", "setTimeout(go, 1);"],
      ["services/gateway/a.ts", "const timer = setInterval(go, 1);"],
      ["services/protocol/a.ts", "const now = performance.now();"],
      ["services/relay/a.ts", 'import { setTimeout as sleep } from "node:timers/promises";'],
    ],
    good: [
      ["services/core/a.ts", "/** Never Date.now(). */\n// nor Math.random()\nconst a = 1;"],
      ["services/gateway/http/server.ts", "setTimeout(go, 1);"],
      ["services/adapters/system/clock.ts", "return Date.now();"],
      ["services/gateway/a.ts", "clock.nowMs(); random.fraction();"],
    ],
  },
  {
    name: "only config.ts, the system adapter and what is listed above read the environment",
    rule: environment,
    bad: [
      ["services/gateway/a.ts", 'const level = process.env["LEVEL"];'],
      ["services/cli/commands/get.ts", "run(process.env);"],
      ["services/region/region.ts", "run(process.env);"],
      ["test/unit/a.test.ts", "process.env.TZ"],
      ["services/core/a.ts", 'process.env["FOREBAY_SEED"]'],
    ],
    good: [
      ["services/runtime/config.ts", "process.env"],
      ["services/region/run.ts", "readConfig(process.env)"],
      ["services/core/a.ts", "// never process.env\n"],
      ["test/unit/a.test.ts", 'process.env["FOREBAY_SEED"]'],
    ],
  },
  {
    name: "services log; only commands, infra and tests print",
    rule: printing,
    bad: [["services/relay/a.ts", "  console.log(state);"], ["services/region/run.ts", "console.error(1);"]], // prettier-ignore
    good: [["services/cli/a.ts", "console.log(1);"], ["services/relay/a.ts", "logger.info({}, '');"]], // prettier-ignore
  },
  {
    name: "nothing is exported by default",
    rule: defaultExports,
    bad: [["services/core/a.ts", "export default function a() {}"], ["test/a.ts", "export { a as default };"]], // prettier-ignore
    good: [["test/vitest.config.ts", "export default {};"], ["services/core/a.ts", "export const a = 1;"]], // prettier-ignore
  },
  {
    name: "nothing is left for later",
    rule: leftovers,
    bad: ["TODO", "FIXME: slow", "HACK", "XXX"].map((text) => ["infra/a.ts", `// ${text}`] as const),
    good: [["infra/a.ts", "// todos are records; the XXXL size\n"]],
  },
  {
    name: "no test is left out, and none runs alone",
    rule: sleepingTests,
    bad: ["it.only(", "describe.skip(", "test.todo(", "it.fails(", "it.skipIf("].map(
      (call) => ["test/unit/a.test.ts", `  ${call}"x", () => {});`] as const,
    ),
    good: [["test/unit/a.test.ts", 'it("skips what is only half read", () => {});']],
  },
  {
    name: "every file says first what lives in it",
    rule: opening,
    bad: [["services/core/a.ts", 'import { a } from "./b.ts";'], ["test/unit/a.test.ts", "const a = 1;"], ["infra/a.ts", ""]], // prettier-ignore
    good: [["services/core/a.ts", "/** A. */\n"], ["test/unit/a.test.ts", 'import a from "b";'], ["services/cli/main.ts", "#!/usr/bin/env node\n"]], // prettier-ignore
  },
  {
    name: `no import climbs more than ${CLIMB_MAX} folders`,
    rule: climbing,
    bad: [
      ["test/unit/a/b/c.ts", 'import { a } from "../../../../services/a.ts";'],
      ["test/unit/adapters/b/c/d.ts", '} from "../../../../../services/a.ts";'],
    ],
    good: [
      ["test/unit/a/b.ts", 'import { a } from "../../../services/a.ts";'],
      ["test/unit/adapters/b/c.ts", 'import { a } from "../../../../services/a.ts";'],
    ],
  },
  {
    name: `no file of services or infra is longer than ${LINES_MAX} lines`,
    rule: length,
    bad: [["services/core/a.ts", "a\n".repeat(LINES_MAX + 1)]],
    good: [["services/core/a.ts", "a\n".repeat(LINES_MAX)], ["test/unit/a.ts", "a\n".repeat(LINES_MAX + 1)]], // prettier-ignore
  },
];

describe("tidy", () => {
  const all = sourceFiles();
  const files = all.filter(({ path }) => path !== SELF);

  it("looks at all the files there are", () => {
    expect(files.length).toBeGreaterThan(150);
    for (const path of ["services/core/fold/fold.ts", "infra/local/up.ts", SELF])
      expect(all.map((file) => file.path)).toContain(path);
  });

  for (const { name, rule, bad, good } of RULES) {
    it(name, () => {
      const found = files.flatMap((file) => rule(file).map((line) => `${file.path}:${line}`));
      expect(found).toEqual([]);
    });

    it(`${name}: the check can fail`, () => {
      for (const [path, text] of bad)
        expect(`${path} ${text}: ${rule({ path, text }).length}`).toMatch(/: 1$/);
      for (const [path, text] of good)
        expect(`${path} ${text}: ${rule({ path, text }).length}`).toMatch(/: 0$/);
    });
  }

  it("every test that services/README.md names exists", () => {
    const path = join(ROOT, "services/README.md");
    // Until the page is written there is nothing that it could promise.
    const named = existsSync(path) ? testPathsIn(readFileSync(path, "utf8")) : [];
    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
    expect(!existsSync(path) || named.length > 0).toBe(true);
  });

  it("every test that services/README.md names exists: the check can fail", () => {
    const document = `I1 is enforced by ${TICK}test/unit/nowhere.test.ts${TICK} and [a test](../test/unit/tidy.test.ts).`;
    expect(testPathsIn(document)).toEqual(["test/unit/nowhere.test.ts", "test/unit/tidy.test.ts"]);
    expect(testPathsIn(document).filter((name) => !existsSync(join(ROOT, name)))).toEqual([
      "test/unit/nowhere.test.ts",
    ]);
  });
});
