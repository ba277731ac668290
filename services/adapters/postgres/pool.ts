/** Connections to a region's database, and the one way to run a statement on them. */
import pg from "pg";
import { toStoreError } from "./errors.ts";

export interface PoolOptions {
  readonly url: string;
  readonly connectionsMax: number;
  /** How long to wait for a connection, and how long for an answer. */
  readonly timeoutMs: number;
  readonly applicationName: string;
  /** Told of each connection that breaks while nothing is asked of it. */
  readonly onIdleError?: ((error: Error) => void) | undefined;
}

/** A statement with a name is prepared once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** `writing` if it can change anything. */
  readonly effect: "reading" | "writing";
}

const IDLE_TIMEOUT_MS = 60_000;
/** The server gives up first: its refusal is a certain outcome, our giving up isn't. */
const SERVER_SHARE_OF_TIMEOUT = 0.9;

/**
 * For every session. All statements find their rows by index: with these settings a plan that was made while a table
 * was new and empty stays right when it has a million rows that nobody has analysed yet.
 */
const SESSION_SETTINGS = {
  // An acknowledgement means that the row survives a crash (I1), whatever the server's default is.
  synchronous_commit: "on",
  // Statements of a flush must see what was committed before its lock was granted.
  default_transaction_isolation: "read\\ committed",
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  enable_memoize: "off",
  plan_cache_mode: "force_generic_plan",
  jit: "off",
  search_path: "public",
  TimeZone: "UTC",
} as const;

export class Database {
  readonly #pool: pg.Pool;
  #closing: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    const { url, sessionOptions } = splitUrl(options.url);
    this.#pool = new pg.Pool({
      connectionString: url,
      options: sessionOptions,
      max: options.connectionsMax,
      application_name: options.applicationName,
      connectionTimeoutMillis: options.timeoutMs,
      query_timeout: options.timeoutMs,
      statement_timeout: Math.ceil(options.timeoutMs * SERVER_SHARE_OF_TIMEOUT),
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
    });
    // Without listeners a broken connection would end the process. Whoever uses one hears of it from the statement.
    this.#pool.on("error", (error) => options.onIdleError?.(error));
    this.#pool.on("connect", (client) => client.on("error", ignore));
  }

  /**
   * Runs one statement, which is a transaction of its own.
   * @throws {StoreUnavailableError}
   */
  async query<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const client = await this.#connect();
    try {
      const { name, text } = statement;
      const { rows } = await client.query<Row>({ name, text, values: [...values] });
      client.release();
      return rows;
    } catch (error) {
      // Whether the session can still be used isn't worth finding out.
      client.release(true);
      throw toStoreError(error, statement.effect);
    }
  }

  /** Like `query`, for a statement that answers with exactly one row. */
  async queryOne<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row> {
    const [row, ...others] = await this.query<Row>(statement, values);
    if (row === undefined || others.length > 0) {
      throw new TypeError(`${statement.name} answered with ${others.length + (row ? 1 : 0)} rows, not one`);
    }
    return row;
  }

  /**
   * Lends a connection for a transaction that only reads, and takes it back however the generator ends.
   * @throws {StoreUnavailableError}
   */
  async *reading<Value>(
    generate: (client: pg.PoolClient) => AsyncGenerator<Value>,
  ): AsyncGenerator<Value, void, undefined> {
    const client = await this.#connect();
    let isUsable = false;
    try {
      yield* generate(client);
      isUsable = true;
    } catch (error) {
      throw toStoreError(error, "reading");
    } finally {
      // A reader that stops early leaves a transaction open: closing the connection ends it for certain.
      client.release(!isUsable);
    }
  }

  /** Waits for the statements that are under way. */
  close(): Promise<void> {
    this.#closing ??= this.#pool.end();
    return this.#closing;
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw toStoreError(error, "connecting");
    }
  }
}

function ignore(): void {
  // The statement that was under way has failed with the same error.
}

/** The driver lets settings in the URL replace ours; they are put in front of ours instead. */
function splitUrl(text: string): { url: string; sessionOptions: string } {
  const ours = Object.entries(SESSION_SETTINGS).map(([name, value]) => `-c ${name}=${value}`);
  const url = new URL(text);
  const theirs = url.searchParams.get("options");
  url.searchParams.delete("options");
  return { url: url.href, sessionOptions: [...(theirs === null ? [] : [theirs]), ...ours].join(" ") };
}
