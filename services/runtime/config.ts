/** The configuration of a region process. The only file that reads the environment. */
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import { PLACEMENT_DEFAULTS } from "../core/placement/decide.ts";
import { readAccess, redactAccess, type AccessConfig } from "./config-access.ts";
import { readNats, readPostgresUrl, type NatsConfig } from "./config-wire.ts";
import { LOG_LEVELS, type LogLevel } from "./logger.ts";
import { InvalidTopologyError, readTopology, type Topology } from "./topology.ts";

export const PROCESS_ROLES = ["gateway", "relay", "applier"] as const;
export type ProcessRole = (typeof PROCESS_ROLES)[number];

export interface RegionConfig {
  readonly region: string;
  readonly topology: Topology;
  readonly http: { readonly host: string; readonly port: number; readonly connectionsMax: number };
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

/** Everything that is wrong with the environment, at once. */
export class InvalidConfigError extends Error {
  override readonly name = "InvalidConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`the configuration is not complete:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

export type Environment = { readonly [name: string]: string | undefined };

const PORT_MAX = 65_535;
const SECRET_LENGTH_MIN = 32;
const POSTGRES_CONNECTIONS_MAX = 1_000;
const WAL_ROWS_MAX_DEFAULT = 5_000_000;
const WAL_BYTES_MAX_DEFAULT = 4 * 1024 ** 3;
/** An outage of the log is not to stop local writes: before a day is over the rows are what runs out. */
const WAL_AGE_SECONDS_MAX_DEFAULT = 86_400;
const POSTGRES_CONNECTIONS_MAX_DEFAULT = 16;
const HTTP_CONNECTIONS_MAX_DEFAULT = 4_096;
const HTTP_CONNECTIONS_MAX = 100_000;
const REQUESTS_MAX_DEFAULT = 8_192;
const REQUESTS_MAX = 100_000;
const MEGABYTE = 1024 ** 2;
const MEMORY_MEGABYTES_MIN = 64;
const MS_PER_SECOND = 1_000;
const MS_PER_HOUR = 3_600_000;
const TRIM_SECONDS_DEFAULT = 60;
const SECONDS_PER_HOUR = 3_600;
/** Whoever finds the log trimmed can't come back yet: that it is trimmed at all has to be asked for. */
const LOG_RETENTION_SECONDS_DEFAULT = 0;
const WAL_RETENTION_SECONDS_DEFAULT = SECONDS_PER_HOUR;
const OPERATION_RETENTION_SECONDS_DEFAULT = 24 * SECONDS_PER_HOUR;
/** Over a weekend: a pipeline that stands still goes on on Monday. */
const CHANGES_RETENTION_SECONDS_DEFAULT = 72 * SECONDS_PER_HOUR;
const MEMBER_AWAY_SECONDS_MAX_DEFAULT = 0;
const VERIFY_SECONDS_DEFAULT = SECONDS_PER_HOUR;
const LEADER_LOOK_MS_DEFAULT = 5_000;
const CONFLICT_RETENTION_HOURS_DEFAULT = 30 * 24;
/** A hundred years: for ever. */
const CONFLICT_RETENTION_HOURS_MAX = 876_000;

/** @throws {InvalidConfigError} lists what is wrong and what would be right. */
export function readConfig(environment: Environment): RegionConfig {
  const reader = new Reader(environment);
  const topology = reader.topology("FOREBAY_TOPOLOGY");
  const config: RegionConfig = {
    region: reader.region("FOREBAY_REGION", topology),
    topology,
    http: {
      host: reader.text("FOREBAY_HTTP_HOST", "127.0.0.1"),
      port: reader.integer("FOREBAY_HTTP_PORT", { minimum: 0, maximum: PORT_MAX }),
      connectionsMax: reader.integer("FOREBAY_CONNECTIONS_MAX", {
        minimum: 1,
        maximum: HTTP_CONNECTIONS_MAX,
        otherwise: HTTP_CONNECTIONS_MAX_DEFAULT,
      }),
    },
    postgres: {
      url: readPostgresUrl(reader),
      connectionsMax: reader.integer("FOREBAY_POSTGRES_CONNECTIONS_MAX", {
        minimum: 2,
        maximum: POSTGRES_CONNECTIONS_MAX,
        otherwise: POSTGRES_CONNECTIONS_MAX_DEFAULT,
      }),
    },
    nats: readNats(reader),
    sessionSecret: reader.secret("FOREBAY_SESSION_SECRET"),
    access: readAccess(reader, reader.text("FOREBAY_HTTP_HOST", "127.0.0.1")),
    roles: reader.list("FOREBAY_ROLES", PROCESS_ROLES),
    logLevel: reader.choice("FOREBAY_LOG_LEVEL", LOG_LEVELS, "info"),
    traceExportUrl: reader.optionalUrl("FOREBAY_TRACE_EXPORT_URL", ["http:", "https:"]),
    crashAt: reader.optional("FOREBAY_CRASH_AT"),
    wal: readWal(reader),
    admission: readAdmission(reader),
    placement: reader.placement(),
    conflicts: {
      retentionMs:
        MS_PER_HOUR *
        reader.integer("FOREBAY_CONFLICT_RETENTION_HOURS", {
          minimum: 1,
          maximum: CONFLICT_RETENTION_HOURS_MAX,
          otherwise: CONFLICT_RETENTION_HOURS_DEFAULT,
        }),
    },
    trim: readTrim(reader),
    verification: readVerification(reader),
    chaos: reader.chaos(),
    exitWithParent: reader.choice("FOREBAY_EXIT_WITH_PARENT", ["0", "1"], "0") === "1",
  };
  if (reader.problems.length > 0) throw new InvalidConfigError(reader.problems);
  return config;
}

function readWal(reader: Reader): RegionConfig["wal"] {
  const bound = (name: string, otherwise: number) => reader.integer(name, { minimum: 1, otherwise });
  return {
    rowsMax: bound("FOREBAY_WAL_ROWS_MAX", WAL_ROWS_MAX_DEFAULT),
    bytesMax: bound("FOREBAY_WAL_BYTES_MAX", WAL_BYTES_MAX_DEFAULT),
    ageMsMax: MS_PER_SECOND * bound("FOREBAY_WAL_AGE_SECONDS_MAX", WAL_AGE_SECONDS_MAX_DEFAULT),
  };
}

function readTrim(reader: Reader): RegionConfig["trim"] {
  const duration = (name: string, otherwise: number) =>
    MS_PER_SECOND * reader.integer(name, { minimum: 1, otherwise });
  // 0 is for ever.
  const durationOrEver = (name: string, otherwise: number) => {
    const seconds = reader.integer(name, { minimum: 0, otherwise });
    return seconds === 0 ? Number.MAX_SAFE_INTEGER : MS_PER_SECOND * seconds;
  };
  return {
    everyMs: duration("FOREBAY_TRIM_EVERY_SECONDS", TRIM_SECONDS_DEFAULT),
    logRetentionMs: durationOrEver("FOREBAY_LOG_RETENTION_SECONDS", LOG_RETENTION_SECONDS_DEFAULT),
    walRetentionMs: duration("FOREBAY_WAL_RETENTION_SECONDS", WAL_RETENTION_SECONDS_DEFAULT),
    operationRetentionMs: duration(
      "FOREBAY_OPERATION_RETENTION_SECONDS",
      OPERATION_RETENTION_SECONDS_DEFAULT,
    ),
    changesRetentionMs: duration("FOREBAY_CHANGES_RETENTION_SECONDS", CHANGES_RETENTION_SECONDS_DEFAULT),
    awayMsMax: durationOrEver("FOREBAY_MEMBER_AWAY_SECONDS_MAX", MEMBER_AWAY_SECONDS_MAX_DEFAULT),
  };
}

function readVerification(reader: Reader): RegionConfig["verification"] {
  const everySeconds = reader.integer("FOREBAY_VERIFY_EVERY_SECONDS", {
    minimum: 0,
    otherwise: VERIFY_SECONDS_DEFAULT,
  });
  const isRepairAutomatic = reader.choice("FOREBAY_REPAIR_AUTOMATIC", ["on", "off"], "off") === "on";
  return { everyMs: MS_PER_SECOND * everySeconds, isRepairAutomatic };
}

function readAdmission(reader: Reader): RegionConfig["admission"] {
  return {
    requestsMax: reader.integer("FOREBAY_REQUESTS_MAX", {
      minimum: 1,
      maximum: REQUESTS_MAX,
      otherwise: REQUESTS_MAX_DEFAULT,
    }),
    memoryBytesMax:
      MEGABYTE *
      reader.integer("FOREBAY_MEMORY_MEGABYTES_MAX", {
        minimum: MEMORY_MEGABYTES_MIN,
        otherwise: memoryMegabytesDefault(),
      }),
  };
}

/** Half of what the process's group, or else the machine, has; at most what node's heap can grow to. */
function memoryMegabytesDefault(): number {
  const constrainedBytes = process.constrainedMemory();
  const machineBytes = totalmem();
  const isConstrained = constrainedBytes > 0 && constrainedBytes < machineBytes;
  const bytes = Math.min(
    (isConstrained ? constrainedBytes : machineBytes) / 2,
    getHeapStatistics().heap_size_limit,
  );
  return Math.max(MEMORY_MEGABYTES_MIN, Math.floor(bytes / MEGABYTE));
}

/** The configuration as it may be logged: without secrets. */
export function redactConfig(config: RegionConfig): object {
  const { topology, postgres, nats, chaos } = config;
  return {
    ...config,
    topology: {
      name: topology.name,
      partitions: topology.partitions,
      regions: topology.regions.map((region) => region.name),
    },
    postgres: { ...postgres, url: redactUrl(postgres.url) },
    nats: {
      ...nats,
      url: redactUrl(nats.url),
      maintenance: nats.maintenance && { ...nats.maintenance, url: redactUrl(nats.maintenance.url) },
    },
    sessionSecret: "…",
    access: redactAccess(config.access),
    ...(chaos !== undefined && { chaos: { ...chaos, key: "…" } }),
    traceExportUrl: config.traceExportUrl === undefined ? undefined : redactUrl(config.traceExportUrl),
  };
}

/** Passwords may stand in the URL's authority or in its parameters. */
function redactUrl(text: string): string {
  const url = new URL(text);
  if (url.password !== "") url.password = "redacted";
  for (const name of url.searchParams.keys()) {
    if (/pass|secret|token/i.test(name)) url.searchParams.set(name, "redacted");
  }
  return url.href;
}

interface IntegerBounds {
  readonly minimum: number;
  readonly maximum?: number;
  /** Used when the variable is not set; without it the variable is required. */
  readonly otherwise?: number;
}

/** Takes variables one by one and remembers what was wrong; what it returns for a wrong one is never used. */
class Reader {
  readonly problems: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** A variable that is empty counts as not set. */
  optional(name: string): string | undefined {
    const value = this.#environment[name]?.trim();
    return value === "" ? undefined : value;
  }

