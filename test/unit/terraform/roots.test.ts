/** The roots of regions agree with the topology and with each other; what the modules say agrees with the rest of the repository. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { postgresConfig } from "../../../infra/local/postgres-config.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { readTopology } from "../../../services/runtime/topology.ts";
import { TERRAFORM, readTexts, withChange, type Texts } from "../../terraform/tree.ts";

const ROOT = packageRoot();
const ENVIRONMENT = "environments/aws-three-regions";
const COMMON_ROOTS = ["links", "shared", "state"];
const texts = readTexts();
const topology = readTopology(join(ROOT, "regions/aws-three-regions.yaml"));
const names = topology.regions.map(({ name }) => name).sort();

/** Whatever differs between a region's root and the first one's, but for the name. */
function rootProblems(all: Texts): readonly string[] {
  const of = (name: string) =>
    new Map(
      [...all]
        .filter(([path]) => path.startsWith(`${ENVIRONMENT}/${name}/`))
        .map(([path, text]) => [
          path.slice(ENVIRONMENT.length + name.length + 2),
          text.replaceAll(new RegExp(`\\b${name}\\b`, "g"), "NAME"),
        ]),
    );
  const first = of(names[0]!);
  return names
    .filter((name) => !isDeepStrictEqual(of(name), first))
    .map((name) => `${name} is not as ${names[0]}`);
}

describe("the roots of regions", () => {
  it("are those of the topology", () => {
    const folders = readdirSync(join(TERRAFORM, ENVIRONMENT), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const roots = folders.map(({ name }) => name).filter((name) => !name.startsWith("."));
    expect(roots.filter((name) => !COMMON_ROOTS.includes(name)).sort()).toEqual(names);
  });

  it("differ in their name alone, which is also that of their state", () => {
    expect(rootProblems(texts)).toEqual([]);
    for (const name of names)
      expect(texts.get(`${ENVIRONMENT}/${name}/versions.tf`)).toContain(`key          = "${name}.tfstate"`);
  });

  it("are found when one would write over another one's state", () => {
    const path = `${ENVIRONMENT}/us/versions.tf`;
    expect(rootProblems(withChange(texts, { path, from: '"us.tfstate"', to: '"eu.tfstate"' }))).toEqual([
      "us is not as ap",
    ]);
  });

  it("have a place each in deployment.yaml", () => {
    const deployment = parse(texts.get(`${ENVIRONMENT}/deployment.yaml`)!) as {
      placements: Record<string, { address_slot: number }>;
    };
    expect(Object.keys(deployment.placements).sort()).toEqual(names);
    const slots = Object.values(deployment.placements).map(({ address_slot }) => address_slot);
    expect(new Set(slots).size).toBe(names.length);
  });
});

/** What RDS fixes itself, or what is of one machine. */
const NOT_OF_RDS = [
  "listen_addresses",
  "port",
  "unix_socket_directories",
  "max_connections",
  "shared_buffers",
  "max_wal_size",
  "fsync",
  "full_page_writes",
  "log_timezone",
  "log_checkpoints",
  "log_line_prefix",
];

/** Where the text of a nats-server's configuration is made. */
const GENERATORS = ["infra/nats/server-config.ts", "infra/local/nats-config.ts"];

/** RDS has switches as numbers. */
const SWITCH: Readonly<Record<string, string>> = { on: "1", off: "0" };

describe("servers in the cloud are set up as those on one machine", () => {
  it("PostgreSQL", () => {
    const local = [...postgresConfig({ port: 5 }).matchAll(/^(\w+) = '(.*)'$/gm)].map(
      ([, name = "", value = ""]) => [name, value] as const,
    );
    const parameters = texts.get("modules/postgres/parameters.tf")!;
    const differing = local
      .filter(([name]) => !NOT_OF_RDS.includes(name))
      .filter(
        ([name, value]) =>
          !new RegExp(`^ +"?${name}"? += "(${value}|${SWITCH[value] ?? value})"$`, "m").test(parameters),
      )
      .map(([name]) => name);
    expect(differing).toEqual([]);
    expect(parameters).toMatch(/"rds\.force_ssl" +="?.*"1"/);
  });

  it("NATS: what its configuration must say is what the generator says", () => {
    const generator = GENERATORS.map((path) => join(ROOT, path)).find((path) => existsSync(path));
    const generated = readFileSync(generator!, "utf8");
    const variables = texts.get("modules/nats/variables.tf")!.replaceAll('\\"', '"');
    for (const text of ["sync_interval: always", 'unique_tag: "region:"', "server_name: "]) {
      expect(generated).toContain(text);
      expect(variables).toContain(text);
    }
  });

  it("the NATS release is the one that clusters on one machine are given", () => {
    const source = readFileSync(join(ROOT, "infra/local/provision/release-archive.ts"), "utf8");
    const deployment = parse(texts.get(`${ENVIRONMENT}/deployment.yaml`)!) as {
      nats: { archive: { url: string; sha256: string } };
    };
    expect(source).toContain(`"linux-arm64": "${deployment.nats.archive.sha256}"`);
    expect(deployment.nats.archive.url).toContain(`v${/RELEASE_VERSION = "([\d.]+)"/.exec(source)?.[1]}/`);
  });
});

describe("the balancer", () => {
  const server = readFileSync(join(ROOT, "services/gateway/http/server.ts"), "utf8");
  const balancer = texts.get("modules/region/balancer.tf")!;
  const idleMs = 1000 * Number(/idle_timeout +=\s+(\d+)/.exec(balancer)?.[1]);

  it("closes idle connections before processes do, so that no request meets a closed one", () => {
    const keptMs = Number(/KEEP_ALIVE_TIMEOUT_MS = ([\d_]+)/.exec(server)?.[1]?.replaceAll("_", ""));
    expect(idleMs).toBeLessThan(keptMs);
  });

  it("waits longer than live feeds are silent", () => {
    const feed = readFileSync(join(ROOT, "services/gateway/http/socket-keeper.ts"), "utf8");
    const everyMs = Number(/HEARTBEAT_EVERY_MS = ([\d_]+)/.exec(feed)?.[1]?.replaceAll("_", ""));
    expect(idleMs).toBeGreaterThan(2 * everyMs);
  });

  it("and the watchdog ask for what processes answer", () => {
    const routes = readFileSync(join(ROOT, "services/gateway/http/routes/region.ts"), "utf8");
    for (const path of ["/readyz", "/livez"]) expect(routes).toContain(`url: "${path}"`);
    expect(balancer).toContain('path                = "/readyz"');
    expect(texts.get("modules/region/task.tf")).toContain("/livez");
  });

  it("scales by a figure that processes tell", () => {
    const metrics = readFileSync(join(ROOT, "services/region/metrics/admission.ts"), "utf8");
    const scaling = texts.get("modules/region/scaling.tf")!;
    const [, name = ""] = /metric_name = "(\w+)"/.exec(scaling) ?? [];
    const [, place = ""] = /name  = "place"\s+value = "(\w+)"/.exec(scaling) ?? [];
    expect(metrics).toContain(`name: "${name}"`);
    expect(metrics).toContain(`place: "${place}"`);
    expect(texts.get("modules/collector/config.tf")).toContain(name);
  });
});
