/**
 * Passwords, authorities and certificates are replaced on a whole cluster that speaks TLS, as infra/nats/README.md says,
 * while every region takes writes: none of them fails.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, errors } from "@nats-io/transport-node";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issue, makeAuthority, type Authority } from "../../infra/local/certificates.ts";
import { LocalCluster } from "../../infra/local/cluster.ts";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { connectOptions } from "../../services/adapters/nats/address.ts";
import { migrateDatabase } from "../../services/adapters/postgres/migrate.ts";
import { connectionOf } from "../../services/adapters/postgres/address.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { converged, digests, eventually, withStores, type LocalBed } from "./cluster/bed.ts";
import { createCollection, COLLECTION } from "./cluster/load.ts";

const REGIONS = ["eu", "us", "ap"] as const;
const WRITE_PAUSE_MS = 20;

let bed: LocalBed;
let writers: Writers;

beforeAll(async () => {
  const folder = makeTemporaryFolder("rotation");
  const cluster = await LocalCluster.start({
    authentication: "off",
    dataFolder: folder.path,
    topology: join(packageRoot(), "test/integration/topologies/one-partition.yaml"),
    portBase: 0,
    migrate: migrateDatabase,
    tls: true,
  });
  const stop = async () => {
    await cluster.stop();
    folder.remove();
  };
  bed = { cluster, partitions: 1, folder: folder.path, stop };
  await createCollection(bed);
  writers = new Writers();
}, 180_000);

afterAll(async () => {
  await writers.stop();
  await bed.stop();
});

/** One client in each region, that tries each write once. */
class Writers {
  acknowledged = 0;
  readonly failures: string[] = [];
  readonly #running: Promise<unknown>;
  #isStopped = false;

