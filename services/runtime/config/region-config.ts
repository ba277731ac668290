/** The configuration as the parts of a region process take it, made of the options' values. */
import type { LogLevel } from "../logger.ts";
import type { Topology } from "../topology.ts";
import { accessConfigOf, type AccessConfig } from "./access-config.ts";
import { MEGABYTE } from "./memory-default.ts";
import type { ProcessRole } from "./options/process.ts";
import type { Values } from "./schema.ts";
import { natsConfigOf, postgresUrlOf, type NatsConfig } from "./wire-config.ts";

export interface RegionConfig {
  readonly region: string;
  readonly topology: Topology;
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly connectionsMax: number;
    /** How long a process that is told to stop still serves requests. */
    readonly stopNoticeMs: number;
  };
  readonly postgres: { readonly url: string; readonly connectionsMax: number };
  readonly nats: NatsConfig;
  readonly sessionSecret: string;
  readonly access: AccessConfig;
  readonly roles: readonly ProcessRole[];
  readonly logLevel: LogLevel;
  /** Of an OpenTelemetry collector that takes OTLP over HTTP. */
  readonly traceExportUrl: string | undefined;
  /** Where a test wants the process to die. */
  readonly crashAt: string | undefined;
  /** What may wait in one partition's WAL. */
  readonly wal: { readonly rowsMax: number; readonly bytesMax: number; readonly ageMsMax: number };
  /** What the process may take on at once, and hold in memory. */
  readonly admission: { readonly requestsMax: number; readonly memoryBytesMax: number };
  /** Whether the log's leader is moved where agreement is quickest, and how patiently. */
  readonly placement: {
    readonly isAutomatic: boolean;
    readonly lookEveryMs: number;
    readonly settledMs: number;
    readonly coolDownMs: number;
  };
  /** How long conflicts are kept, in log time. */
  readonly conflicts: { readonly retentionMs: number };
  /** How often is trimmed what every member has, how long it is kept in log time, and how long a member is waited for. */
  readonly trim: {
    readonly everyMs: number;
    readonly logRetentionMs: number;
    readonly walRetentionMs: number;
    readonly operationRetentionMs: number;
    readonly changesRetentionMs: number;
    readonly awayMsMax: number;
  };
  /** How often the cluster verifies each partition by itself, 0 for never; and whether it repairs what a majority proves. */
  readonly verification: { readonly everyMs: number; readonly isRepairAutomatic: boolean };
  /** Where faults of a cluster on one machine are ordered; undefined everywhere else. */
  readonly chaos: ChaosConfig | undefined;
  /** Stop when the process that started this one is gone. */
  readonly exitWithParent: boolean;
}

export interface ChaosConfig {
  /** On this machine. */
  readonly url: string;
  readonly key: string;
}

const MS_PER_SECOND = 1_000;
const MS_PER_HOUR = 3_600_000;

/** @param values read without a problem. */
export function regionConfigOf(values: Values): RegionConfig {
  const { process, http, postgres, wal, admission, placement, keeping, verification, trial } = values;
  return {
    region: process.region,
    topology: process.topology.topology,
    http: {
      host: http.host,
      port: http.port,
      connectionsMax: http.connectionsMax,
      stopNoticeMs: http.stopNoticeMs,
    },
    postgres: { url: postgresUrlOf(values), connectionsMax: postgres.connectionsMax },
    nats: natsConfigOf(values),
    sessionSecret: process.sessionSecret,
    access: accessConfigOf(values),
    roles: process.roles,
    logLevel: process.logLevel,
    traceExportUrl: process.traceExportUrl,
    crashAt: trial.crashAt,
    wal: {
      rowsMax: wal.rowsMax,
      bytesMax: wal.bytesMax,
      ageMsMax: MS_PER_SECOND * wal.ageSecondsMax,
    },
    admission: {
      requestsMax: admission.requestsMax,
      memoryBytesMax: MEGABYTE * admission.memoryMegabytesMax,
    },
    placement,
    conflicts: { retentionMs: MS_PER_HOUR * keeping.conflictHours },
    trim: trimOf(keeping),
    verification: {
      everyMs: MS_PER_SECOND * verification.everySeconds,
      isRepairAutomatic: verification.isRepairAutomatic,
    },
    chaos: chaosOf(trial),
    exitWithParent: trial.exitWithParent,
  };
}

function trimOf(keeping: Values["keeping"]): RegionConfig["trim"] {
  return {
    everyMs: MS_PER_SECOND * keeping.trimEverySeconds,
    logRetentionMs: msOrEver(keeping.logSeconds),
    walRetentionMs: MS_PER_SECOND * keeping.walSeconds,
    operationRetentionMs: MS_PER_SECOND * keeping.operationSeconds,
    changesRetentionMs: MS_PER_SECOND * keeping.changesSeconds,
    awayMsMax: msOrEver(keeping.awaySecondsMax),
  };
}

/** Zero is for ever. */
function msOrEver(seconds: number): number {
  return seconds === 0 ? Number.MAX_SAFE_INTEGER : MS_PER_SECOND * seconds;
}

function chaosOf({ chaosUrl: url, chaosKey: key }: Values["trial"]): ChaosConfig | undefined {
  return url === undefined || key === undefined ? undefined : { url, key };
}
