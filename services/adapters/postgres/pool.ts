/**
 * Connections to a region's database, and the one way to run a statement on them.
 *
 *   there ──nothing answered for a whole timeout──▶ away: all connections are cut, statements are refused at once
 *     ▲                                              │
 *     └────────────a probe is answered───────────────┘
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { SnapshotClosedError } from "../../ports/partition-snapshot.ts";
import { StoreUnavailableError } from "../../ports/region-store.ts";
import { connectionOf } from "./address.ts";
import { toStoreError, type Phase } from "./errors.ts";
import { OwnConnection } from "./own-connection.ts";
import { Presence } from "./presence.ts";
import { Sockets } from "./sockets.ts";

export interface PoolOptions {
  readonly url: string;
  readonly connectionsMax: number;
  /** How long to wait for a connection, how long for an answer, and when a database that says nothing counts as away. */
  readonly timeoutMs: number;
  readonly applicationName: string;
  /** Told of each connection that breaks while nothing is asked of it. */
  readonly onIdleError?: ((error: Error) => void) | undefined;
  /** Told when the database counts as away, with the last failure, and when it answers again (undefined). */
  readonly onAway?: ((reason: Error | undefined) => void) | undefined;
}

/** A statement with a name is prepared once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** `writing` if it can change anything. */
  readonly effect: "reading" | "writing";
}

