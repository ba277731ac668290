/** Servers that start from copies of one data folder are strangers to each other, however many are made at once. */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { PortChooser } from "../../../infra/local/ports.ts";
import { PostgresServer } from "../../../infra/local/postgres-server.ts";
import { provisionPostgres } from "../../../infra/local/provision/postgres.ts";
import { RunRecords } from "../../../infra/local/run-records.ts";
import { serverUser } from "../../../infra/local/server-user.ts";
import { queryOnce } from "./server.ts";

const PASSWORDS = ["first's", "second", "third"];
const folder = mkdtempSync(join(tmpdir(), "forebay-folders-"));
const cache = join(folder, "cache");
const servers: PostgresServer[] = [];

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop("immediate")));
  rmSync(folder, { recursive: true, force: true });
});

it("makes one template for all that ask at once, and each copy opens to its own password alone", async () => {
  chmodSync(folder, 0o755);
  process.env["FOREBAY_CACHE"] = cache;
  const ports = new PortChooser();
  for (const [index, password] of PASSWORDS.entries()) {
    servers.push(await serverOf(`region-${index}`, password, await ports.choose()));
  }
  await Promise.all(servers.map((server) => server.start()));
  const urls = servers.map(({ url }) => new URL(url));
  for (const { password } of urls) {
    const opened = await Promise.all(urls.map((url) => opensTo(url, password)));
    expect(opened).toEqual(urls.map((url) => url.password === password));
  }
  const store = readdirSync(join(cache, "postgres", "data-folders"));
  expect(store, "one template, and nothing left of making it").toHaveLength(1);
  expect(readdirSync(join(cache, "postgres", "data-folders", store[0]!))).toEqual(["data"]);
}, 180_000);

async function serverOf(region: string, password: string, port: number): Promise<PostgresServer> {
  const user = serverUser();
  return new PostgresServer({
    region,
    programs: await provisionPostgres({ user }),
    folder: join(folder, region),
    port,
    password,
    user,
    logPath: join(folder, `${region}.log`),
    records: new RunRecords(join(folder, "run")),
  });
}

async function opensTo(address: URL, password: string): Promise<boolean> {
  const url = new URL(address);
  url.password = password;
  try {
    await queryOnce(url.href, "select 1");
    return true;
  } catch {
    return false;
  }
}
