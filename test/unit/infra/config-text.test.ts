import { expect, test } from "vitest";
import { natsServerConfig, variablesText } from "../../../infra/nats/server-config.ts";
import { clusterFileText } from "../../../infra/local/cluster-file.ts";
import { postgresConfig } from "../../../infra/local/postgres-config.ts";
import { Progress, stepText } from "../../../infra/local/progress.ts";

const NATS = {
  region: "eu",
  regions: ["eu", "us", "ap-south"],
  clusterName: "forebay-local",
  listen: "127.0.0.1:1",
  monitor: "127.0.0.1:2",
  routes: { listen: "127.0.0.1:3", advertise: "127.0.0.1:10" },
  storeFolder: '/data/with "quotes"',
};

test("a nats-server syncs every write, is tagged with its region and routes through the proxies alone", () => {
  const text = natsServerConfig(NATS);
  expect(text).toContain("sync_interval: always");
  expect(text).toContain('server_tags: ["region:eu"]');
  expect(text).toContain('unique_tag: "region:"');
  expect(text).toContain('store_dir: "/data/with \\"quotes\\""');
  expect(text).toContain('advertise: "127.0.0.1:10"');
  expect(text).toContain("no_advertise: true");
  expect(text).toContain(
    "routes: [$FOREBAY_NATS_ROUTE_EU, $FOREBAY_NATS_ROUTE_US, $FOREBAY_NATS_ROUTE_AP_SOUTH]",
  );
});

test("the region has two users, who publish in its name alone, and nobody has a password in the text", () => {
  const text = natsServerConfig(NATS);
  const users = [...text.matchAll(/user: "([^"]+)", password: (\S+?),? /g)].map(([, user, password]) => [
    user,
    password,
  ]);
  expect(users).toEqual([
    ["eu.1", "$FOREBAY_NATS_PASSWORD_EU_1"],
    ["eu.2", "$FOREBAY_NATS_PASSWORD_EU_2"],
    ["MAINTENANCE.1", "$FOREBAY_NATS_MAINTENANCE_PASSWORD_1"],
    ["MAINTENANCE.2", "$FOREBAY_NATS_MAINTENANCE_PASSWORD_2"],
    ["ROUTES", "$FOREBAY_NATS_ROUTES_PASSWORD"],
  ]);
  expect(text).not.toContain("no_auth_user");
  const [eu] = /user: "eu\.1"[^}]*\}[^}]*\}/.exec(text) ?? [""];
  expect(eu).toContain('"forebay.log.*.eu", "forebay.bus.*.*", "forebay.announce.eu.*"');
  expect(eu).toContain('subscribe: { allow: ["_INBOX.eu.>", "forebay.bus.eu.*", "forebay.announce.*.*"] }');
  expect(eu).not.toMatch(/PURGE|DELETE\.FOREBAY|STREAM\.(CREATE|UPDATE|DELETE)|MSG\.(GET|DELETE)/);
});

test("only a cluster on one machine has a user that may do everything", () => {
  expect(natsServerConfig(NATS)).not.toContain("OPERATOR");
  expect(natsServerConfig({ ...NATS, hasOperator: true })).toContain(
    '{ user: "OPERATOR", password: $FOREBAY_NATS_OPERATOR_PASSWORD }',
  );
});

test("with certificates routes are verified at both ends, and clients see whom they talk to", () => {
  const tls = { caFile: "/tls/ca.pem", certFile: "/tls/eu.pem", keyFile: "/tls/eu-key.pem" };
  const text = natsServerConfig({ ...NATS, tls });
  expect(text.match(/ca_file: "\/tls\/ca\.pem"/g)).toHaveLength(2);
  expect(text.match(/verify: true/g)).toHaveLength(1);
  expect(text).not.toContain("handshake_first");
});

test("variables are quoted, so that a password of digits stays one", () => {
  expect(variablesText({ A: "12", B: 'x"y' })).toBe('A: "12"\nB: "x\\"y"\n');
});

test("a server alone has no cluster block, in which it would wait for a quorum for ever", () => {
  expect(natsServerConfig({ ...NATS, regions: ["eu"] })).not.toContain("cluster {");
});

test("nothing listens anywhere but on the loopback interface", () => {
  const listening = /^\s*(listen|http|listen_addresses)\b.*$/gm;
  const lines = `${natsServerConfig(NATS)}${postgresConfig({ port: 5 })}`.match(listening) ?? [];
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
    key: undefined,
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
  const text = clusterFileText({ regions: [region], key: undefined, control: undefined });
  expect(JSON.parse(text)).toEqual({ regions });
  const control = { url: "http://127.0.0.1:1", key: "k" };
  expect(JSON.parse(clusterFileText({ regions: [region], key: "k2", control }))).toEqual({
    regions,
    key: "k2",
    control,
  });
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