/** Whatever runs a statement that is a transaction of its own, or part of one. */
export interface Queries {
  query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

/** Beside those of the pool, of each kind: snapshots must not keep the fold from committing. */
const OWN_CONNECTIONS_MAX = 16;
const IDLE_TIMEOUT_MS = 60_000;
/** The server gives up first: its refusal is a certain outcome, our giving up isn't. */
const SERVER_SHARE_OF_TIMEOUT = 0.9;
/** Statements that may wait for a connection. */
const WAITING_MAX = 1_024;
const MS_PER_SECOND = 1_000;
const PROBE_EVERY_MS = 250;
const PROBE_TIMEOUT_MS = 2_000;
/** A closed pool waits so long for statements that are under way, and for the server to hear of the end. */
const CLOSE_TIMEOUT_MS = 2_000;

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
  readonly #options: PoolOptions;
  readonly #pool: pg.Pool;
  readonly #connection: pg.ClientConfig;
  readonly #presence: Presence;
  readonly #sockets = new Sockets();
  readonly #apart = { reading: new Set<OwnConnection>(), writing: new Set<OwnConnection>() };
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    const { url, sessionOptions } = splitUrl(options.url);
    this.#options = options;
    this.#presence = new Presence(options.timeoutMs);
    this.#connection = {
      ...connectionOf(url),
      options: sessionOptions,
      application_name: options.applicationName,
      stream: () => this.#sockets.make(),
      keepAlive: true,
    };
    this.#pool = new pg.Pool({
      ...this.#connection,
      max: options.connectionsMax,
      connectionTimeoutMillis: options.timeoutMs,
      query_timeout: options.timeoutMs,
      statement_timeout: Math.ceil(options.timeoutMs * SERVER_SHARE_OF_TIMEOUT),
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
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
    return this.#run(statement, async (client, { name, text }) => {
      const { rows } = await client.query<Row>({ name, text, values: [...values] });
      return rows;
    });
  }

  /**
   * Like `query`, with each row as an array of its columns: where rows come by the thousand, objects cost the driver more
   * than all else.
   */
  async queryArrays<Row extends unknown[]>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#run(statement, async (client, { name, text }) => {
      const { rows } = await client.query<Row>({ name, text, values: [...values], rowMode: "array" });
      return rows;
    });
  }

  /** Like `query`, for a statement that answers with exactly one row. */
  async queryOne<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row> {
    return theOnly(statement, await this.query<Row>(statement, values));
  }

  /** Like `queryOne`, on a connection beside the pool's: for what may take longer than statements of requests. */
  async queryOneApart<Row extends pg.QueryResultRow>(
    statement: Statement,
    { values, timeoutMs }: { values: readonly unknown[]; timeoutMs: number },
  ): Promise<Row> {
    const connection = await this.connectApart({ holdMsMax: timeoutMs, effect: statement.effect });
    try {
      return theOnly(statement, await connection.query<Row>(statement, values));
    } finally {
      connection.end();
    }
  }

  /**
   * Lends a connection for a transaction that only reads, and takes it back however the generator ends.
   * @throws {StoreUnavailableError}
   */
  async *reading<Value>(
    generate: (client: pg.PoolClient) => AsyncGenerator<Value>,
  ): AsyncGenerator<Value, void, undefined> {
    const client = await this.#connect(performance.now());
    let isUsable = false;
    try {
      yield* generate(client);
      isUsable = true;
    } catch (error) {
      throw this.#failure(error, "reading", performance.now());
    } finally {
      // A reader that stops early leaves a transaction open: closing the connection ends it for certain.
      client.release(!isUsable);
    }
  }

  /**
   * Opens a connection beside the pool's, whose statements are bounded by `holdMsMax` alone. Whoever asks for it ends it.
   * @throws {StoreUnavailableError}
   */
  async connectApart({
    holdMsMax,
    effect = "reading",
  }: {
    holdMsMax: number;
    effect?: Statement["effect"];
  }): Promise<OwnConnection> {
    const askedAtMs = performance.now();
    this.#checkPresence();
    if (this.#isClosing) throw refusal("is being closed");
    const apart = this.#apart[effect];
    if (apart.size >= OWN_CONNECTIONS_MAX) {
      const what = effect === "reading" ? "snapshots" : "connections for long statements";
      throw refusal(`${OWN_CONNECTIONS_MAX} ${what} are open already`);
    }
    const connection = new OwnConnection({
      config: this.#connection,
      timeoutMs: this.#options.timeoutMs,
      holdMsMax,
      failure: (error, sentAtMs) => this.#failure(error, effect, sentAtMs),
      endedError: () => endedError(effect),
      onEnd: (ended) => void apart.delete(ended),
    });
    apart.add(connection);
    try {
      await connection.open();
      return connection;
    } catch (error) {
      if (this.#isClosing) throw refusal("is being closed");
      throw this.#failure(error, "connecting", askedAtMs);
    }
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Gives statements that are under way a moment to end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    for (const apart of [this.#apart.reading, this.#apart.writing])
      for (const connection of apart) connection.end();
    const over = new AbortController();
    const late = sleep(CLOSE_TIMEOUT_MS, undefined, { signal: over.signal }).catch(ignore);
    const ended = this.#pool.end().then(() => this.#sockets.closed());
    await Promise.race([ended, late]);
    over.abort();
    this.#sockets.cut();
  }

  async #run<Row>(
    statement: Statement,
    ask: (client: pg.PoolClient, statement: Statement) => Promise<Row[]>,
  ): Promise<Row[]> {
    const askedAtMs = performance.now();
    const client = await this.#connect(askedAtMs);
    try {
      const rows = await ask(client, statement);
      client.release();
      this.#presence.answered(performance.now());
      return rows;
    } catch (error) {
      // Whether the session can still be used isn't worth finding out.
      client.release(true);
      throw this.#failure(error, statement.effect, askedAtMs);
    }
  }

  #checkPresence(): void {
    if (!this.#presence.isAway) return;
    const forSeconds = Math.round(this.#presence.unansweredMs(performance.now()) / MS_PER_SECOND);
    throw refusal(`has not answered for ${forSeconds} s`);
  }

  async #connect(askedAtMs: number): Promise<pg.PoolClient> {
    this.#checkPresence();
    if (this.#pool.waitingCount >= WAITING_MAX) {
      throw refusal(`${WAITING_MAX} statements already wait for a connection`);
    }
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw this.#failure(error, "connecting", askedAtMs);
    }
  }

  /** The error to throw; what it says of the database is taken note of. */
  #failure(error: unknown, phase: Phase, askedAtMs: number): unknown {
    const failure = toStoreError(error, phase);
    if (this.#closing !== undefined || !(failure instanceof StoreUnavailableError)) return failure;
    const nowMs = performance.now();
    // A server that refuses connections is of no more use than one that is silent.
    if (phase !== "connecting" && isAnswer(error)) this.#presence.answered(nowMs);
    else if (this.#presence.failed(askedAtMs, nowMs)) void this.#awaitReturn(failure);
    return failure;
  }

  /** Every connection may lead nowhere by now, and one that is tried costs whoever tries it a whole timeout. */
  async #awaitReturn(reason: Error): Promise<void> {
    this.#options.onAway?.(reason);
    this.#sockets.cut();
    // Whoever waits for one of them hears that its outcome is not known, and looks once the database is back.
    for (const connection of this.#apart.writing) connection.end();
    const { signal } = this.#closed;
    while (this.#presence.isAway && !signal.aborted) {
      if (await this.#probe()) this.#presence.answered(performance.now());
      else await sleep(PROBE_EVERY_MS, undefined, { signal }).catch(ignore);
    }
    if (!signal.aborted) this.#options.onAway?.(undefined);
  }

  async #probe(): Promise<boolean> {
    const timeoutMs = Math.min(PROBE_TIMEOUT_MS, this.#options.timeoutMs);
    const sockets = new Sockets();
    const client = new pg.Client({
      ...this.#connection,
      stream: () => sockets.make(),
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
    });
    client.on("error", ignore);
    const { signal } = this.#closed;
    const cut = () => sockets.cut();
    signal.addEventListener("abort", cut, { once: true });
    try {
      await client.connect();
      await client.query("select 1");
      return true;
    } catch {
      return false;
    } finally {
      signal.removeEventListener("abort", cut);
      sockets.cut();
    }
  }
}

function theOnly<Row>({ name }: Statement, [row, ...others]: readonly Row[]): Row {
  if (row !== undefined && others.length === 0) return row;
  throw new TypeError(`${name} answered with ${others.length + (row === undefined ? 0 : 1)} rows, not one`);
}

function endedError(effect: Statement["effect"]): Error {
  if (effect === "reading")
    return new SnapshotClosedError("the snapshot was closed, or was open for too long");
  return new StoreUnavailableError("PostgreSQL: no answer in time", { outcome: "unknown" });
}

function refusal(why: string): StoreUnavailableError {
  return new StoreUnavailableError(`PostgreSQL: ${why}`, { outcome: "none" });
}

/** An error of the server within a session that lives on. */
function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === "ERROR";
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
