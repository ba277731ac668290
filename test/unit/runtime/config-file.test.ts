/** A configuration in a file, beside an environment that wins over it. */
import { describe, expect, it } from "vitest";
import { inspectConfig } from "../../../services/runtime/config/inspect.ts";
import { ALL_OPTIONS } from "../../../services/runtime/config/schema.ts";
import { InvalidConfigError, readConfig } from "../../../services/runtime/config.ts";
import { completeEnvironment, folderOfTests, TOPOLOGY } from "./config-bed.ts";

const folder = folderOfTests();
const topology = folder.write("topology.yaml", TOPOLOGY);
const complete = completeEnvironment(topology);

const FILE = `
region: us
topology: ${topology}
http: { port: 7102, host: 127.0.0.1 }
roles: [relay, applier]
postgres:
  url_file: ${folder.write("url", "postgres://u:0123@db/forebay\n")}
nats: { url: "nats://localhost:4222" }
session: { secret: ${"0".repeat(40)} }
admin: { key_sha256: ${"1".repeat(64)} }
rate: { limits: { acme: 500, beta: 50 } }
cors: { origins: ["https://a.example", "https://b.example"] }
leader: { placement: false }
trace: ~
`;

function problemsIn(text: string): readonly string[] {
  return inspectConfig(complete, folder.write("wrong.yaml", text)).problems;
}

describe("a configuration file", () => {
  it("says all that a process needs, in sections, lists and pairs", () => {
    const config = readConfig({}, folder.write("forebay.yaml", FILE));
    expect(config).toMatchObject({
      region: "us",
      http: { port: 7102 },
      roles: ["relay", "applier"],
      postgres: { url: "postgres://u:0123@db/forebay" },
      sessionSecret: "0".repeat(40),
      placement: { isAutomatic: false },
      access: { admin: { keyHash: "1".repeat(64) }, corsOrigins: ["https://a.example", "https://b.example"] },
    });
    expect(config.access.rateByTenant.get("beta")?.perSecond).toBe(50);
  });

  it("may group digits, those of pairs as well", () => {
    const path = folder.write("grouped.yaml", "rate: { limit: 1_000, limits: { acme: 5_000 } }\n");
    const { access } = readConfig(complete, path);
    expect([access.rate?.perSecond, access.rateByTenant.get("acme")?.perSecond]).toEqual([1_000, 5_000]);
    for (const digits of ["_", "5_000_000_000", "-5", "5e3", ""])
      expect(problemsIn(`rate: { limits: { acme: "${digits}" } }\n`).join(), digits).toContain(
        "it must be like acme=500,beta=50",
      );
  });

  it("is named by the environment, which wins over it", () => {
    const path = folder.write("forebay.yaml", FILE);
    const { config, effective } = inspectConfig({
      FOREBAY_CONFIG_FILE: path,
      FOREBAY_REGION: "eu",
      FOREBAY_POSTGRES_URL: "postgres://other/x",
    });
    expect(config).toMatchObject({
      region: "eu",
      http: { port: 7102 },
      postgres: { url: "postgres://other/x" },
    });
    const origins = new Map(effective.map(({ option, origin }) => [option.key, origin]));
    expect(["region", "http.port", "log.level"].map((key) => origins.get(key))).toEqual([
      "environment",
      "file",
      "default",
    ]);
  });

  it("takes every option by its key", () => {
    for (const { key, variable } of ALL_OPTIONS) {
      const [section, name] = key.split(".");
      const path = folder.write(
        "one.yaml",
        name === undefined ? `${key}: ?\n` : `${section}: { ${name}: "x\\ty" }`,
      );
      const { unknown } = inspectConfig(complete, path);
      expect(unknown, variable).toEqual([]);
    }
  });

  it.each([
    ["- a\n", "must have keys"],
    ["a: [b\n", "is not YAML"],
    ["region: eu\nregion: us\n", "is not YAML"],
    ["http: { port: { a: b } }\n", "http.port"],
    ["http: { port: { a: { b: c } } }\n", "must be a text, a number or a list of them"],
    ["session: { secret_file: [a, b] }\n", "must be the path of one file"],
    ["session: { secret_file: { a: { b: c } } }\n", "must be the path of one file"],
    ["wal: { rows_max: [1, 2] }\n", "has several values; it must be a whole number"],
    ["wal: { rows_max: lots }\n", "wal.rows_max in"],
    ["session.secret: a\nsession: { secret: b }\n", "session.secret in"],
    ["session.secret: a\nsession: { secret: b }\n", "is there twice; keep one"],
    ["http: { port: }\nhttp.port: 1\n", "http.port in"],
    ["session: { secret: x, secret_file: y }\n", "are both set; keep one"],
  ])("like %j is refused with the reason", (text, reason) => {
    const without = { ...complete, FOREBAY_HTTP_PORT: undefined, FOREBAY_SESSION_SECRET: undefined };
    const { problems } = inspectConfig(without, folder.write("wrong.yaml", text));
    expect(problems.join("; ")).toContain(reason);
    expect(problems.length).toBeGreaterThan(0);
  });

  it("that is not there is refused", () => {
    const { problems } = inspectConfig(complete, "/nowhere.yaml");
    expect(problems).toEqual(["the configuration file /nowhere.yaml can't be read: ENOENT"]);
  });

  it("may have a key of a newer version, which is told with the nearest", () => {
    const path = folder.write("newer.yaml", "http: { prot: 1 }\n");
    const { config, unknown } = inspectConfig(complete, path);
    expect(config).toBeDefined();
    expect(unknown).toEqual([`http.prot is no option of this version; did you mean http.port? (in ${path})`]);
  });

  it.each([
    ["limits: { tenants: { acme: { rate: 5 } } }\n", "limits.tenants"],
    ["limits: [{ tenant: acme }]\n", "limits"],
  ])("may have a key of a newer version with anything below it, like %j", (text, key) => {
    const { config, unknown } = inspectConfig(complete, folder.write("newer.yaml", text));
    expect(config).toBeDefined();
    expect(unknown).toEqual([expect.stringContaining(`${key} is no option of this version`)]);
  });

  it.each([
    ["http: { prot: }\n", ["http.prot"]],
    ["htpp: {}\n", ["htpp"]],
    ["htpp:\nregoin: []\n", ["htpp", "regoin"]],
    ["http: {}\nsession:\nrate: { limits: {} }\nregion:\n", []],
  ])("like %j tells of unknown keys although they are empty", (text, keys) => {
    const { config, unknown } = inspectConfig(complete, folder.write("empty.yaml", text));
    expect(config).toBeDefined();
    expect(unknown.map((told) => told.split(" ", 1)[0])).toEqual(keys);
  });

  it("is what errors name", () => {
    expect(problemsIn("leader: { look_ms: 5 }\n").join()).toMatch(
      /^leader\.look_ms in \S+wrong\.yaml \(FOREBAY_LEADER_LOOK_MS\) is "5"; it must be a whole number from 100/,
    );
  });
});