  text(name: string, otherwise: string): string {
    return this.optional(name) ?? otherwise;
  }

  topology(name: string): Topology {
    const path = this.#required(name, "the path of a topology file, such as regions/local.yaml");
    const none = { name: "", partitions: 1, regions: [], links: [] };
    if (path === undefined) return none;
    try {
      return readTopology(path);
    } catch (error) {
      if (!(error instanceof InvalidTopologyError)) throw error;
      return this.#wrong(name, error.message, none);
    }
  }

  region(name: string, { regions }: Topology): string {
    const known = regions.map((region) => region.name);
    const hint = known.length === 0 ? "the region's name in the topology" : `one of ${known.join(", ")}`;
    const value = this.#required(name, hint);
    if (value === undefined || known.length === 0 || known.includes(value)) return value ?? "";
    return this.#wrong(
      name,
      `is "${value}", which the topology does not have; it has ${known.join(", ")}`,
      value,
    );
  }

  integer(name: string, { minimum, maximum = Number.MAX_SAFE_INTEGER, otherwise }: IntegerBounds): number {
    const range = `a whole number from ${minimum} to ${maximum}`;
    const text = otherwise === undefined ? this.#required(name, range) : this.optional(name);
    if (text === undefined) return otherwise ?? 0;
    const value = /^\d+$/.test(text.replaceAll("_", "")) ? Number(text.replaceAll("_", "")) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    return this.#wrong(name, `is "${text}"; it must be ${range}`, minimum);
  }

