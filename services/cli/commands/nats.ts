/** `forebay nats`: what a region's nats-server is to be configured with, and how it is maintained. */
import { isAbsolute, join } from "node:path";
import type { Command } from "commander";
import { natsServerConfig, variablesOf, type NatsServerTls } from "../../../infra/nats/server-config.ts";
import { packageRoot } from "../../runtime/package-root.ts";
import { readTopology } from "../../runtime/topology.ts";
import { UsageError } from "../errors.ts";
import { addNatsMaintenance } from "./nats-maintenance.ts";

interface ConfigOptions {
  readonly region: string;
  readonly topology: string;
  readonly listen: string;
  readonly monitor: string;
  readonly routes: string;
  readonly advertise?: string;
  readonly store: string;
  readonly variables?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly listVariables?: boolean;
}

const HELP = `
Passwords stand in variables: in the file of --variables, which is read again on SIGHUP, or in the server's environment. Each region, and
maintenance, has two users (eu.1, eu.2), so that a password can be changed while both are valid: infra/nats/README.md says how.
FOREBAY_NATS_ROUTE_… are addresses with user and password, such as nats://ROUTES:password@nats.eu.example:6222.`;

export function addNatsCommand(program: Command): void {
  const nats = program.command("nats").description("the nats-servers that the log is stretched over");
  addNatsMaintenance(nats);
  nats
    .command("config")
    .description("print the configuration of a region's nats-server, with users and their permissions")
    .requiredOption("--region <name>", "whose server")
    .option("--topology <file>", "of the cluster", join(packageRoot(), "regions", "local.yaml"))
    .option("--listen <host:port>", "for clients", "0.0.0.0:4222")
    .option("--monitor <host:port>", "for monitoring, which asks for no password", "127.0.0.1:8222")
    .option("--routes <host:port>", "for the other regions' servers", "0.0.0.0:6222")
    .option("--advertise <host:port>", "where the others reach it, if that is another address")
    .option("--store <folder>", "where JetStream keeps the log", "/var/lib/nats")
    .option("--variables <file>", "that has the passwords, beside the configuration or by its whole path")
    .option("--tls-ca <file>", "PEM: who may have signed certificates of the others")
    .option("--tls-cert <file>", "PEM: of this server, for clients and routes")
    .option("--tls-key <file>", "PEM")
    .option("--list-variables", "print the names of the variables instead")
    .addHelpText("after", HELP)
    .action((options: ConfigOptions) => {
      process.stdout.write(`${textOf(options).trimEnd()}\n`);
    });
}

function textOf(options: ConfigOptions): string {
  const { region, listen, monitor, advertise, store: storeFolder, variables: variablesFile } = options;
  const topology = readTopology(options.topology);
  const regions = topology.regions.map(({ name }) => name);
  if (!regions.includes(region))
    throw new UsageError(`the topology has no region ${region}; it has ${regions.join(", ")}`);
  if (options.listVariables === true) return variablesOf({ region, regions }).join("\n");
  return natsServerConfig({
    region,
    regions,
    clusterName: `forebay-${topology.name}`,
    listen,
    monitor,
    routes: { listen: options.routes, advertise },
    storeFolder,
    variablesFile,
    tls: tlsOf(options),
  });
}

function tlsOf({ tlsCa, tlsCert, tlsKey }: ConfigOptions): NatsServerTls | undefined {
  const given = [tlsCa, tlsCert, tlsKey].filter((path) => path !== undefined);
  if (given.length === 0) return undefined;
  if (tlsCa === undefined || tlsCert === undefined || tlsKey === undefined)
    throw new UsageError("--tls-ca, --tls-cert and --tls-key belong together");
  const relative = given.find((path) => !isAbsolute(path));
  if (relative !== undefined)
    throw new UsageError(`${relative}: give the whole path, since the server is started elsewhere`);
  return { caFile: tlsCa, certFile: tlsCert, keyFile: tlsKey };
}
