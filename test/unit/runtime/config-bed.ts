/** An environment in which a region process could start, with secrets that can be found again. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A folder for the files of a test file; it goes when the tests have ended. */
export function folderOfTests(): { write(name: string, text: string): string } {
  const folder = mkdtempSync(join(tmpdir(), "forebay-config-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return {
    write(name, text) {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
  };
}

export const TOPOLOGY = "name: test\npartitions: 2\nregions: [{ name: eu }, { name: us }]\n";

/** @param topology the path of one that has `eu`. */
export function completeEnvironment(topology: string): Readonly<Record<string, string>> {
  return {
    FOREBAY_REGION: "eu",
    FOREBAY_TOPOLOGY: topology,
    FOREBAY_HTTP_PORT: "7101",
    FOREBAY_POSTGRES_URL: "postgres://user:pw@localhost:5432/forebay",
    FOREBAY_NATS_URL: "nats://localhost:4222",
    FOREBAY_SESSION_SECRET: "s".repeat(32),
    FOREBAY_ADMIN_KEY_SHA256: "a".repeat(64),
  };
}
