/** A region's database: on a PostgreSQL server of its own that we start, or on one that the user gave. */
import type { ChildExit } from "./child.ts";
import { StartError, messageOf } from "./errors.ts";
import { createDatabaseIfMissing, type PostgresStopMode } from "./postgres-server.ts";

export interface RegionDatabase {
  readonly url: string;
  /** The server's process id while it runs; undefined for a server that is not ours. */
  readonly pid: number | undefined;
  /** The end of the server's process; undefined for a server that is not ours. */
  readonly exited: Promise<ChildExit> | undefined;
  start(signal?: AbortSignal): Promise<void>;
  stop(mode?: PostgresStopMode): Promise<void>;
  kill(): Promise<void>;
  /** False for a server that is not ours. */
  readonly isPaused: boolean;
  /** Freezes the server with all its backends. @throws {StartError} for a server that is not ours. */
  pause(): void;
  resume(): void;
}

/** The name of a region's database on a server that others may use too. */
export function databaseName(clusterId: string, region: string): string {
  return `forebay_${clusterId}_${region}`;
}

/** A database of the given server; the server itself is never started or stopped. */
export class GivenDatabase implements RegionDatabase {
  readonly url: string;
  readonly pid = undefined;
  readonly exited = undefined;
  readonly isPaused = false;
  readonly #adminUrl: string;
  readonly #database: string;

  constructor(adminUrl: string, database: string) {
    const url = new URL(adminUrl);
    url.pathname = `/${database}`;
    this.url = url.href;
    this.#adminUrl = adminUrl;
    this.#database = database;
  }

  async start(): Promise<void> {
    try {
      await createDatabaseIfMissing(this.#adminUrl, this.#database);
    } catch (error) {
      const { host } = new URL(this.#adminUrl);
      throw new StartError(
        `database ${this.#database} can't be made on the PostgreSQL given by URL, at ${host}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  async stop(mode?: PostgresStopMode): Promise<void> {
    if (mode !== undefined) {
      throw new StartError("a PostgreSQL server that was given by URL is not ours to stop");
    }
  }

  async kill(): Promise<void> {}

  pause(): void {
    throw new StartError("a PostgreSQL server that was given by URL is not ours to pause");
  }

  resume(): void {}
}
