/** The configuration text of one region's PostgreSQL server. */
import { LOOPBACK } from "./ports.ts";

export interface PostgresConfigOptions {
  readonly port: number;
  /** Paths; without them nothing is encrypted. */
  readonly tls?: PostgresTls | undefined;
}

export interface PostgresTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** Of rules of who may connect how. */
  readonly accessFile: string;
}

/** Nobody connects unencrypted. */
export const ENCRYPTED_ACCESS = `hostssl all all ${LOOPBACK}/32 scram-sha-256\n`;

/** Durable, and modest enough for several servers on one laptop. */
export function postgresConfig(options: PostgresConfigOptions): string {
  const settings: Readonly<Record<string, string | number>> = {
    listen_addresses: LOOPBACK,
    port: options.port,
    // Nobody connects over a socket file, and the data folder's path may be too long for one.
    unix_socket_directories: "",
    max_connections: 60,
    shared_buffers: "64MB",
    max_wal_size: "1GB",
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    password_encryption: "scram-sha-256",
    // Just-in-time compilation costs more than it gains on short statements.
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_checkpoints: "off",
    log_line_prefix: "%m [%p] ",
    lc_messages: "C",
    ...(options.tls === undefined
      ? {}
      : {
          ssl: "on",
          ssl_cert_file: options.tls.certFile,
          ssl_key_file: options.tls.keyFile,
          hba_file: options.tls.accessFile,
        }),
  };
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`,
  );
  return `${lines.join("\n")}\n`;
}
