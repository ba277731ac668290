/** The log as a region process opens it: through its region's own server. */
import { openJetStreamLog, type JetStreamLog } from "../adapters/jetstream/log.ts";
import type { RegionConfig } from "../runtime/config.ts";
import type { Logger } from "../runtime/logger.ts";
import { streamReplicas } from "./stream-replicas.ts";

/** @throws {LogUnavailableError} */
export function openRegionLog(
  { region, topology, nats }: Pick<RegionConfig, "region" | "topology" | "nats">,
  logger: Logger,
): Promise<JetStreamLog> {
  return openJetStreamLog({
    url: nats.url,
    credentialsFile: nats.credentialsFile,
    tls: nats.tls,
    maintenance: nats.maintenance,
    ...(nats.monitorUrl === undefined ? {} : { monitorUrl: nats.monitorUrl }),
    region,
    streamReplicas: streamReplicas(topology.regions.length),
    logger,
  });
}
