/** What the log must not have, and how loud it is. */
import { expect, it } from "vitest";
import type { Clock } from "../../../services/ports/clock.ts";
import { LogLevels } from "../../../services/runtime/log-levels.ts";
import { createLogger } from "../../../services/runtime/logger.ts";

function logged(level: "debug" | "info" = "debug") {
  const lines: string[] = [];
  const logger = createLogger({ level, fields: { region: "eu" }, write: (line) => void lines.push(line) });
  return { lines, logger };
}

it("no secret and no value of a record is written, at the top of a line or one below", () => {
  const { lines, logger } = logged();
  const SECRET = "planted-4711";
  const names = ["password", "secret", "sessionSecret", "token", "authorization", "cookie"];
  for (const name of [
    ...names,
    "body",
    "changes",
    "fields",
    "value",
    "values",
    "before",
    "after",
    "record",
  ]) {
    logger.info({ [name]: SECRET }, "top");
    logger.error({ below: { [name]: { deep: SECRET } } }, "below");
  }
  expect(lines).toHaveLength(28);
  expect(lines.join("")).not.toContain(SECRET);
});

it("no password of an address is written, wherever it stands", () => {
  const { lines, logger } = logged();
  const urls = [
    "postgres://eu:planted@127.0.0.1:5432/eu?x=1",
    "nats://u:planted@host",
    "tls://u:plan:ted@host",
    "postgres://u:pl@planted@host/db",
    "postgres://host/db?sslmode=require&password=planted",
    "nats://planted@host:4222",
  ];
  for (const url of urls) {
    logger.error({ error: `Error: connect to ${url} failed`, deep: { url } }, `no answer from ${url}`);
    logger.debug({ stack: `at "${url}"` }, "x");
  }
  expect(lines.join("")).not.toMatch(/planted|plan:ted/);
  expect(lines[0]).toContain("postgres://eu:…@127.0.0.1:5432/eu?x=1");
  for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
});

it("what is no secret is written", () => {
  const { lines, logger } = logged();
  logger.info({ url: "http://127.0.0.1:7101/v1", at: "a@b", records: 3, operation: "o1" }, "plain");
  expect(JSON.parse(lines[0]!)).toMatchObject({
    url: "http://127.0.0.1:7101/v1",
    at: "a@b",
    records: 3,
    region: "eu",
  });
});

it("a level is changed for a time, and falls back by itself; the newest change counts", async () => {
  const { lines, logger } = logged("info");
  const sleeps: { readonly forMs: number; readonly wake: () => void }[] = [];
  const clock = {
    monotonicMs: () => 1_000,
    sleep: (forMs: number) => new Promise<void>((wake) => void sleeps.push({ forMs, wake })),
  } as Clock;
  const levels = new LogLevels({ logger, configured: "info", clock });
  logger.debug({}, "unheard");
  expect(levels.read()).toEqual({ level: "info", configured: "info", leftMs: undefined });
  levels.change("error", 5_000);
  expect(levels.change("debug", 9_000)).toEqual({ level: "debug", configured: "info", leftMs: 9_000 });
  logger.debug({}, "heard");
  sleeps[0]!.wake();
  await new Promise((resolve) => setImmediate(resolve));
  expect(levels.read().level).toBe("debug");
  expect(sleeps[1]!.forMs).toBe(9_000);
  sleeps[1]!.wake();
  await new Promise((resolve) => setImmediate(resolve));
  expect(levels.read()).toEqual({ level: "info", configured: "info", leftMs: undefined });
  logger.debug({}, "unheard");
  const text = lines.join("");
  expect(text).toContain('"heard"');
  expect(text).not.toContain("unheard");
  expect(text).toContain("as configured again");
});