  url(name: string, protocols: readonly string[]): string {
    const text = this.#required(name, `an address that begins with ${protocols[0]}//`);
    return text === undefined ? "" : this.#checkUrl(name, text, protocols);
  }

  optionalUrl(name: string, protocols: readonly string[]): string | undefined {
    const text = this.optional(name);
    return text === undefined ? undefined : this.#checkUrl(name, text, protocols);
  }

  placement(): RegionConfig["placement"] {
    const duration = (name: string, otherwise: number) =>
      this.integer(name, { minimum: 100, maximum: MS_PER_HOUR, otherwise });
    return {
      isAutomatic: this.choice("FOREBAY_LEADER_PLACEMENT", ["on", "off"], "on") === "on",
      lookEveryMs: duration("FOREBAY_LEADER_LOOK_MS", LEADER_LOOK_MS_DEFAULT),
      settledMs: duration("FOREBAY_LEADER_SETTLED_MS", PLACEMENT_DEFAULTS.settledMs),
      coolDownMs: duration("FOREBAY_LEADER_COOL_DOWN_MS", PLACEMENT_DEFAULTS.coolDownMs),
    };
  }

  chaos(): ChaosConfig | undefined {
    const url = this.optionalUrl("FOREBAY_CHAOS_URL", ["http:"]);
    if (url === undefined) return undefined;
    const key =
      this.#required("FOREBAY_CHAOS_KEY", "the key of the control channel at FOREBAY_CHAOS_URL") ?? "";
    if (!URL.canParse(url) || new URL(url).hostname === "127.0.0.1") return { url, key };
    return this.#wrong(
      "FOREBAY_CHAOS_URL",
      "must be at 127.0.0.1: only a local cluster may be broken",
      undefined,
    );
  }

