/** PostgreSQL started as the composition starts it, with what was prepared for it: it lets in who verifies it and nobody in clear. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareComposition } from "../../../infra/compose/prepare.ts";
import { Child } from "../../../infra/local/child.ts";
import { PortChooser } from "../../../infra/local/ports.ts";
import { makeDataFolder } from "../../../infra/local/postgres-template.ts";
import { provisionPostgres, type PostgresPrograms } from "../../../infra/local/provision/postgres.ts";
import { makeFolderOf, serverUser } from "../../../infra/local/server-user.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { waitFor } from "../../../infra/local/wait.ts";
import { connectionOf } from "../../../services/adapters/postgres/address.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { readTopology } from "../../../services/runtime/topology.ts";
import { readComposition } from "../../images/compose-rules.ts";
import { composedConfig } from "../../images/composed-region.ts";
import { layOut, mountsOf } from "../../images/composition-mounts.ts";

const NAME = "postgres-eu";
const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 15_000;
const SOCKETS = "/var/run/postgresql";

const composition = readComposition(
  readFileSync(join(packageRoot(), "infra/compose/three-regions.yaml"), "utf8"),
);
const topology = readTopology(join(packageRoot(), "regions/local.yaml"));
const folder = makeTemporaryFolder("composed-postgres");
const prepared = join(folder.path, "prepared");
const root = join(folder.path, NAME);
const data = join(folder.path, "data");
const user = serverUser();

let programs: PostgresPrograms;
let port: number;
/** As region processes are told, but for where the server is. */
let url: URL;
let server: Child | undefined;

beforeAll(async () => {
  await prepareComposition({ folder: prepared, topology });
  programs = await provisionPostgres({ user });
  port = await new PortChooser().choose();
  const told = composedConfig(composition, "eu", { prepared, root: join(folder.path, "told") });
  url = new URL(told.postgres.url);
  url.host = `localhost:${port}`;
  url.pathname = "/postgres";
  makeFolderOf(data, user);
  await makeDataFolder(
    { path: join(data, "18"), role: "forebay", password: url.password },
    { programs, user, environment: process.env },
  );
  makeFolderOf(join(root, SOCKETS), user);
  writeEntryPoint();
  server = await start();
  await untilItAnswers(server);
}, 180_000);

afterAll(async () => {
  await server?.stop("SIGINT", STOP_GRACE_MS);
  folder.remove();
});

/** In place of the image's own, whose first steps are done: it makes the server the process that it was started as. */
function writeEntryPoint(): void {
  const lines = [
    "#!/bin/sh",
    "shift",
    `exec '${programs.postgres}' -D '${join(data, "18")}' "$@" -c port=${port} -c listen_addresses=127.0.0.1 \\`,
    `  -c unix_socket_directories='${join(root, SOCKETS)}'`,
  ];
  writeFileSync(join(folder.path, "docker-entrypoint.sh"), `${lines.join("\n")}\n`, { mode: 0o755 });
}

/** By entry point and command of the composition; containers get each `$$` there as `$`. */
async function start(change: (word: string) => string = (word) => word): Promise<Child> {
  const inside = layOut(mountsOf(composition, NAME), prepared, root);
  const { entrypoint = [], command = [] } = composition.services[NAME] ?? {};
  const [program = "", ...args] = [...entrypoint, ...command.map(change)].map((word) =>
    inside.outside(word.replaceAll("$$", "$")),
  );
  return Child.spawn({
    command: program,
    args,
    logPath: join(folder.path, "postgres.log"),
    environment: { PATH: `${folder.path}:${process.env["PATH"] ?? ""}`, LC_ALL: "C" },
    workingFolder: folder.path,
    user,
  });
}

async function untilItAnswers(child: Child): Promise<void> {
  await waitFor(async () => ((await attempt(url)) === "encrypted" ? true : undefined), {
    what: `answer; it has said:\n${child.lastWords()}\n`,
    timeoutMs: START_TIMEOUT_MS,
  });
}

/** @returns "encrypted", "in clear", or why there is no connection. */
async function attempt(address: URL): Promise<string> {
  return using(connectionOf(address.href), async (client) => {
    const { rows } = await client.query<{ ssl: boolean }>(
      "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
    );
    return rows[0]?.ssl === true ? "encrypted" : "in clear";
  });
}

async function using(config: pg.ClientConfig, use: (client: pg.Client) => Promise<string>): Promise<string> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await use(client);
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function changed(change: (address: URL) => void): URL {
  const other = new URL(url);
  change(other);
  return other;
}

const fingerprint = () =>
  using(connectionOf(url.href), async (client) => {
    const { stream } = (client as unknown as { connection: { stream: TLSSocket } }).connection;
    return stream.getPeerCertificate().fingerprint256;
  });

describe("PostgreSQL", () => {
  it("lets in who trusts the authority", async () => {
    expect(await attempt(url)).toBe("encrypted");
  });

  it("is not believed by who does not trust it, or has dialled somebody else", async () => {
    const elsewhere = changed(({ searchParams }) => searchParams.delete("sslrootcert"));
    expect(await attempt(elsewhere)).toMatch(/self-signed|unable to (get|verify)/);
    expect(await attempt(changed((other) => (other.hostname = "127.0.0.1")))).toMatch(
      /does not match|altnames/,
    );
  });

  it("refuses who comes in clear, with the right password", async () => {
    const plain = changed(({ searchParams }) => searchParams.set("sslmode", "disable"));
    expect(await attempt(plain)).toContain("no encryption");
  });

  it("asks for the password", async () => {
    expect(await attempt(changed((other) => (other.password = "another")))).toContain("password");
  });

  it("takes the image's first steps, which come by the socket", async () => {
    const local = { host: join(root, SOCKETS), port, user: "forebay", database: "postgres" };
    expect(await using(local, () => Promise.resolve("connected"))).toBe("connected");
  });

  it("shows a new certificate once it is restarted", async () => {
    const before = await fingerprint();
    await prepareComposition({ folder: prepared, topology, isRenewal: true });
    await server?.stop("SIGINT", STOP_GRACE_MS);
    server = await start();
    await untilItAnswers(server);
    expect(await fingerprint()).toMatch(/^[0-9A-F:]{95}$/);
    expect(await fingerprint()).not.toBe(before);
  }, 90_000);

  it("does not start with the key as it is mounted: so it is given a copy", async () => {
    await server?.stop("SIGINT", STOP_GRACE_MS);
    const refusing = await start((word) =>
      word.startsWith("--ssl_key_file=") ? "--ssl_key_file=/run/secrets/postgres_key" : word,
    );
    expect(await refusing.exited).toEqual({ code: 1, signal: null });
    expect(refusing.lastWords()).toContain("private key file");
  }, 60_000);
});
