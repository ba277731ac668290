/** The configuration text of one region's nats-server. */
import { LOOPBACK } from "./ports.ts";

export interface NatsConfigOptions {
  readonly region: string;
  readonly clusterName: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly clusterPort: number;
  readonly storeFolder: string;
  /** The ports of the link proxies of all regions, this one's included; empty for a cluster of one. */
  readonly routePorts: readonly number[];
  /** This region's own link proxy: what other servers learn as its address. */
  readonly advertisedPort: number;
}

/** Renders the configuration; strings are quoted as JSON, which the server's format includes. */
export function natsConfig(options: NatsConfigOptions): string {
  const lines = [
    `server_name: ${quote(options.region)}`,
    `listen: ${quote(`${LOOPBACK}:${options.port}`)}`,
    `http: ${quote(`${LOOPBACK}:${options.monitorPort}`)}`,
    `server_tags: [${quote(`region:${options.region}`)}]`,
    `ping_interval: "10s"`,
    `ping_max: 2`,
    `write_deadline: "10s"`,
    `jetstream {`,
    `  store_dir: ${quote(options.storeFolder)}`,
    // An acknowledged write must outlive a power loss; the default syncs every two minutes.
    `  sync_interval: always`,
    `  max_file_store: 16GB`,
    `  unique_tag: "region:"`,
    `  strict: true`,
    `  max_buffered_msgs: 20000`,
    `  max_buffered_size: 128MB`,
    `  max_outstanding_catchup: 64MB`,
    `}`,
    // With a cluster block but nobody else in it, JetStream would wait for a quorum for ever.
    ...(options.routePorts.length === 0 ? [] : clusterLines(options)),
  ];
  return `${lines.join("\n")}\n`;
}

function clusterLines(options: NatsConfigOptions): readonly string[] {
  return [
    `cluster {`,
    `  name: ${quote(options.clusterName)}`,
    `  listen: ${quote(`${LOOPBACK}:${options.clusterPort}`)}`,
    // Servers make further connections to the address that they were told, so that must be the proxy too.
    `  advertise: ${quote(`${LOOPBACK}:${options.advertisedPort}`)}`,
    `  no_advertise: true`,
    // The number of routes, with the one to itself, is the size that a new metadata group starts with.
    `  routes: [${options.routePorts.map((port) => quote(`nats://${LOOPBACK}:${port}`)).join(", ")}]`,
    `  pool_size: 3`,
    `  compression: s2_fast`,
    `  ping_interval: "5s"`,
    `  ping_max: 3`,
    `  write_deadline: "30s"`,
    `}`,
  ];
}

function quote(text: string): string {
  return JSON.stringify(text);
}
