/**
 * A connection of its own, beside the pool's, for what takes longer than a statement of a request may: one statement
 * after the other, bounded in all, and ended at any time, in the middle of a statement too. One that fails ends it.
 */
import pg from "pg";
import type { Statement } from "./pool.ts";
import { Sockets } from "./sockets.ts";

/** How soon the server looks whether we are still there, while a statement runs: a cut connection ends it. */
const CONNECTION_CHECK = "250ms";

export interface OwnConnectionOptions {
  readonly config: pg.ClientConfig;
  readonly timeoutMs: number;
  /** The connection ends by itself after this time. */
  readonly holdMsMax: number;
  /** What to throw for a failure of a statement. */
  readonly failure: (error: unknown, askedAtMs: number) => unknown;
  /** What to throw once the connection was ended, by whom ever. */
  readonly endedError: () => Error;
  readonly onEnd: (connection: OwnConnection) => void;
}

export class OwnConnection {
  readonly #options: OwnConnectionOptions;
  readonly #sockets = new Sockets();
  readonly #client: pg.Client;
  /** Rejected once the connection has ended: the driver tells nobody who waits for it to be opened. */
  readonly #over: Promise<never>;
  #tellOver: () => void = () => undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** What a statement has failed with: it has ended the transaction, and all after it fail with the same. */
  #failed: { readonly error: unknown } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(options: OwnConnectionOptions) {
    this.#options = options;
    this.#client = new pg.Client({
      ...options.config,
      stream: () => this.#sockets.make(),
      connectionTimeoutMillis: options.timeoutMs,
      statement_timeout: options.holdMsMax,
      idle_in_transaction_session_timeout: options.holdMsMax,
    });
    this.#client.on("error", () => this.end());
    this.#over = new Promise<never>((_, reject) => {
      this.#tellOver = () => reject(options.endedError());
    });
    this.#over.catch(() => undefined);
  }

  async open(): Promise<void> {
    this.#timer = setTimeout(() => this.end(), this.#options.holdMsMax);
    this.#timer.unref();
    try {
      await Promise.race([this.#client.connect(), this.#over]);
      // Where the system can't tell, a statement that nobody waits for runs to its end.
      const checking = this.#client.query(`set client_connection_check_interval = '${CONNECTION_CHECK}'`);
      await Promise.race([checking.catch(() => undefined), this.#over]);
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** Runs a statement after those before it. */
  query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#run<Row>({ ...statement, values: [...values] });
  }

  /** Like `query`, for text that is not worth preparing. */
  ask<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#run<Row>({ text, values: [...values] });
  }

  async #run<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    const before = this.#last;
    const answer = before.then(() => this.#send<Row>(query));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #send<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    if (this.#failed !== undefined) throw this.#failed.error;
    if (this.#isEnded) throw this.#options.endedError();
    const askedAtMs = performance.now();
    try {
      const { rows } = await this.#client.query<Row>(query);
      return rows;
    } catch (error) {
      if (this.#isEnded) throw this.#options.endedError();
      this.#failed = { error: this.#options.failure(error, askedAtMs) };
      this.end();
      throw this.#failed.error;
    }
  }

  /** At once; a statement that is under way fails. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#tellOver();
    // Said politely first: a server that finds the connection gone complains.
    this.#client.end().catch(() => undefined);
    setImmediate(() => this.#sockets.cut());
    this.#options.onEnd(this);
  }
}
