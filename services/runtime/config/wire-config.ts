/** How a region process reaches its nats-server and its database, as the adapters take it. */
import type { Values } from "./schema.ts";

/** A nats-server's address with credentials and certificates. */
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

export function natsConfigOf({ nats }: Values): NatsConfig {
  const { url, credentialsFile, caFile, certFile, keyFile, monitorUrl } = nats;
  const { maintenanceUrl, maintenanceCredentialsFile } = nats;
  const tls = caFile === undefined && certFile === undefined ? undefined : { caFile, certFile, keyFile };
  const isMaintained = maintenanceUrl !== undefined || maintenanceCredentialsFile !== undefined;
  return {
    url,
    credentialsFile,
    tls,
    monitorUrl,
    maintenance: isMaintained
      ? { url: maintenanceUrl ?? url, credentialsFile: maintenanceCredentialsFile, tls }
      : undefined,
  };
}

/** The address of the database; who may have signed its certificate stands in it as for PostgreSQL's own programs. */
export function postgresUrlOf({ postgres: { url: text, caFile } }: Values): string {
  if (caFile === undefined) return text;
  const url = new URL(text);
  url.searchParams.set("sslrootcert", caFile);
  if (!url.searchParams.has("sslmode")) url.searchParams.set("sslmode", "verify-full");
  return url.href;
}
