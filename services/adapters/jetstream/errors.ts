/** What JetStream reports, and the port's error for a connection that is not there. */
import { JetStreamApiError } from "@nats-io/jetstream";
import { LogUnavailableError } from "../../ports/global-log.ts";
import type { Connection } from "../nats/connection.ts";

/** The server's number of an error, such as 10059; undefined for errors that have none. */
export function apiErrorCode(error: unknown): number | undefined {
  // Some answers carry no number although the library's type says so.
  return error instanceof JetStreamApiError ? (error.code as number | undefined) : undefined;
}

/** @throws {LogUnavailableError} when the connection is not open: nothing can have been sent. */
export function assertOpen(connection: Pick<Connection, "isOpen">): void {
  if (!connection.isOpen) throw new LogUnavailableError("the region's nats-server is not connected");
}
