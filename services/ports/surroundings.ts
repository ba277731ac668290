/** What a region process stands on, looked at from outside of its daily work: its database, its nats-server. */
import type { DatabaseFacts } from "../core/doctor/judge-database.ts";
import type { LogServerFacts } from "../core/doctor/judge-log.ts";

/** Each look has connections of its own, and ends by itself; it rejects where it could not look. */
export interface Surroundings {
  database(): Promise<DatabaseFacts>;
  logServer(): Promise<LogServerFacts>;
  /** Journal times of the migrations that this software has. */
  knownMigrations(): readonly number[];
}
