/** The stores of a region process: each with connections of its own, and a name in the log. */
import { migrateDatabase } from "../adapters/postgres/migrate.ts";
import { openPostgresStore } from "../adapters/postgres/store.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import type { ProcessMetrics, StorePurpose } from "./metrics/process.ts";

/** Before any of them is used. */
export function migrateStore(options: {
  readonly config: Pick<RegionConfig, "postgres">;
  readonly logger: Logger;
}): Promise<void> {
  return migrateDatabase({
    url: options.config.postgres.url,
    onOldLockHeld: () =>
      options.logger.warn({}, "another session holds the advisory lock of migrations: going on without it"),
  });
}

export function openStore(
  purpose: StorePurpose,
  options: {
    readonly config: Pick<RegionConfig, "postgres" | "region">;
    readonly connectionsMax: number;
    readonly logger: Logger;
    readonly metrics: Pick<ProcessMetrics, "databaseAway">;
  },
): RegionStore {
  const { config, connectionsMax, logger, metrics } = options;
  return openPostgresStore({
    url: config.postgres.url,
    region: config.region,
    connectionsMax,
    onIdleError: (error) =>
      logger.warn({ purpose, error: describeError(error) }, "a database connection was lost"),
    onAway: (reason) => {
      metrics.databaseAway(purpose, reason !== undefined);
      if (reason === undefined) logger.info({ purpose }, "the database answers again");
      else
        logger.error(
          { purpose, error: describeError(reason) },
          "the database is away: what needs it is refused",
        );
    },
  });
}
