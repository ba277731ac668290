import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dumpOf, inspectConfig } from "../../../services/runtime/config/inspect.ts";
import { InvalidConfigError, readConfig, type Environment } from "../../../services/runtime/config.ts";

let folder: string;
let complete: Environment;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "forebay-config-"));
  const topology = join(folder, "topology.yaml");
  writeFileSync(topology, "name: test\npartitions: 2\nregions: [{ name: eu }, { name: us }]\n");
  complete = {
    FOREBAY_REGION: "eu",
    FOREBAY_TOPOLOGY: topology,
    FOREBAY_HTTP_PORT: "7101",
    FOREBAY_POSTGRES_URL: "postgres://user:hunter2@localhost:5432/forebay?sslpassword=hunter3",
    FOREBAY_NATS_URL: "nats://eu:hunter4@localhost:4222",
    FOREBAY_SESSION_SECRET: "s".repeat(32),
    FOREBAY_ADMIN_KEY_SHA256: "a".repeat(64),
  };
});

afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(environment: Environment): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.problems;
    throw error;
  }
}

describe("a configuration", () => {
  it("lets faults be ordered only on this machine, with a key that no log shows", () => {
    const chaos = { FOREBAY_CHAOS_URL: "http://127.0.0.1:9000", FOREBAY_CHAOS_KEY: "hunter5" };
    const config = readConfig({ ...complete, ...chaos });
    expect(config.chaos).toEqual({ url: "http://127.0.0.1:9000", key: "hunter5" });
    expect(JSON.stringify(dumpOf(inspectConfig({ ...complete, ...chaos })))).not.toContain("hunter5");
    expect(problemsOf({ ...complete, ...chaos, FOREBAY_CHAOS_URL: "http://10.0.0.1:9000" })).toEqual([
      "FOREBAY_CHAOS_URL must be at 127.0.0.1: only a local cluster may be broken",
    ]);
    expect(problemsOf({ ...complete, FOREBAY_CHAOS_URL: chaos.FOREBAY_CHAOS_URL })).toHaveLength(1);
  });

  it("gives memory a bound that the machine has", () => {
    const { memoryBytesMax } = readConfig(complete).admission;
    expect(memoryBytesMax).toBeGreaterThanOrEqual(64 * 1_048_576);
    expect(memoryBytesMax).toBeLessThanOrEqual(totalmem());
  });

  it("has defaults for all that need not be said", () => {
    expect(readConfig(complete)).toMatchObject({
      region: "eu",
      topology: { partitions: 2 },
      http: { host: "127.0.0.1", port: 7101, connectionsMax: 4_096, stopNoticeMs: 5_000 },
      postgres: { connectionsMax: 16 },
      nats: { monitorUrl: undefined },
      roles: ["gateway", "relay", "applier"],
      logLevel: "info",
      crashAt: undefined,
      chaos: undefined,
      wal: { rowsMax: 5_000_000, bytesMax: 4_294_967_296, ageMsMax: 86_400_000 },
      admission: { requestsMax: 8_192 },
      conflicts: { retentionMs: 30 * 86_400_000 },
      placement: { isAutomatic: true, lookEveryMs: 5_000, settledMs: 12_000, coolDownMs: 30_000 },
      exitWithParent: false,
    });
  });

  it("takes what is said", () => {
    const config = readConfig({
      ...complete,
      FOREBAY_HTTP_HOST: "0.0.0.0",
      FOREBAY_NATS_MONITOR_URL: "http://localhost:8222",
      FOREBAY_ROLES: "applier, gateway",
      FOREBAY_LOG_LEVEL: "silent",
      FOREBAY_CRASH_AT: "after-publish:3",
      FOREBAY_WAL_ROWS_MAX: "1_000",
      FOREBAY_WAL_BYTES_MAX: "1000000",
      FOREBAY_WAL_AGE_SECONDS_MAX: "600",
      FOREBAY_CONNECTIONS_MAX: "500",
      FOREBAY_STOP_NOTICE_MS: "0",
      FOREBAY_REQUESTS_MAX: "2_000",
      FOREBAY_MEMORY_MEGABYTES_MAX: "512",
      FOREBAY_POSTGRES_CONNECTIONS_MAX: "4",
      FOREBAY_CONFLICT_RETENTION_HOURS: "36",
      FOREBAY_LEADER_PLACEMENT: "off",
      FOREBAY_LEADER_LOOK_MS: "500",
      FOREBAY_LEADER_SETTLED_MS: "1_000",
      FOREBAY_LEADER_COOL_DOWN_MS: "2_000",
      FOREBAY_EXIT_WITH_PARENT: "1",
    });
    expect(config).toMatchObject({
      http: { host: "0.0.0.0", connectionsMax: 500, stopNoticeMs: 0 },
      nats: { monitorUrl: "http://localhost:8222" },
      roles: ["gateway", "applier"],
      logLevel: "silent",
      crashAt: "after-publish:3",
      wal: { rowsMax: 1_000, bytesMax: 1_000_000, ageMsMax: 600_000 },
      admission: { requestsMax: 2_000, memoryBytesMax: 512 * 1_048_576 },
      conflicts: { retentionMs: 36 * 3_600_000 },
      placement: { isAutomatic: false, lookEveryMs: 500, settledMs: 1_000, coolDownMs: 2_000 },
      postgres: { connectionsMax: 4 },
      exitWithParent: true,
    });
  });

  it("says everything that is missing at once", () => {
    expect(problemsOf({}).map((problem) => problem.split(" ", 1)[0])).toEqual([
      "FOREBAY_TOPOLOGY",
      "FOREBAY_REGION",
      "FOREBAY_SESSION_SECRET",
      "FOREBAY_HTTP_PORT",
      "FOREBAY_POSTGRES_URL",
      "FOREBAY_NATS_URL",
      "FOREBAY_ADMIN_KEY_SHA256",
    ]);
  });

  it.each([
    [{ FOREBAY_REGION: "mars" }, 'FOREBAY_REGION is "mars", which the topology does not have; it has eu, us'],
    [
      { FOREBAY_REGION: " " },
      "FOREBAY_REGION is not set; it must be the name of one of the topology's regions",
    ],
    [{ FOREBAY_TOPOLOGY: "/nowhere.yaml" }, "FOREBAY_TOPOLOGY topology file /nowhere.yaml can't be read"],
    [
      { FOREBAY_HTTP_PORT: "70000" },
      'FOREBAY_HTTP_PORT is "70000"; it must be a whole number from 0 to 65535',
    ],
    [{ FOREBAY_HTTP_PORT: "-1" }, 'FOREBAY_HTTP_PORT is "-1"'],
    [{ FOREBAY_HTTP_PORT: "7e3" }, 'FOREBAY_HTTP_PORT is "7e3"'],
    [{ FOREBAY_POSTGRES_URL: "mysql://u:hunter2@x" }, "FOREBAY_POSTGRES_URL must be an address"],
    [{ FOREBAY_NATS_URL: "localhost:4222" }, "FOREBAY_NATS_URL must be an address that begins with nats://"],
    [{ FOREBAY_NATS_MONITOR_URL: "nats://x" }, "FOREBAY_NATS_MONITOR_URL must be an address"],
    [
      { FOREBAY_SESSION_SECRET: "short" },
      "FOREBAY_SESSION_SECRET has 5 characters; it must have at least 32",
    ],
    [
      { FOREBAY_ROLES: "gateway,boss" },
      'FOREBAY_ROLES has "boss"; it must list some of gateway, relay, applier',
    ],
    [{ FOREBAY_LEADER_PLACEMENT: "no" }, 'FOREBAY_LEADER_PLACEMENT is "no"; it must be one of on, off'],
    [{ FOREBAY_LEADER_LOOK_MS: "5" }, 'FOREBAY_LEADER_LOOK_MS is "5"; it must be a whole number from 100'],
    [{ FOREBAY_LOG_LEVEL: "loud" }, 'FOREBAY_LOG_LEVEL is "loud"; it must be one of debug, info'],
    [
      { FOREBAY_WAL_AGE_SECONDS_MAX: "1h" },
      'FOREBAY_WAL_AGE_SECONDS_MAX is "1h"; it must be a whole number from 1',
    ],
    [
      { FOREBAY_CONNECTIONS_MAX: "0" },
      'FOREBAY_CONNECTIONS_MAX is "0"; it must be a whole number from 1 to 100000',
    ],
    [
      { FOREBAY_REQUESTS_MAX: "1e9" },
      'FOREBAY_REQUESTS_MAX is "1e9"; it must be a whole number from 1 to 100000',
    ],
    [
      { FOREBAY_MEMORY_MEGABYTES_MAX: "10" },
      'FOREBAY_MEMORY_MEGABYTES_MAX is "10"; it must be a whole number from 64',
    ],
    [{ FOREBAY_WAL_ROWS_MAX: "0" }, 'FOREBAY_WAL_ROWS_MAX is "0"; it must be a whole number from 1'],
    [
      { FOREBAY_CONFLICT_RETENTION_HOURS: "0.5" },
      'FOREBAY_CONFLICT_RETENTION_HOURS is "0.5"; it must be a whole number from 1 to 876000',
    ],
    [{ FOREBAY_EXIT_WITH_PARENT: "yes" }, 'FOREBAY_EXIT_WITH_PARENT is "yes"; it must be one of 1, 0'],
  ])("refuses %o", (change, problem) => {
    const problems = problemsOf({ ...complete, ...change });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it("looks at algorithms only where tokens are taken", () => {
    const wrong = { ...complete, FOREBAY_JWT_ALGORITHMS: "HS256" };
    expect(problemsOf(wrong)).toEqual([]);
    const taken = {
      FOREBAY_JWT_KEYS_URL: "https://idp/keys",
      FOREBAY_JWT_ISSUER: "i",
      FOREBAY_JWT_AUDIENCE: "a",
    };
    expect(problemsOf({ ...wrong, ...taken })).toEqual([
      expect.stringContaining('FOREBAY_JWT_ALGORITHMS has "HS256"; here it must list some of RS256'),
    ]);
  });

  it("never shows a secret, neither in its dump nor in its errors", () => {
    const dump = JSON.stringify(dumpOf(inspectConfig(complete)));
    expect(dump).not.toMatch(/hunter|sssss/);
    expect(dump).toContain("localhost:5432");
    const wrong = {
      ...complete,
      FOREBAY_POSTGRES_URL: "mysql://u:hunter2@x",
      FOREBAY_SESSION_SECRET: "hunter",
    };
    expect(problemsOf(wrong).join()).not.toContain("hunter");
  });
});
