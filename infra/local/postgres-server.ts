/** One region's PostgreSQL server: make its data folder once → write the configuration → start → wait until it answers. */
import { chownSync, existsSync, readFileSync, rmSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { connectionOf } from "../../services/adapters/postgres/address.ts";
import type { CertificateFiles } from "./certificates.ts";
import { Child, describeExit, type ChildExit } from "./child.ts";
import { StartError, messageOf } from "./errors.ts";
import { readTextIfPresent } from "./files.ts";
import { LOOPBACK } from "./ports.ts";
import { ENCRYPTED_ACCESS, postgresConfig, type PostgresTls } from "./postgres-config.ts";
import { makeDataFolder } from "./postgres-template.ts";
import { identifyProcess } from "./process-identity.ts";
import type { PostgresPrograms } from "./provision/postgres.ts";
import { endProcess, type RunRecords } from "./run-records.ts";
import { makeFolderOf, type ServerUser } from "./server-user.ts";
import { GiveUpError, waitFor } from "./wait.ts";

export interface PostgresServerOptions {
  readonly region: string;
  readonly programs: PostgresPrograms;
  /** Holds the data folder and the configuration; the server's user must be able to get there. */
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  /** Where it speaks TLS, and nothing else. */
  readonly tls?: CertificateFiles | undefined;
  readonly user: ServerUser | undefined;
  readonly logPath: string;
  readonly records: RunRecords;
}

/** Fast ends the sessions and writes everything out; immediate ends as a crash would, and recovers at the next start. */
export type PostgresStopMode = "fast" | "immediate";

const ROLE = "forebay";
const DATABASE = "forebay";
const START_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;
const STOP_GRACE_MS = 15_000;
const STOP_SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT" } as const;

export class PostgresServer {
  /** The region's database: `postgres://forebay:…@127.0.0.1:port/forebay`. */
  readonly url: string;
  readonly #options: PostgresServerOptions;
  #child: Child | undefined;

  constructor(options: PostgresServerOptions) {
    this.#options = options;
    this.url = this.#urlOf(DATABASE);
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.isRunning === true ? this.#child.pid : undefined;
  }

  /** Resolves when the process that was started last has ended. */
  get exited(): Promise<ChildExit> | undefined {
    return this.#child?.exited;
  }

  /**
   * Starts the server and returns once its database can be used.
   * @throws {StartError} when it ends or does not answer, with the end of its log.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.pid !== undefined) {
      return;
    }
    await this.#makeDataFolder(signal);
    await this.#endPredecessor();
    const { folder, programs, port, user, logPath, records } = this.#options;
    const configPath = join(folder, "postgresql.conf");
    this.#writeOwned(configPath, postgresConfig({ port, tls: this.#writeTls() }));
    const child = await Child.spawn({
      command: programs.postgres,
      args: ["-D", this.#dataFolder, "-c", `config_file=${configPath}`],
      logPath,
      environment: serverEnvironment(),
      workingFolder: folder,
      user,
    });
    this.#child = child;
    records.add(this.#recordName, child.pid, "SIGINT");
    await this.#waitUntilUsable(child, signal);
  }

  get isPaused(): boolean {
    return this.#child?.isPaused === true;
  }

  /** Freezes the server with all its backends: connections are accepted by the system, and nothing answers. */
  pause(): void {
    this.#child?.pause();
  }

  resume(): void {
    this.#child?.resume();
  }

  async stop(mode: PostgresStopMode = "fast"): Promise<void> {
    await this.#child?.stop(STOP_SIGNALS[mode], STOP_GRACE_MS);
    this.#options.records.remove(this.#recordName);
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#options.records.remove(this.#recordName);
  }

  get #recordName(): string {
    return `postgres-${this.#options.region}`;
  }

  get #dataFolder(): string {
    return join(this.#options.folder, "data");
  }

  #urlOf(database: string): string {
    const { password, port, tls } = this.#options;
    const url = new URL(`postgres://${ROLE}:${password}@${LOOPBACK}:${port}/${database}`);
    if (tls !== undefined) {
      url.searchParams.set("sslmode", "verify-full");
      url.searchParams.set("sslrootcert", tls.caFile);
    }
    return url.href;
  }

  /** Copies that the server's user can read; it wants the key to be nobody else's. */
  #writeTls(): PostgresTls | undefined {
    const { folder, tls } = this.#options;
    if (tls === undefined) return undefined;
    const [certFile, keyFile, accessFile] = ["server.pem", "server-key.pem", "pg_hba.conf"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    this.#writeOwned(certFile, readFileSync(tls.certFile, "utf8"));
    this.#writeOwned(keyFile, readFileSync(tls.keyFile, "utf8"));
    this.#writeOwned(accessFile, ENCRYPTED_ACCESS);
    return { certFile, keyFile, accessFile };
  }

  /** Made under another name and renamed, so that one that was interrupted is never taken for a whole one. */
  async #makeDataFolder(signal: AbortSignal | undefined): Promise<void> {
    const { folder, programs, password, user } = this.#options;
    makeFolderOf(folder, user);
    if (existsSync(this.#dataFolder)) {
      return;
    }
    const unfinished = join(folder, "data.new");
    rmSync(unfinished, { recursive: true, force: true });
    await makeDataFolder(
      { path: unfinished, role: ROLE, password },
      { programs, user, environment: serverEnvironment(), signal },
    );
    renameSync(unfinished, this.#dataFolder);
  }

  /** A server of a run that was killed before it could write down the id is known from its own lock file. */
  async #endPredecessor(): Promise<void> {
    const pid = Number.parseInt(readTextIfPresent(join(this.#dataFolder, "postmaster.pid")) ?? "", 10);
    const identity = Number.isInteger(pid) ? identifyProcess(pid) : undefined;
    if (identity?.commandLine.includes(this.#dataFolder) === true) {
      await endProcess(this.#recordName, { pid, ...identity, stopSignal: "SIGINT" });
    }
  }

  async #waitUntilUsable(child: Child, signal: AbortSignal | undefined): Promise<void> {
    const probe = async (): Promise<true> => {
      if (!child.isRunning) {
        throw new GiveUpError(new StartError(`it ${describeExit(await child.exited)}`));
      }
      await createDatabaseIfMissing(this.#urlOf("postgres"), DATABASE);
      return true;
    };
    try {
      await waitFor(probe, { what: "answer", timeoutMs: START_TIMEOUT_MS, signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw new StartError(
        `PostgreSQL of region ${this.#options.region} did not come up: ${messageOf(error)}; ` +
          `its log ${this.#options.logPath} ends with:\n${child.lastWords()}`,
        { cause: error },
      );
    }
  }

  #writeOwned(path: string, text: string): void {
    const { user } = this.#options;
    writeFileSync(path, text, { mode: 0o600 });
    if (user !== undefined) {
      chownSync(path, user.uid, user.gid);
    }
  }
}

/** The settings of a PostgreSQL client in the own environment must not reach a server that we start. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("PG"));
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

/** Creates a database on the server that `adminUrl` leads to, unless it is there. */
export async function createDatabaseIfMissing(adminUrl: string, database: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const found = await client.query("select 1 from pg_database where datname = $1", [database]);
    if (found.rowCount === 0) {
      // The template's locale is unknown on a server that is not ours; the bytes' order must be the same everywhere.
      const name = client.escapeIdentifier(database);
      await client.query(`create database ${name} template template0 encoding 'UTF8' locale 'C'`);
    }
  });
}

/** Drops a database, ending the sessions that use it. */
export async function dropDatabase(adminUrl: string, database: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    await client.query(`drop database if exists ${client.escapeIdentifier(database)} with (force)`);
  });
}

async function withClient(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({
    ...connectionOf(url),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: START_TIMEOUT_MS,
  });
  // A server that goes away while nothing is asked of it must not end this process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
