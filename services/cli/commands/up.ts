/** `forebay up`: the cluster on this machine. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { DATA_FOLDER } from "../common-options.ts";

const PORT_BASE_MAX = 65_000;

interface UpOptions {
  readonly data: string;
  readonly portBase?: number;
  readonly fresh?: boolean;
  readonly topology?: string;
  readonly latency: "on" | "off";
  readonly postgresUrl?: string;
  readonly tls?: boolean;
  readonly logLevel?: string;
}

export function addUpCommand(program: Command): void {
  program
    .command("up")
    .description("start all regions of a topology on this machine, until Ctrl-C")
    .option("--data <folder>", "where the cluster keeps everything", DATA_FOLDER)
    .option("--port-base <port>", "the first region's port; 0 takes any free ports (default: 7101)", portOf)
    .option("--fresh", "erase what an earlier run left in the data folder")
    .option("--topology <file>", "a topology (default: three regions, regions/local.yaml)")
    .addOption(
      new Option("--latency <on|off>", "whether links are as slow as the topology says")
        .choices(["on", "off"])
        .default("on"),
    )
    .option("--postgres-url <url>", "make the databases on this PostgreSQL instead of starting own servers")
    .option("--tls", "let nats-servers and PostgreSQL speak TLS, with certificates in the data folder")
    .option("--log-level <level>", "of the region processes (default: info)")
    .action(async (options: UpOptions) => {
      // Loaded here alone: the other commands need nothing of what starts servers.
      const { runUp } = await import("../../../infra/local/up.ts");
      const { migrateDatabase } = await import("../../adapters/postgres/migrate.ts");
      process.exitCode = await runUp({ ...options, migrate: migrateDatabase });
    });
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= PORT_BASE_MAX) return port;
  throw new InvalidArgumentError(`A port base is a number from 0 to ${PORT_BASE_MAX}.`);
}
