/** `forebay sql`: who may read which tenant's views in the regions' databases. */
import type { Command } from "commander";
import { isTenant } from "../../core/access/tenant.ts";
import { tenantSchema } from "../../core/sql/names.ts";
import { findRegion, readClusterFile, type ClusterFile } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError, UsageError } from "../errors.ts";
import { formatTable } from "../table.ts";

const TENANT_DEFAULT = "default";

const HELP = `
In every region of the cluster on this machine, in one of them (--region), or in the database that --postgres names: there
the user of the address must be allowed to make roles. Readers see what the region has committed, of their tenants alone;
"select * from forebay_read.staleness" says how old that is.`;

interface SqlOptions extends CommonOptions {
  readonly postgres?: string;
}

interface GrantOptions extends SqlOptions {
  readonly tenant: string;
}

interface Place {
  readonly name: string;
  readonly url: string;
}

export function addSqlCommand(program: Command): void {
  const sql = program.command("sql").description("who may read records with SQL").addHelpText("after", HELP);
  withPlaces(sql.command("grant <login>"))
    .description("let a login of the database read a tenant's views; one that is not there is made")
    .option("--tenant <name>", "whose records", TENANT_DEFAULT)
    .action(grant);
  withPlaces(sql.command("revoke <login>"))
    .description("take that back")
    .option("--tenant <name>", "whose records", TENANT_DEFAULT)
    .action(revoke);
  withPlaces(sql.command("readers")).description("print which logins read which tenants").action(readers);
}

function withPlaces(command: Command): Command {
  return withCommonOptions(command).option("--postgres <url>", "the address of one region's database");
}

async function grant(login: string, options: GrantOptions): Promise<void> {
  const { grantReader, newPassword } = await access();
  const { tenant } = options;
  const isNamed: boolean = isTenant(tenant);
  if (!isNamed) {
    throw new UsageError(
      `"${tenant}" is no tenant: its name has up to 64 letters, digits, and _ . : @ -, a letter or digit first`,
    );
  }
  // The same everywhere: an app that moves to another region takes it along.
  const password = newPassword();
  let isMade = false;
  for (const { name, url } of placesOf(options)) {
    const made = await orSay(name, grantReader(url, { login, tenant, password }));
    isMade ||= made !== undefined;
    const address = new URL(url);
    address.username = login;
    address.password = made ?? "";
    const how = made === undefined ? "" : `, as ${address.href}`;
    process.stdout.write(`${name}: ${login} may read ${tenantSchema(tenant)}${how}\n`);
  }
  if (isMade) process.stderr.write("forebay: the password is shown this once\n");
}

async function revoke(login: string, options: GrantOptions): Promise<void> {
  const { revokeReader } = await access();
  const { tenant } = options;
  for (const { name, url } of placesOf(options)) {
    const isTaken = await orSay(name, revokeReader(url, { login, tenant }));
    const told = isTaken ? "reads no more of" : "could not read";
    process.stdout.write(`${name}: ${login} ${told} ${tenantSchema(tenant)}\n`);
  }
}

async function readers(options: SqlOptions): Promise<void> {
  const { listReaders } = await access();
  const rows: string[][] = [];
  for (const { name, url } of placesOf(options)) {
    const found = await orSay(name, listReaders(url));
    rows.push(...found.map(({ login, tenant }) => [name, login, tenant, tenantSchema(tenant)]));
  }
  process.stdout.write(`${formatTable(["region", "login", "tenant", "schema"], rows)}\n`);
}

/** Loaded here alone: the other commands need nothing of what talks to databases. */
async function access() {
  return import("../../adapters/postgres/sql/readers.ts");
}

function placesOf({ postgres, data, region, ...options }: SqlOptions): readonly Place[] {
  if (postgres !== undefined) {
    if (!URL.canParse(postgres)) throw new CommandError(`"${postgres}" is no URL`);
    return [{ name: new URL(postgres).host, url: postgres }];
  }
  if (options.url !== undefined)
    throw new CommandError(
      "--url is where a region answers HTTP: give --postgres, the address of its database",
    );
  const { regions } = readClusterFile(data);
  const only = region === undefined ? undefined : findRegion({ data, region }).name;
  return regions.filter(({ name }) => only === undefined || name === only).map(placeOf);
}

function placeOf({ name, postgres }: ClusterFile["regions"][number]): Place {
  if (postgres !== undefined) return { name, url: postgres.url };
  throw new CommandError(`the cluster does not say where region ${name} has its database: give --postgres`);
}

async function orSay<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new CommandError(`${name}: ${(error as Error).message}`, { cause: error });
  }
}