  secret(name: string): string {
    const text = this.#required(name, `at least ${SECRET_LENGTH_MIN} characters, the same in all regions`);
    if (text === undefined || text.length >= SECRET_LENGTH_MIN) return text ?? "";
    const problem = `has ${text.length} characters; it must have at least ${SECRET_LENGTH_MIN}`;
    return this.#wrong(name, problem, text);
  }

  choice<T extends string>(name: string, choices: readonly T[], otherwise: T): T {
    const text = this.optional(name);
    if (text === undefined) return otherwise;
    const found = choices.find((choice) => choice === text);
    return found ?? this.#wrong(name, `is "${text}"; it must be one of ${choices.join(", ")}`, otherwise);
  }

  /** All of the choices when the variable is not set. */
  list<T extends string>(name: string, choices: readonly T[]): readonly T[] {
    const items =
      this.optional(name)
        ?.split(",")
        .map((item) => item.trim()) ?? choices;
    const found = choices.filter((choice) => (items as readonly string[]).includes(choice));
    const unknown = items.filter((item) => !(choices as readonly string[]).includes(item));
    if (unknown.length === 0) return found;
    const problem = `has "${unknown.join(", ")}"; it must list some of ${choices.join(", ")}`;
    return this.#wrong(name, problem, choices);
  }

  #checkUrl(name: string, text: string, protocols: readonly string[]): string {
    if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text;
    // The value is not shown: it may hold a password.
    return this.#wrong(name, `must be an address that begins with ${protocols.join("// or ")}//`, text);
  }

  #required(name: string, hint: string): string | undefined {
    const value = this.optional(name);
    return value ?? this.#wrong(name, `is not set; it must be ${hint}`, undefined);
  }

  #wrong<T>(name: string, problem: string, placeholder: T): T {
    this.problems.push(`${name} ${problem}`);
    return placeholder;
  }
}
