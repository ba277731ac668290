/** How a region process reaches its nats-server and its database, as the environment says: as whom, and whom it trusts. */
import { accessSync, constants } from "node:fs";

/** A nats-server's address with credentials and certificates, as the adapters take it. */
export interface NatsAddressConfig {
  readonly url: string;
  readonly credentialsFile: string | undefined;
  readonly tls: NatsTlsConfig | undefined;
}

interface NatsTlsConfig {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

export interface NatsConfig extends NatsAddressConfig {
  readonly monitorUrl: string | undefined;
  /** As the user that makes, trims and deletes streams; undefined as any other. */
  readonly maintenance: NatsAddressConfig | undefined;
}

/** Of `Reader`. */
export interface WireReader {
  readonly problems: string[];
  optional(name: string): string | undefined;
  url(name: string, protocols: readonly string[]): string;
  optionalUrl(name: string, protocols: readonly string[]): string | undefined;
}

const NATS_PROTOCOLS = ["nats:", "tls:"];
const SSL_MODES = ["disable", "require", "verify-ca", "verify-full", "no-verify"];

export function readNats(reader: WireReader): NatsConfig {
  const url = reader.url("FOREBAY_NATS_URL", NATS_PROTOCOLS);
  const tls = readNatsTls(reader);
  const maintenanceUrl = reader.optionalUrl("FOREBAY_NATS_TRIM_URL", NATS_PROTOCOLS);
  const maintenanceFile = readableFile(reader, "FOREBAY_NATS_TRIM_CREDENTIALS_FILE");
  const isMaintained = maintenanceUrl !== undefined || maintenanceFile !== undefined;
  return {
    url,
    credentialsFile: readableFile(reader, "FOREBAY_NATS_CREDENTIALS_FILE"),
    tls,
    monitorUrl: reader.optionalUrl("FOREBAY_NATS_MONITOR_URL", ["http:", "https:"]),
    maintenance: isMaintained
      ? { url: maintenanceUrl ?? url, credentialsFile: maintenanceFile, tls }
      : undefined,
  };
}

function readNatsTls(reader: WireReader): NatsTlsConfig | undefined {
  const caFile = readableFile(reader, "FOREBAY_NATS_CA_FILE");
  const certFile = readableFile(reader, "FOREBAY_NATS_CERT_FILE");
  const keyFile = readableFile(reader, "FOREBAY_NATS_KEY_FILE");
  if ((certFile === undefined) !== (keyFile === undefined))
    reader.problems.push("FOREBAY_NATS_CERT_FILE and FOREBAY_NATS_KEY_FILE must be set together");
  if (caFile === undefined && certFile === undefined) return undefined;
  return { caFile, certFile, keyFile };
}

/** The address of the database; who may have signed its certificate stands in it as for PostgreSQL's own programs. */
export function readPostgresUrl(reader: WireReader): string {
  const text = reader.url("FOREBAY_POSTGRES_URL", ["postgres:", "postgresql:"]);
  const caFile = readableFile(reader, "FOREBAY_POSTGRES_CA_FILE");
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  const mode = url.searchParams.get("sslmode");
  if (mode !== null && !SSL_MODES.includes(mode))
    reader.problems.push(
      `FOREBAY_POSTGRES_URL has sslmode=${mode}; it must be one of ${SSL_MODES.join(", ")}`,
    );
  if (caFile === undefined) return text;
  if (mode === "disable" || mode === "no-verify")
    reader.problems.push(
      `FOREBAY_POSTGRES_CA_FILE is set, and sslmode=${mode} in FOREBAY_POSTGRES_URL would not look at it`,
    );
  url.searchParams.set("sslrootcert", caFile);
  if (mode === null) url.searchParams.set("sslmode", "verify-full");
  return url.href;
}

function readableFile(reader: WireReader, name: string): string | undefined {
  const path = reader.optional(name);
  if (path === undefined) return undefined;
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    reader.problems.push(`${name} names a file that can't be read: ${(error as Error).message}`);
  }
  return path;
}
