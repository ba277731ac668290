/** Nothing goes in clear between containers of the composition; each rule is tried on a planted mistake. */
import { X509Certificate } from "node:crypto";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endsOf } from "../../../infra/compose/certificates.ts";
import { authorityIn, issue } from "../../../infra/local/certificates.ts";
import { prepareComposition } from "../../../infra/compose/prepare.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { readTopology } from "../../../services/runtime/topology.ts";
import { readComposition } from "../../images/compose-rules.ts";
import { composedConfig } from "../../images/composed-region.ts";
import { tlsProblems } from "../../images/composition-tls-rules.ts";

const TEXT = readFileSync(join(packageRoot(), "infra/compose/three-regions.yaml"), "utf8");
const DAY_MS = 86_400_000;
const topology = readTopology(join(packageRoot(), "regions/local.yaml"));
const regions = topology.regions.map(({ name }) => name);
const folder = mkdtempSync(join(tmpdir(), "forebay-compose-tls-"));
const prepared = join(folder, "prepared");
const read = (name: string) => readFileSync(join(prepared, name), "utf8");

beforeAll(async () => {
  await prepareComposition({ folder: prepared, topology });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the composition", () => {
  it("has nothing that goes in clear", () => {
    expect(tlsProblems(TEXT, read)).toEqual([]);
  });

  it("tells each region's processes to verify both servers, as they take it", () => {
    const composition = readComposition(TEXT);
    for (const region of regions) {
      const root = join(folder, region);
      const { nats, postgres } = composedConfig(composition, region, { prepared, root });
      const caFile = join(root, "run/forebay/ca.pem");
      const tls = { caFile, certFile: undefined, keyFile: undefined };
      expect(nats).toMatchObject({ url: `tls://nats-${region}:4222`, tls });
      expect(nats.maintenance).toMatchObject({ url: `tls://nats-${region}:4222`, tls });
      const { host, searchParams } = new URL(postgres.url);
      expect(host).toBe(`postgres-${region}:5432`);
      expect(Object.fromEntries(searchParams)).toEqual({ sslmode: "verify-full", sslrootcert: caFile });
    }
  });

  it("has no key that is in git: all are where git does not look", () => {
    const ignored = readFileSync(join(packageRoot(), ".gitignore"), "utf8").split("\n");
    const { configs, secrets } = readComposition(TEXT);
    const files = [...Object.values(configs), ...Object.values(secrets)].map(({ file }) => file);
    expect(ignored).toContain(".forebay/");
    expect(files.filter((file) => !file.startsWith("../../.forebay/compose/"))).toEqual([]);
  });
});

