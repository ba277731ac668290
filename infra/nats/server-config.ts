/**
 * The configuration text of one region's nats-server, for clusters on one machine and for deployments alike. It holds no
 * secret: passwords are variables, of an included file or of the server's environment.
 */
import {
  maintenanceUser,
  operatorUser,
  regionUser,
  ROUTES_PASSWORD,
  ROUTES_USER,
  routeVariable,
  SLOTS,
  type NatsUser,
} from "./users.ts";

export interface NatsServerConfig {
  readonly region: string;
  /** Of the topology, this one included. */
  readonly regions: readonly string[];
  readonly clusterName: string;
  /** `host:port`, as all that follows. */
  readonly listen: string;
  readonly monitor: string;
  readonly routes: { readonly listen: string; readonly advertise?: string | undefined };
  readonly storeFolder: string;
  /** A file beside the configuration that has the variables; without it they are in the environment. */
  readonly variablesFile?: string | undefined;
  readonly tls?: NatsServerTls | undefined;
  /** Whether there is a user that may do everything. */
  readonly hasOperator?: boolean;
}

/** Paths of PEM files. The certificate is for clients and for routes, as a server and as a client. */
export interface NatsServerTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Seconds that a peer may take to introduce itself; over far links a handshake takes some round trips. */
const HANDSHAKE_SECONDS = 5;

/** Renders the configuration; strings are quoted as JSON, which the server's format includes. */
export function natsServerConfig(config: NatsServerConfig): string {
  const { region, variablesFile, tls } = config;
  const lines = [
    ...(variablesFile === undefined ? [] : [`include ${quote(variablesFile)}`]),
    `server_name: ${quote(region)}`,
    `listen: ${quote(config.listen)}`,
    `http: ${quote(config.monitor)}`,
    `server_tags: [${quote(`region:${region}`)}]`,
    `ping_interval: "10s"`,
    `ping_max: 2`,
    `write_deadline: "10s"`,
    ...jetStreamLines(config),
    ...authorizationLines(config),
    ...(tls === undefined ? [] : tlsLines(tls, { indent: "", isMutual: false })),
    // With a cluster block but nobody else in it, JetStream would wait for a quorum for ever.
    ...(config.regions.length === 1 ? [] : clusterLines(config)),
  ];
  return `${lines.join("\n")}\n`;
}

function jetStreamLines({ storeFolder }: NatsServerConfig): readonly string[] {
  return [
    `jetstream {`,
    `  store_dir: ${quote(storeFolder)}`,
    // An acknowledged write must outlive a power loss; the default syncs every two minutes.
    `  sync_interval: always`,
    `  max_file_store: 16GB`,
    `  unique_tag: "region:"`,
    `  strict: true`,
    `  max_buffered_msgs: 20000`,
    `  max_buffered_size: 128MB`,
    `  max_outstanding_catchup: 64MB`,
    `}`,
  ];
}

/**
 * Whoever has no name and password is nobody: there is no `no_auth_user`. A region's processes talk to its own server alone, so
 * no other knows their passwords. The server's own account has no user.
 */
function authorizationLines(config: NatsServerConfig): readonly string[] {
  return [
    `authorization {`,
    `  timeout: ${HANDSHAKE_SECONDS}`,
    `  users: [`,
    ...usersOf(config).flatMap(userLines),
    `  ]`,
    `}`,
  ];
}

function usersOf({
  region,
  hasOperator = false,
}: Pick<NatsServerConfig, "region" | "hasOperator">): readonly NatsUser[] {
  return [
    ...SLOTS.map((slot) => regionUser(region, slot)),
    ...SLOTS.map(maintenanceUser),
    ...(hasOperator ? [operatorUser] : []),
  ];
}

function userLines({ name, variable, permissions }: NatsUser): readonly string[] {
  const credentials = `user: ${quote(name)}, password: $${variable}`;
  if (permissions === undefined) return [`    { ${credentials} }`];
  const { publish, publishDenied, subscribe } = permissions;
  const denied = publishDenied.length === 0 ? "" : `, deny: ${list(publishDenied)}`;
  return [
    `    { ${credentials}, permissions: {`,
    `      publish: { allow: ${list(publish)}${denied} }`,
    `      subscribe: { allow: ${list(subscribe)} }`,
    `    } }`,
  ];
}

function clusterLines({ clusterName, routes, regions, tls }: NatsServerConfig): readonly string[] {
  const { listen, advertise } = routes;
  return [
    `cluster {`,
    `  name: ${quote(clusterName)}`,
    `  listen: ${quote(listen)}`,
    // Servers make further connections to the address that they were told, so that must be the proxy too, if there is one.
    ...(advertise === undefined ? [] : [`  advertise: ${quote(advertise)}`]),
    `  no_advertise: true`,
    `  authorization { user: ${quote(ROUTES_USER)}, password: $${ROUTES_PASSWORD}, timeout: ${HANDSHAKE_SECONDS} }`,
    ...(tls === undefined ? [] : tlsLines(tls, { indent: "  ", isMutual: true })),
    // The number of routes, with the one to itself, is the size that a new metadata group starts with.
    `  routes: [${regions.map((region) => `$${routeVariable(region)}`).join(", ")}]`,
    `  pool_size: 3`,
    `  compression: s2_fast`,
    `  ping_interval: "5s"`,
    `  ping_max: 3`,
    `  write_deadline: "30s"`,
    `}`,
  ];
}

function tlsLines(
  { caFile, certFile, keyFile }: NatsServerTls,
  { indent, isMutual }: { indent: string; isMutual: boolean },
): readonly string[] {
  return [
    `tls {`,
    `  cert_file: ${quote(certFile)}`,
    `  key_file: ${quote(keyFile)}`,
    `  ca_file: ${quote(caFile)}`,
    ...(isMutual ? [`  verify: true`] : []),
    `  timeout: ${HANDSHAKE_SECONDS}`,
    `}`,
  ].map((line) => `${indent}${line}`);
}

/** The variables as a file that a configuration includes. */
export function variablesText(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}: ${quote(value)}\n`)
    .join("");
}

/** All variables that a configuration needs. */
export function variablesOf(
  config: Pick<NatsServerConfig, "region" | "regions" | "hasOperator">,
): readonly string[] {
  const passwords = usersOf(config).map(({ variable }) => variable);
  if (config.regions.length === 1) return passwords;
  return [...passwords, ROUTES_PASSWORD, ...config.regions.map(routeVariable)];
}

function list(subjects: readonly string[]): string {
  return `[${subjects.map(quote).join(", ")}]`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
