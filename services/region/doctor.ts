/** The doctor as a region process has it. */
import { readLogFacts } from "../adapters/jetstream/facts.ts";
import { knownMigrations, readDatabaseFacts } from "../adapters/postgres/facts.ts";
import { Doctor, type DoctorOptions } from "../gateway/doctor/doctor.ts";
import type { Surroundings } from "../ports/surroundings.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { streamReplicas } from "./stream-replicas.ts";

const LOOK_TIMEOUT_MS = 3_000;

export function makeDoctor(
  config: RegionConfig,
  parts: Pick<DoctorOptions, "software" | "store" | "gateway" | "clock">,
): Doctor {
  const { region, topology, nats, postgres, trim, verification, wal, logLevel, crashAt } = config;
  return new Doctor({
    ...parts,
    region,
    regions: topology.regions.length,
    partitions: topology.partitions,
    nodeVersion: process.versions.node,
    configuration: {
      logLevel,
      crashAt,
      hasMonitor: nats.monitorUrl !== undefined,
      walRetentionMs: trim.walRetentionMs,
      walAgeMsMax: wal.ageMsMax,
      verifyEveryMs: verification.everyMs,
    },
    postgresConnectionsMax: postgres.connectionsMax,
    isLogTrimmed: trim.logRetentionMs < Number.MAX_SAFE_INTEGER,
    surroundings: surroundingsOf(config),
  });
}

function surroundingsOf({ region, topology, postgres, nats }: RegionConfig): Surroundings {
  const { partitions, regions } = topology;
  const limits = { timeoutMs: LOOK_TIMEOUT_MS };
  return {
    database: () => readDatabaseFacts({ url: postgres.url, ...limits }),
    logServer: () =>
      readLogFacts({ ...nats, region, partitions, replicas: streamReplicas(regions.length), ...limits }),
    knownMigrations,
  };
}
