import { expect, test } from "vitest";
import { clusterFileText } from "../../../infra/local/cluster-file.ts";
import { natsConfig } from "../../../infra/local/nats-config.ts";
import { postgresConfig } from "../../../infra/local/postgres-config.ts";
import { Progress, stepText } from "../../../infra/local/progress.ts";

const NATS = {
  region: "eu",
  clusterName: "forebay-local",
  port: 1,
  monitorPort: 2,
  clusterPort: 3,
  storeFolder: '/data/with "quotes"',
  routePorts: [10, 11, 12],
  advertisedPort: 10,
};

test("a nats-server syncs every write, is tagged with its region and routes through the proxies alone", () => {
  const text = natsConfig(NATS);
  expect(text).toContain("sync_interval: always");
  expect(text).toContain('server_tags: ["region:eu"]');
  expect(text).toContain('unique_tag: "region:"');
  expect(text).toContain('store_dir: "/data/with \\"quotes\\""');
  expect(text).toContain('advertise: "127.0.0.1:10"');
  expect(text).toContain("no_advertise: true");
  expect(text).toContain('routes: ["nats://127.0.0.1:10", "nats://127.0.0.1:11", "nats://127.0.0.1:12"]');
});

test("a server alone has no cluster block, in which it would wait for a quorum for ever", () => {
  expect(natsConfig({ ...NATS, routePorts: [] })).not.toContain("cluster {");
});

test("nothing listens anywhere but on the loopback interface", () => {
  const listening = /^\s*(listen|http|listen_addresses)\b.*$/gm;
  const lines = `${natsConfig(NATS)}${postgresConfig({ port: 5 })}`.match(listening) ?? [];
  expect(lines).toHaveLength(4);
  expect(lines.every((line) => line.includes("127.0.0.1"))).toBe(true);
});

test("PostgreSQL is durable", () => {
  const text = postgresConfig({ port: 5 });
  for (const setting of ["fsync", "synchronous_commit", "full_page_writes"]) {
    expect(text).toContain(`${setting} = 'on'`);
  }
});

test("cluster.json has exactly the promised fields, and null for a process that does not run", () => {
  const region = {
    name: "eu",
    url: "http://127.0.0.1:7101",
    pid: undefined,
    postgres: { url: "postgres://p", pid: 1 },
    nats: { url: "nats://n", monitorUrl: "http://m", pid: 2 },
    gateways: [],
  };
  const regions = [
    {
      name: "eu",
      url: "http://127.0.0.1:7101",
      pid: null,
      postgres: { url: "postgres://p" },
      nats: { url: "nats://n", pid: 2, monitor_url: "http://m" },
    },
  ];
  const text = clusterFileText({ regions: [region], control: undefined });
  expect(JSON.parse(text)).toEqual({ regions });
  const control = { url: "http://127.0.0.1:1", key: "k" };
  expect(JSON.parse(clusterFileText({ regions: [region], control }))).toEqual({ regions, control });
});

test("a step is one line", () => {
  expect(stepText({ name: "start region eu", state: "done", detail: "http://u", durationMs: 840 })).toBe(
    "ok     start region eu: http://u (0.8 s)",
  );
  expect(stepText({ name: "region eu", state: "note", detail: "ended with code 1" })).toBe(
    "note   region eu: ended with code 1",
  );
});

test("on a terminal what is under way is erased before a line, and nothing is written around the last line", () => {
  const written: string[] = [];
  const progress = new Progress({ isTTY: true, write: (text) => written.push(text) });
  progress.onStep({ name: "a", state: "started" });
  progress.onStep({ name: "a", state: "done" });
  progress.line("forebay: ready");
  expect(written).toEqual(["  … a", "\r\u001b[2K", "ok     a\n", "forebay: ready\n"]);
});
