/** How a region process is told of users, authorities and certificates. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { dumpOf, inspectConfig } from "../../../services/runtime/config/inspect.ts";
import { InvalidConfigError, readConfig } from "../../../services/runtime/config.ts";

const FILE = fileURLToPath(import.meta.url);
const TOPOLOGY = fileURLToPath(new URL("../../../regions/local.yaml", import.meta.url));

function environmentWith(more: Readonly<Record<string, string>>) {
  return {
    FOREBAY_TOPOLOGY: TOPOLOGY,
    FOREBAY_REGION: "eu",
    FOREBAY_HTTP_PORT: "7101",
    FOREBAY_POSTGRES_URL: "postgres://u:hunter2@localhost:5432/forebay",
    FOREBAY_NATS_URL: "nats://localhost:4222",
    FOREBAY_SESSION_SECRET: "s".repeat(32),
    FOREBAY_HTTP_HOST: "127.0.0.1",
    FOREBAY_AUTHENTICATION: "off",
    ...more,
  };
}

function read(more: Readonly<Record<string, string>>) {
  return readConfig(environmentWith(more));
}

function problemsOf(more: Readonly<Record<string, string>>): readonly string[] {
  try {
    read(more);
    return [];
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.problems;
    throw error;
  }
}

describe("the nats-server", () => {
  it("has one user where no other is named", () => {
    expect(read({}).nats).toEqual({
      url: "nats://localhost:4222",
      credentialsFile: undefined,
      tls: undefined,
      monitorUrl: undefined,
      maintenance: undefined,
    });
  });

  it("is connected with files, for maintenance under the same address and authority", () => {
    const { nats } = read({
      FOREBAY_NATS_CREDENTIALS_FILE: FILE,
      FOREBAY_NATS_TRIM_CREDENTIALS_FILE: TOPOLOGY,
      FOREBAY_NATS_CA_FILE: FILE,
    });
    const tls = { caFile: FILE, certFile: undefined, keyFile: undefined };
    expect(nats).toMatchObject({ credentialsFile: FILE, tls });
    expect(nats.maintenance).toEqual({ url: "nats://localhost:4222", credentialsFile: TOPOLOGY, tls });
  });

  it("is refused with files that are not there, and with half a certificate", () => {
    expect(problemsOf({ FOREBAY_NATS_CREDENTIALS_FILE: "/nowhere" })).toEqual([
      expect.stringMatching(/^FOREBAY_NATS_CREDENTIALS_FILE names a file that can't be read: ENOENT/),
    ]);
    expect(problemsOf({ FOREBAY_NATS_CERT_FILE: FILE })).toEqual([
      "FOREBAY_NATS_CERT_FILE and FOREBAY_NATS_KEY_FILE must be set together",
    ]);
  });

  it("has no password in what is logged", () => {
    const environment = environmentWith({
      FOREBAY_NATS_URL: "nats://eu.1:hunter3@localhost:4222",
      FOREBAY_NATS_TRIM_URL: "nats://MAINTENANCE.1:hunter4@localhost:4222",
    });
    expect(readConfig(environment).nats.maintenance?.url).toContain("hunter4");
    expect(JSON.stringify(dumpOf(inspectConfig(environment)))).not.toMatch(/hunter/);
  });
});

describe("the database", () => {
  it("is verified where an authority is given", () => {
    const { url } = read({ FOREBAY_POSTGRES_CA_FILE: FILE }).postgres;
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      sslmode: "verify-full",
      sslrootcert: FILE,
    });
  });

  it.each(["prefer", "allow", "whatever"])("is refused with sslmode=%s, which might not encrypt", (mode) => {
    const url = `postgres://u:p@localhost/forebay?sslmode=${mode}`;
    expect(problemsOf({ FOREBAY_POSTGRES_URL: url })).toEqual([
      `FOREBAY_POSTGRES_URL has another sslmode than there are; it must be one of disable, require, verify-ca, verify-full, no-verify`,
    ]);
  });

  it.each(["disable", "no-verify"])(
    "is refused with an authority and sslmode=%s, which ignores it",
    (mode) => {
      const url = `postgres://u:p@localhost/forebay?sslmode=${mode}`;
      const problems = problemsOf({ FOREBAY_POSTGRES_URL: url, FOREBAY_POSTGRES_CA_FILE: FILE });
      expect(problems).toEqual([expect.stringContaining(`sslmode=${mode}`)]);
    },
  );
});
