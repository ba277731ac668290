/** A PostgreSQL server for one test file: throw-away, real, and durable as in production. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { PortChooser } from "../../../infra/local/ports.ts";
import { PostgresServer } from "../../../infra/local/postgres-server.ts";
import { provisionPostgres } from "../../../infra/local/provision/postgres.ts";
import { RunRecords } from "../../../infra/local/run-records.ts";
import { serverUser } from "../../../infra/local/server-user.ts";
import { migrateDatabase } from "../../../services/adapters/postgres/migrate.ts";

const TEMPLATE = "forebay_template";

export class TestServer {
  readonly server: PostgresServer;
  readonly #folder: string;
  #databases = 0;

  private constructor(server: PostgresServer, folder: string) {
    this.server = server;
    this.#folder = folder;
  }

  static async start(): Promise<TestServer> {
    const folder = mkdtempSync(join(tmpdir(), "forebay-postgres-"));
    // The server runs as another user when we are root, and has to get in.
    chmodSync(folder, 0o755);
    const user = serverUser();
    const server = new PostgresServer({
      region: "test",
      programs: await provisionPostgres({ user }),
      folder: join(folder, "server"),
      port: await new PortChooser().choose(),
      password: randomBytes(12).toString("hex"),
      user,
      logPath: join(folder, "postgres.log"),
      records: new RunRecords(join(folder, "run")),
    });
    await server.start();
    const test = new TestServer(server, folder);
    await test.execute("postgres", `create database ${TEMPLATE}`);
    await migrateDatabase({ url: test.urlOf(TEMPLATE) });
    return test;
  }

  urlOf(database: string): string {
    const url = new URL(this.server.url);
    url.pathname = `/${database}`;
    return url.href;
  }

  /** @returns the URL of a new database with all migrations. */
  async createDatabase(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.execute("postgres", `create database ${name} template ${TEMPLATE}`);
    return this.urlOf(name);
  }

  /** @returns the URL of a new database without anything in it. */
  async createEmptyDatabase(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.execute("postgres", `create database ${name}`);
    return this.urlOf(name);
  }

  async execute(database: string, statement: string): Promise<void> {
    await queryOnce(this.urlOf(database), statement);
  }

  async stop(): Promise<void> {
    await this.server.stop("immediate");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Runs a statement on a connection of its own. */
export async function queryOnce<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Row>(text, [...values]);
    return rows;
  } finally {
    await client.end();
  }
}
