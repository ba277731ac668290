/** Nothing that shows a configuration shows a secret: the line of the log, `config show`, and errors. */
import { describe, expect, it, vi } from "vitest";
import { dumpOf, inspectConfig } from "../../../services/runtime/config/inspect.ts";
import { isTakenFromFile, optional, type Option } from "../../../services/runtime/config/option.ts";
import { text } from "../../../services/runtime/config/plain-kinds.ts";
import { ALL_OPTIONS } from "../../../services/runtime/config/schema.ts";
import { createLogger } from "../../../services/runtime/logger.ts";
import { createProgram } from "../../../services/cli/program.ts";
import { completeEnvironment, folderOfTests, TOPOLOGY } from "./config-bed.ts";

const folder = folderOfTests();
const complete = completeEnvironment(folder.write("topology.yaml", TOPOLOGY));
const SECRET = "hunter2hunter2hunter2hunter2hunter2";

/** Texts that have the secret in them, some right and some wrong. */
const PLANTED = [
  SECRET,
  `  ${SECRET}`,
  ...["postgres", "nats", "tls", "http", "https", "mysql"].flatMap((scheme) => [
    `${scheme}://user:${SECRET}@127.0.0.1:1/x`,
    `${scheme}://${SECRET}@127.0.0.1:1/x`,
    `${scheme}://127.0.0.1:1/x?sslpassword=${SECRET}&api_key=${SECRET}&sslmode=require`,
    `${scheme}://127.0.0.1:1/x#${SECRET}`,
    `${scheme}://user:${SECRET}@[::`,
    // Nearly addresses: what is secret in them stands where nothing secret should.
    `${scheme}:user:${SECRET}@h/db`,
    `${scheme}:/user:${SECRET}@h/db`,
    `${scheme}:eu.1:${SECRET}@h:4222`,
    `${scheme}:///user:${SECRET}@h/db`,
    `${scheme}://user:12/${SECRET}@h/db`,
    `${scheme}://user:1?${SECRET}@h/db`,
    `${scheme}://h/v1/traces?${SECRET}`,
    `${scheme}://h1:4222/,${scheme}://u:${SECRET}@h2:4222`,
    `${scheme}://h/db?sslmode=require;password=${SECRET}`,
  ]),
  `postgres://h/db?sslmode=require&sslmode=${SECRET}`,
  `eu.1:${SECRET}`,
  `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`,
  `{ "keys": [{ "kty": "oct", "k": "${SECRET}" }] }`,
];

/** What of an option shows the secret. */
function leaksOf(option: Option<unknown>): readonly string[] {
  return PLANTED.filter((planted) => JSON.stringify(option.read(planted), shownAlone).includes("hunter2"));
}

/** The value itself is for the process, and is shown nowhere. */
function shownAlone(key: string, value: unknown): unknown {
  return key === "value" ? undefined : value;
}

async function shownBy(environmentPath: string): Promise<string> {
  const texts: string[] = [];
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => texts.push(String(chunk)) > 0);
  try {
    const words = ["node", "forebay", "config", "show", "--env-file", environmentPath];
    await createProgram("1.0.0").parseAsync(words);
  } catch (error) {
    texts.push((error as Error).message);
  } finally {
    spy.mockRestore();
  }
  return texts.join("");
}

const secretOptions = ALL_OPTIONS.filter(isTakenFromFile);

describe("a secret", () => {
  it("is every option that sounds like one", () => {
    const sounding = ALL_OPTIONS.filter(({ variable }) =>
      /SECRET|PASSWORD|_KEY$|SHA256|_URL$/.test(variable),
    );
    expect(sounding.length).toBeGreaterThan(8);
    expect(sounding.filter((option) => !isTakenFromFile(option))).toEqual([]);
  });

  it.each(secretOptions.map((option) => [option.variable, option] as const))(
    "in %s is shown by nothing",
    async (variable, option) => {
      expect(leaksOf(option)).toEqual([]);
      for (const [index, planted] of PLANTED.entries()) {
        const ways = [
          inspectConfig({ ...complete, [variable]: planted }),
          inspectConfig({
            ...complete,
            [variable]: undefined,
            [`${variable}_FILE`]: folder.write("value", planted),
          }),
        ];
        for (const inspection of ways) {
          const lines: string[] = [];
          const logger = createLogger({ level: "info", fields: {}, write: (line) => lines.push(line) });
          logger.info({ config: dumpOf(inspection), problems: inspection.problems }, "start");
          const told = [dumpOf(inspection), inspection.problems, inspection.unknown];
          expect(JSON.stringify(told), `${index}`).not.toContain("hunter2");
          expect(lines.join(), `${index}`).not.toContain("hunter2");
        }
      }
      const lines = Object.entries({ ...complete, [variable]: `nats://u:${SECRET}@127.0.0.1:1/x` });
      const path = folder.write(".env", lines.map(([name, value]) => `${name}=${value}`).join("\n"));
      const shown = await shownBy(path);
      expect(shown).toContain("FOREBAY_REGION");
      expect(shown).not.toContain("hunter2");
    },
  );

  it.each(["TRACE_EXPORT_URL", "JWT_KEYS_URL", "NATS_MONITOR_URL", "CHAOS_URL"])(
    "in FOREBAY_%s is refused, since fetch would refuse and quote it",
    (name) => {
      const variable = `FOREBAY_${name}`;
      for (const authority of [`user:${SECRET}@127.0.0.1`, `${SECRET}@127.0.0.1`]) {
        const { problems } = inspectConfig({ ...complete, [variable]: `http://${authority}/x` });
        const told = problems.filter((problem) => problem.startsWith(`${variable} `));
        expect(told.join()).toMatch(/must be an address .* has no user and no password$/);
      }
    },
  );

  it("in place of the path of its file is not shown", () => {
    const paths = ALL_OPTIONS.filter(({ kind }) => /^the path of a (file|JSON)/.test(kind.expectation));
    expect(paths.map(({ key }) => key)).toEqual(
      expect.arrayContaining(["nats.credentials_file", "nats.key_file", "jwt.keys_file"]),
    );
    expect(paths.filter((option) => leaksOf(option).length > 0)).toEqual([]);
  });

  it("under a name that nobody knows is not shown", () => {
    const { unknown } = inspectConfig({ ...complete, FOREBAY_SESSION_SECRETS: SECRET });
    expect(unknown).toEqual([
      "FOREBAY_SESSION_SECRETS is no option of this version; did you mean FOREBAY_SESSION_SECRET?",
    ]);
  });

  it("of a planted option that is read as any text is found", () => {
    const planted = optional({
      variable: "FOREBAY_PLANTED_SECRET",
      key: "planted.secret",
      kind: text("a secret"),
      summary: "Planted.",
    });
    expect(leaksOf(planted).length).toBe(PLANTED.length);
  });
});
