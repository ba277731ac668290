/** The stores of a region process: each with connections of its own, and a name in the log. */
import { openPostgresStore } from "../adapters/postgres/store.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

export function openStore(
  purpose: "requests" | "roles",
  options: {
    readonly config: Pick<RegionConfig, "postgres" | "region">;
    readonly connectionsMax: number;
    readonly logger: Logger;
  },
): RegionStore {
  const { config, connectionsMax, logger } = options;
  return openPostgresStore({
    url: config.postgres.url,
    region: config.region,
    connectionsMax,
    onIdleError: (error) =>
      logger.warn({ purpose, error: describeError(error) }, "a database connection was lost"),
    onAway: (reason) => {
      if (reason === undefined) logger.info({ purpose }, "the database answers again");
      else
        logger.error(
          { purpose, error: describeError(reason) },
          "the database is away: what needs it is refused",
        );
    },
  });
}