describe("a planted mistake is found", () => {
  const PLANTS: readonly [string, string, string, RegExp][] = [
    ["an address in clear", "tls://nats-us:4222", "nats://nats-us:4222", /region-us: nats:.* not encrypted/],
    [
      "an authority that is left out",
      "  FOREBAY_NATS_CA_FILE: /run/forebay/ca.pem\n",
      "",
      /region-ap: FOREBAY_NATS_CA_FILE is not/,
    ],
    [
      "one of another name",
      "FOREBAY_POSTGRES_CA_FILE: /run/forebay/ca.pem",
      "FOREBAY_POSTGRES_CA_FILE: /run/forebay/postgres-ca.pem",
      /region-eu: FOREBAY_POSTGRES_CA_FILE is not/,
    ],
    [
      "a server without its certificate",
      "      - { source: nats_certificate_eu, target: /etc/nats/certificate.pem }\n",
      "",
      /nats-eu: it has no certificate/,
    ],
    [
      "a server without its key",
      "      - { source: nats_key_ap, target: /etc/nats/key.pem }\n",
      "",
      /nats-ap: it has no key/,
    ],
    [
      "another server's certificate",
      "{ source: nats_certificate_eu,",
      "{ source: nats_certificate_us,",
      /other name/,
    ],
    [
      "another server's key",
      "{ source: nats_key_eu,",
      "{ source: nats_key_us,",
      /another container has its key/,
    ],
    [
      "a server that trusts somebody else",
      "source: authority, target: /etc/nats",
      "source: nats_certificate_eu, target: /etc/nats",
      /trust another/,
    ],
    ["a database without TLS", "--ssl=on", "--ssl=off", /postgres-eu: it speaks no TLS/],
    [
      "a database whose access is the image's own",
      "    - --hba_file=/etc/postgresql/pg_hba.conf\n",
      "",
      /postgres-ap: "host all .* lets in/,
    ],
    [
      "a key that PostgreSQL would refuse",
      "--ssl_key_file=/var/run/postgresql/server.key",
      "--ssl_key_file=/run/secrets/postgres_key",
      /not the one that it makes its own/,
    ],
    [
      "the authority's key in a container",
      "compose/nats_key_us",
      "compose/ca-key.pem",
      /has the authority's key/,
    ],
    [
      "a key that is no secret",
      "nats_eu: { file: ../../.forebay/compose/nats_eu }",
      "nats_eu: { file: ../../.forebay/compose/nats_key_eu }",
      /as if it were no secret/,
    ],
    ["a service that nobody knows", "  postgres-eu:\n", "  database-eu:\n", /database-eu: no rule/],
  ];
  for (const [what, from, to, problem] of PLANTS)
    it(what, () => {
      const text = TEXT.replace(from, () => to);
      expect(text, `the composition has ${from}`).not.toBe(TEXT);
      expect(tlsProblems(text, read).join("\n")).toMatch(problem);
    });

  const PREPARED: readonly [string, string, (text: string) => string, RegExp][] = [
    [
      "a database's address without TLS",
      "postgres_url_eu",
      (text) => text.replace(/\?.*/, ""),
      /region-eu: .*sslmode=$/m,
    ],
    [
      "one that does not verify",
      "postgres_url_us",
      (text) => text.replace("verify-full", "no-verify"),
      /region-us: .*sslmode=no-verify/,
    ],
    [
      "clients in clear",
      "nats_eu",
      (text) => text.replace(/^tls \{[^}]*\}\n/m, ""),
      /^nats-eu: clients are not encrypted$/m,
    ],
    [
      "routes in clear",
      "nats_us",
      (text) => text.replace(/^ {2}tls \{[^}]*\}\n/m, ""),
      /^nats-us: routes are not encrypted$/m,
    ],
    [
      "routes that verify nobody",
      "nats_us",
      (text) => text.replace("verify: true", "verify: false"),
      /verify nobody/,
    ],
    [
      "a server that says no name of its own",
      "nats_eu",
      (text) => text.replace(/^ {2}advertise.*\n/m, ""),
      /^nats-eu: others are told another address/m,
    ],
    [
      "a server that dials in clear",
      "nats_variables_ap",
      (text) => text.replace("tls://", "nats://"),
      /dials others in clear/,
    ],
    ["access without TLS", "postgres_access", (text) => `${text}host all all all scram-sha-256\n`, /lets in/],
    [
      "access without a password",
      "postgres_access",
      (text) => text.replace("scram-sha-256", "trust"),
      /no password/,
    ],
    [
      "another authority's certificate",
      "postgres_certificate_ap",
      () => read("ca.pem"),
      /postgres-ap: its key is not of/,
    ],
  ];
  for (const [what, file, change, problem] of PREPARED)
    it(what, () => {
      const changed = change(read(file));
      expect(changed).not.toBe(read(file));
      expect(tlsProblems(TEXT, (name) => (name === file ? changed : read(name))).join("\n")).toMatch(problem);
    });
});