  constructor() {
    this.#running = Promise.all(REGIONS.map((region) => this.#write(region)));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #write(region: string): Promise<void> {
    for (let index = 0; !this.#isStopped; index += 1) {
      try {
        const url = `${bed.cluster.region(region).url}/v1/collections/${COLLECTION}/records/${region}-${index % 50}`;
        const response = await fetch(url, {
          method: "PATCH",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ inc: { total: 1 } }),
        });
        const text = await response.text();
        if (response.status === 202) this.acknowledged += 1;
        else this.failures.push(`${region} ${response.status} ${text}`);
      } catch (error) {
        this.failures.push(`${region} ${String(error)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, WRITE_PAUSE_MS));
    }
  }
}

/** Waits for so many more writes, which the log has taken and every region has folded. */
async function workOn(): Promise<void> {
  const goal = writers.acknowledged + 100;
  await eventually("writes go on", () => (writers.acknowledged >= goal ? true : undefined));
  await withStores(bed, async (stores) => {
    const heads = await Promise.all(
      [...stores].map(async ([name, store]) => [name, (await store.walHead(0)).sequence] as const),
    );
    await eventually("every region has folded them", async () => {
      for (const store of stores.values()) {
        const { origins } = await store.readPositions(0);
        if (heads.some(([name, sequence]) => (origins[name]?.watermark ?? -1) < sequence)) return undefined;
      }
      return true;
    });
  });
  expect(writers.failures).toEqual([]);
}

const variablesPath = (region: string) => join(bed.folder, "nats", region, "variables.conf");

/** In the files of servers, which read them again. */
async function setVariable(name: string, value: string, regions: readonly string[] = REGIONS): Promise<void> {
  for (const region of regions) {
    const text = readFileSync(variablesPath(region), "utf8");
    const line = new RegExp(`^${name}: .*$`, "m");
    expect(text).toMatch(line);
    writeFileSync(variablesPath(region), text.replace(line, `${name}: "${value}"`));
  }
  await reloadNats(regions);
}

async function reloadNats(regions: readonly string[] = REGIONS): Promise<void> {
  for (const region of regions) {
    const { pid, monitorUrl } = bed.cluster.region(region).nats;
    const loadedAt = async () => {
      const answer = (await (await fetch(`${monitorUrl}/varz`)).json()) as { config_load_time: string };
      return answer.config_load_time;
    };
    const before = await loadedAt();
    process.kill(pid!, "SIGHUP");
    await eventually(`${region} has read its configuration`, async () =>
      (await loadedAt()) === before ? undefined : true,
    );
  }
}

const credentialsPath = (region: string, user: string) =>
  join(bed.folder, "nats", region, `${user}.credentials`);

describe("the password of a region", () => {
  it("is replaced: both are valid, then the process has the new one, then the old one is gone", async () => {
    const old = readFileSync(credentialsPath("eu", "region"), "utf8").trim();
    await workOn();
    await setVariable("FOREBAY_NATS_PASSWORD_EU_2", "the-new-one", ["eu"]);
    writeFileSync(credentialsPath("eu", "region"), "eu.2:the-new-one\n");
    // Whoever has the old one is cut off here, and comes again with the new one.
    await setVariable("FOREBAY_NATS_PASSWORD_EU_1", "nobody-knows-this", ["eu"]);
    await workOn();
    await expect(connectWith(old)).rejects.toBeInstanceOf(errors.AuthorizationError);
    await (await connectWith("eu.2:the-new-one")).close();
  }, 120_000);

  it("of maintenance likewise, where the next trim reads it", async () => {
    await setVariable("FOREBAY_NATS_MAINTENANCE_PASSWORD_2", "another-new-one");
    for (const region of REGIONS)
      writeFileSync(credentialsPath(region, "maintenance"), "MAINTENANCE.2:another-new-one\n");
    await setVariable("FOREBAY_NATS_MAINTENANCE_PASSWORD_1", "nobody-knows-this-either");
    const { checks } = (await (await fetch(`${bed.cluster.region("us").url}/v1/doctor`)).json()) as {
      checks: { name: string; verdict: string }[];
    };
    expect(checks.find(({ name }) => name === "trim-permission")).toMatchObject({ verdict: "ok" });
    await workOn();
  }, 120_000);
});

describe("the password of the routes", () => {
  it("is replaced at one server after the other, while local writes go on", async () => {
    for (const region of REGIONS) {
      const text = readFileSync(variablesPath(region), "utf8");
      const old = /^FOREBAY_NATS_ROUTES_PASSWORD: "(.*)"$/m.exec(text)![1]!;
      writeFileSync(variablesPath(region), text.replaceAll(old, "new-between-servers"));
    }
    await reloadNats();
    await workOn();
  }, 120_000);
});

describe("the password of the database", () => {
  it("is replaced by another role that acts as the first", async () => {
    const url = new URL(bed.cluster.region("eu").postgres.url);
    await run(url.href, "create role forebay_2 login password 'second' in role forebay");
    await run(url.href, "alter role forebay_2 set role forebay");
    url.username = "forebay_2";
    url.password = "second";
    expect(await run(url.href, "select current_user as name")).toEqual([{ name: "forebay" }]);
  });
});

async function run(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(connectionOf(url));
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

function connectWith(credentials: string) {
  const { url, tls } = bed.cluster.region("eu").nats;
  const { host } = new URL(url);
  return connect({ ...connectOptions({ url: `tls://${credentials}@${host}`, tls }), reconnect: false });
}

const caPath = () => join(bed.folder, "tls", "ca.pem");

function postgresFolder(region: string): string {
  const { postgresFolder: root } = JSON.parse(readFileSync(join(bed.folder, "state.json"), "utf8")) as {
    postgresFolder: string;
  };
  return join(root, region);
}

/** New ones for nats-server and PostgreSQL. */
async function replaceCertificates(authority: Authority, region: string, names?: readonly string[]) {
  const files = {
    certFile: join(bed.folder, "tls", `${region}.pem`),
    keyFile: join(bed.folder, "tls", `${region}-key.pem`),
  };
  await issue(authority, region, { ...files, ...(names && { names }) });
  writeFileSync(join(postgresFolder(region), "server.pem"), readFileSync(files.certFile));
  writeFileSync(join(postgresFolder(region), "server-key.pem"), readFileSync(files.keyFile));
  process.kill(bed.cluster.region(region).postgres.pid!, "SIGHUP");
}

async function query(url: string): Promise<string> {
  const client = new pg.Client({ ...connectionOf(url), connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ ssl: boolean; issuer: string }>(
      "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
    );
    return rows[0]?.ssl === true ? "encrypted" : "plain";
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const oldBundle = () => join(bed.folder, "tls", "old-ca.pem");
let authority: Authority;

describe("authority and certificates", () => {
  it("are replaced: both authorities are trusted, then servers show the new ones, then the old is not trusted", async () => {
    authority = await makeAuthority("Another authority");
    const old = readFileSync(caPath(), "utf8");
    const another = `${authority.certificate.toString("pem")}\n`;
    writeFileSync(oldBundle(), old);
    writeFileSync(caPath(), old + another);
    await reloadNats();
    await workOn();
    for (const region of REGIONS) await replaceCertificates(authority, region);
    await reloadNats();
    await workOn();
    writeFileSync(caPath(), another);
    await reloadNats();
    await workOn();
  }, 180_000);
});

it("no write has failed, and every region holds the same", async () => {
  await writers.stop();
  expect(writers.failures).toEqual([]);
  await withStores(bed, async (stores) => {
    await converged(bed, stores);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
  });
}, 60_000);

it("encrypts, and refuses whom it can't verify", async () => {
  const { url } = bed.cluster.region("eu").postgres;
  expect(await query(url)).toBe("encrypted");
  const plain = new URL(url);
  plain.searchParams.set("sslmode", "disable");
  expect(await query(plain.href)).toContain("no encryption");
});

async function natsProblem(caFile: string): Promise<string> {
  const { url } = bed.cluster.region("us").nats;
  try {
    const client = await connect({ ...connectOptions({ url, tls: { caFile } }), reconnect: false });
    await client.close();
    return "connected";
  } catch (error) {
    return `${String(error)} ${String((error as Error).cause)}`;
  }
}

function trusting(url: string, caFile: string): string {
  const changed = new URL(url);
  changed.searchParams.set("sslrootcert", caFile);
  return changed.href;
}

describe("afterwards", () => {
  it("nobody is believed whom the old authority has signed, or who trusts that alone", async () => {
    const { url } = bed.cluster.region("us").postgres;
    expect(await query(trusting(url, caPath()))).toBe("encrypted");
    expect(await natsProblem(caPath())).toBe("connected");
    const unsigned = /self-signed|unable to (get|verify)/;
    expect(await query(trusting(url, oldBundle()))).toMatch(unsigned);
    expect(await natsProblem(oldBundle())).toMatch(unsigned);
  });

  it("a process that has run all the time believes the new authority when it connects anew", async () => {
    const { url, postgres } = bed.cluster.region("eu");
    const ended =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'forebay%'";
    expect((await run(postgres.url, ended)).length).toBeGreaterThan(0);
    await eventually("it writes again", async () => {
      const response = await fetch(`${url}/v1/collections/${COLLECTION}/records/afterwards`, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inc: { total: 1 } }),
      });
      return response.status === 202 ? true : undefined;
    });
  }, 90_000);

  it("a region process that starts anew finds its way", async () => {
    await bed.cluster.restartRegion("us");
    const response = await fetch(`${bed.cluster.region("us").url}/readyz`);
    expect(response.status).toBe(200);
  }, 90_000);

  it("a server that shows a certificate for another name is refused", async () => {
    await replaceCertificates(authority, "us", ["elsewhere.example", "10.0.0.1"]);
    await reloadNats();
    const { url } = bed.cluster.region("us").postgres;
    await eventually("the database is refused", async () =>
      /does not match|altnames/.test(await query(url)) ? true : undefined,
    );
    expect(await natsProblem(caPath())).toMatch(/does not match|altnames/);
  }, 60_000);
});