describe("a secret in a file of its own", () => {
  const named = (path: string) => ({
    ...complete,
    FOREBAY_SESSION_SECRET: undefined,
    FOREBAY_SESSION_SECRET_FILE: path,
  });

  it("is read without the line end", () => {
    expect(readConfig(named(folder.write("s", `${"x".repeat(32)}\n`))).sessionSecret).toBe("x".repeat(32));
  });

  it.each([
    ["/nowhere", /^FOREBAY_SESSION_SECRET_FILE names a file that can't be read: ENOENT$/],
    [folder.write("empty", "\n"), /^FOREBAY_SESSION_SECRET_FILE names a file that is empty/],
    [folder.write("large", "x".repeat(70_000)), /larger than 65536 bytes/],
  ])("%s is refused", (path, problem) => {
    expect(inspectConfig(named(path)).problems).toEqual([expect.stringMatching(problem)]);
  });

  it("is not given twice", () => {
    const both = { ...complete, FOREBAY_SESSION_SECRET_FILE: folder.write("t", "t".repeat(32)) };
    expect(inspectConfig(both).problems).toEqual([
      "FOREBAY_SESSION_SECRET and FOREBAY_SESSION_SECRET_FILE are both set; keep one",
    ]);
  });

  it("is not there for what is no secret", () => {
    expect(inspectConfig({ ...complete, FOREBAY_HTTP_PORT_FILE: "/x" }).unknown).toHaveLength(1);
  });
});

describe("unknown variables", () => {
  it("are none that other programs read", () => {
    const others = ["IMAGE", "SEED", "RUNS", "BENCH_OPEN", "KEY", "CACHE"];
    const named = Object.fromEntries(others.map((name) => [`FOREBAY_${name}`, "1"]));
    expect(inspectConfig({ ...complete, ...named }).unknown).toEqual([]);
    expect(inspectConfig({ ...complete, FOREBAY_SEEDS: "1" }).unknown).toHaveLength(1);
  });

  it("stop no process, and are told when one can't start", () => {
    const newer = { ...complete, FOREBAY_OF_NEXT_YEAR: "1", FOREBAY_KEY: "of the command line" };
    expect(readConfig(newer)).toBeDefined();
    expect(inspectConfig(newer).unknown).toHaveLength(1);
    const wrong = { ...complete, FOREBAY_REGION: undefined, FOREBAY_REGOIN: "eu" };
    expect(() => readConfig(wrong)).toThrow(InvalidConfigError);
    expect(() => readConfig(wrong)).toThrow(/FOREBAY_REGOIN is no option .* did you mean FOREBAY_REGION\?/);
  });
});
