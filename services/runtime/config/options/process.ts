/** Which region a process is of, what it does there, and how it is reached. */
import { LOG_LEVELS } from "../../logger.ts";
import { topologyFile } from "../file-kinds.ts";
import { computed, defaulted, optional, required } from "../option.ts";
import { choice, host, integer, listOf, someOf, text } from "../plain-kinds.ts";
import { fetchedAddress, secret } from "../secret-kinds.ts";
import { MEMORY_MEGABYTES_MIN, memoryMegabytesDefault } from "../memory-default.ts";

export const PROCESS_ROLES = ["gateway", "relay", "applier"] as const;
export type ProcessRole = (typeof PROCESS_ROLES)[number];

export const SWITCH = { on: "on", off: "off" };
const SECRET_LENGTH_MIN = 32;

export const processOptions = {
  topology: required({
    variable: "FOREBAY_TOPOLOGY",
    key: "topology",
    kind: topologyFile,
    summary:
      "Names the regions of the cluster, the links between them and the number of partitions; the same in all regions.",
  }),
  region: required({
    variable: "FOREBAY_REGION",
    key: "region",
    kind: text("the name of one of the topology's regions"),
    summary: "The region that the process is of.",
  }),
  roles: defaulted({
    variable: "FOREBAY_ROLES",
    key: "roles",
    kind: someOf(PROCESS_ROLES),
    otherwise: PROCESS_ROLES,
    summary: "What the process does: answers clients, ships the WAL, folds the log.",
  }),
  sessionSecret: required({
    variable: "FOREBAY_SESSION_SECRET",
    key: "session.secret",
    kind: secret(SECRET_LENGTH_MIN, ", the same in all regions"),
    summary: "Signs session tokens, cursors and bookmarks, which every region takes from every other.",
  }),
  logLevel: defaulted({
    variable: "FOREBAY_LOG_LEVEL",
    key: "log.level",
    kind: choice(LOG_LEVELS),
    otherwise: "info",
    summary: "The least severe of what is logged; `forebay log-level` changes it while the process runs.",
  }),
  traceExportUrl: optional({
    variable: "FOREBAY_TRACE_EXPORT_URL",
    key: "trace.export_url",
    kind: fetchedAddress(["http:", "https:"]),
    summary: "Where sampled traces are sent: an OpenTelemetry collector that takes OTLP over HTTP in JSON.",
  }),
};

const PORT_MAX = 65_535;
const CONNECTIONS_MAX = 100_000;
const REQUESTS_MAX = 100_000;
const MEMORY_MEGABYTES_MAX = 16_777_216;
const TRUSTED_PROXIES_MAX = 8;
/** Balancers look every few seconds, and want to see it twice. */
const STOP_NOTICE_MS_DEFAULT = 5_000;
const STOP_NOTICE_MS_MAX = 300_000;

export const httpOptions = {
  host: defaulted({
    variable: "FOREBAY_HTTP_HOST",
    key: "http.host",
    kind: host,
    otherwise: "127.0.0.1",
    summary: "Where the process listens; `0.0.0.0` is everywhere.",
  }),
  port: required({
    variable: "FOREBAY_HTTP_PORT",
    key: "http.port",
    kind: integer({ minimum: 0, maximum: PORT_MAX }),
    summary: "The port of the API, the console, probes and metrics; 0 takes a free one.",
  }),
  connectionsMax: defaulted({
    variable: "FOREBAY_CONNECTIONS_MAX",
    key: "connections_max",
    kind: integer({ minimum: 1, maximum: CONNECTIONS_MAX }),
    otherwise: 4_096,
    summary: "Connections of clients at once; more are dropped.",
  }),
  stopNoticeMs: defaulted({
    variable: "FOREBAY_STOP_NOTICE_MS",
    key: "stop_notice_ms",
    since: "0.2.0",
    kind: integer({ minimum: 0, maximum: STOP_NOTICE_MS_MAX, unit: "milliseconds" }),
    otherwise: STOP_NOTICE_MS_DEFAULT,
    summary:
      "How long a process that is told to stop still serves requests while its /readyz says that it stops: until balancers have noticed.",
  }),
  trustedProxies: defaulted({
    variable: "FOREBAY_TRUSTED_PROXIES",
    key: "trusted_proxies",
    since: "0.2.0",
    kind: integer({ minimum: 0, maximum: TRUSTED_PROXIES_MAX }),
    otherwise: 0,
    summary:
      "How many load balancers stand between clients and the process, each of which adds to X-Forwarded-For.",
  }),
  corsOrigins: defaulted({
    variable: "FOREBAY_CORS_ORIGINS",
    key: "cors.origins",
    since: "0.2.0",
    kind: listOf("origins like https://app.example", isOrigin),
    otherwise: [],
    summary: "The sites whose pages may use the API; `*` is all.",
  }),
};

function isOrigin(candidate: string): boolean {
  return candidate === "*" || (URL.canParse(candidate) && new URL(candidate).origin === candidate);
}

export const admissionOptions = {
  requestsMax: defaulted({
    variable: "FOREBAY_REQUESTS_MAX",
    key: "requests_max",
    kind: integer({ minimum: 1, maximum: REQUESTS_MAX }),
    otherwise: 8_192,
    summary: "Requests that the process has taken on at once, those that wait for the log among them.",
  }),
  memoryMegabytesMax: computed({
    variable: "FOREBAY_MEMORY_MEGABYTES_MAX",
    key: "memory_megabytes_max",
    kind: integer({ minimum: MEMORY_MEGABYTES_MIN, maximum: MEMORY_MEGABYTES_MAX, unit: "MiB" }),
    otherwise: memoryMegabytesDefault,
    otherwiseText:
      "half of the container's or the machine's memory, at most what the heap of Node.js can grow to",
    summary: "Resident memory from 85 % of which on requests are refused.",
  }),
};
