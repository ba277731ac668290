/** `forebay nats config`: what it prints, and what it refuses. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { UsageError } from "../../../services/cli/errors.ts";
import { createProgram } from "../../../services/cli/program.ts";

let printed = "";

beforeEach(() => {
  printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text.toString();
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

async function run(...words: string[]): Promise<string> {
  await createProgram("test").parseAsync(["nats", "config", ...words], { from: "user" });
  return printed;
}

it("prints a region's configuration, whose passwords come from a file", async () => {
  const text = await run("--region", "us", "--variables", "variables.conf", "--store", "/data/nats");
  expect(text).toMatch(/^include "variables.conf"\nserver_name: "us"$/m);
  expect(text).toContain('store_dir: "/data/nats"');
  expect(text).toContain('user: "us.1", password: $FOREBAY_NATS_PASSWORD_US_1');
  expect(text).not.toContain("OPERATOR");
  expect(text).not.toMatch(/user: "eu/);
});

it("names the variables that it needs", async () => {
  const names = (await run("--region", "eu", "--list-variables")).trim().split("\n");
  expect(names).toEqual([
    "FOREBAY_NATS_PASSWORD_EU_1",
    "FOREBAY_NATS_PASSWORD_EU_2",
    "FOREBAY_NATS_MAINTENANCE_PASSWORD_1",
    "FOREBAY_NATS_MAINTENANCE_PASSWORD_2",
    "FOREBAY_NATS_ROUTES_PASSWORD",
    "FOREBAY_NATS_ROUTE_EU",
    "FOREBAY_NATS_ROUTE_US",
    "FOREBAY_NATS_ROUTE_AP",
  ]);
});

it.each([
  [["--region", "mars"], /the topology has no region mars; it has eu, us, ap/],
  [["--region", "eu", "--tls-ca", "/ca.pem"], /belong together/],
  [
    ["--region", "eu", "--tls-ca", "ca.pem", "--tls-cert", "/c.pem", "--tls-key", "/k.pem"],
    /ca.pem: give the whole path/,
  ],
])("refuses %j", async (words, reason) => {
  const running = run(...words);
  await expect(running).rejects.toBeInstanceOf(UsageError);
  await expect(running).rejects.toThrow(reason);
});