describe("certificates", () => {
  const texts = () => new Map(readdirSync(prepared).map((name) => [name, read(name)]));
  const changed = (before: ReadonlyMap<string, string>) =>
    [...texts()].filter(([name, text]) => before.get(name) !== text).map(([name]) => name);
  const ofServers = regions.flatMap((region) =>
    ["nats", "postgres"].flatMap((kind) => [`${kind}_certificate_${region}`, `${kind}_key_${region}`]),
  );

  it("are valid for a year, and the authority for ten", () => {
    const { servers, authority } = endsOf(prepared, regions);
    const days = (date: Date) => Math.round((date.getTime() - Date.now()) / DAY_MS);
    expect([days(servers), days(authority)]).toEqual([365, 3650]);
    expect(new X509Certificate(read("postgres_certificate_eu")).subjectAltName).toBe(
      "DNS:postgres-eu, DNS:localhost",
    );
  });

  it("are made anew where somebody asks, by the same authority, and nothing else is", async () => {
    const before = texts();
    const made = await prepareComposition({ folder: prepared, topology, isRenewal: true });
    expect([...made].sort()).toEqual([...ofServers].sort());
    expect(changed(before).sort()).toEqual([...ofServers].sort());
    expect(tlsProblems(TEXT, read)).toEqual([]);
    expect(ofServers.filter((name) => (statSync(join(prepared, name)).mode & 0o777) !== 0o444)).toEqual([]);
  });

  it("are made anew where a renewal was cut off between a key and its certificate, or one is lost", async () => {
    const before = texts();
    rmSync(join(prepared, "postgres_key_eu"));
    rmSync(join(prepared, "nats_key_eu"));
    copyFileSync(join(prepared, "nats_key_us"), join(prepared, "nats_key_eu"));
    const made = await prepareComposition({ folder: prepared, topology });
    const expected = ["nats_certificate_eu", "nats_key_eu", "postgres_certificate_eu", "postgres_key_eu"];
    expect([...made].sort()).toEqual(expected);
    expect(changed(before).sort()).toEqual(expected);
    expect(tlsProblems(TEXT, read)).toEqual([]);
  });

  it("are made anew where they have ended", async () => {
    const names = { certFile: join(prepared, "nats_certificate_ap"), keyFile: join(prepared, "nats_key_ap") };
    await issue(await authorityIn(prepared), "nats-ap", { ...names, names: ["nats-ap"], validDays: -1 / 24 });
    const made = await prepareComposition({ folder: prepared, topology });
    expect([...made].sort()).toEqual(["nats_certificate_ap", "nats_key_ap"]);
    expect(tlsProblems(TEXT, read)).toEqual([]);
  });

  it("need the authority's key for nothing as long as they are well", async () => {
    const before = texts();
    rmSync(join(prepared, "ca-key.pem"));
    expect(await prepareComposition({ folder: prepared, topology })).toEqual([]);
    expect(changed(before)).toEqual([]);
  });

  it("are never signed by another authority because the key of theirs is elsewhere", async () => {
    const before = texts();
    await expect(prepareComposition({ folder: prepared, topology, isRenewal: true })).rejects.toThrow(
      /bring it back/,
    );
    expect(changed(before)).toEqual([]);
  });

  it("are all made anew where the authority is", async () => {
    rmSync(join(prepared, "ca.pem"));
    const made = await prepareComposition({ folder: prepared, topology });
    expect([...made].sort()).toEqual([...ofServers, "ca.pem", "ca-key.pem"].sort());
    expect(tlsProblems(TEXT, read)).toEqual([]);
  });

  it("are added to a folder of before there were any, whose secrets stay", async () => {
    const before = texts();
    for (const name of [...ofServers, "ca.pem", "ca-key.pem", "postgres_access"])
      rmSync(join(prepared, name));
    const made = await prepareComposition({ folder: prepared, topology });
    const expected = [...ofServers, "ca.pem", "ca-key.pem", "postgres_access"];
    expect([...made].sort()).toEqual(expected.sort());
    expect(changed(before)).not.toContain("postgres_password");
    expect(tlsProblems(TEXT, read)).toEqual([]);
  });
});
