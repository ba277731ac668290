/** What infra/compose/three-regions.yaml mounts: configurations of nats-servers, and secrets, made once. */
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { natsServerConfig, variablesOf, variablesText } from "../nats/server-config.ts";
import { maintenanceUser, regionUser, ROUTES_PASSWORD, ROUTES_USER, routeVariable } from "../nats/users.ts";

export interface Preparation {
  /** Gets the files; closed to everybody else. What is in it already stays as it is. */
  readonly folder: string;
  readonly topology: {
    readonly name: string;
    readonly regions: readonly { readonly name: string }[];
  };
}

const SECRET_BYTES = 32;
const VARIABLES_FILE = "variables.conf";

const newSecret = () => `s${randomBytes(SECRET_BYTES).toString("hex")}`;

/** @returns whether it has made them; false where they are there. A half-made folder is made anew. */
export function prepareComposition({ folder, topology }: Preparation): boolean {
  const last = join(folder, "complete");
  if (existsSync(last)) return false;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(filesOf(topology)))
    writeAnew(join(folder, name), `${text.trimEnd()}\n`);
  writeFileSync(last, "");
  return true;
}

/** One that is there is taken away first: nobody but root writes into a file that may only be read. */
function writeAnew(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o400 });
  // Containers run as other users than who made the files; the folder is what keeps others out. The umask has no say in it.
  chmodSync(path, 0o444);
}

function filesOf(topology: Preparation["topology"]): Readonly<Record<string, string>> {
  const regions = topology.regions.map(({ name }) => name);
  const password = newSecret();
  const adminKey = `fb_admin_${newSecret()}`;
  const variables = secretsOf(regions);
  const byRegion = regions.flatMap((region) => {
    const needed = variablesOf({ region, regions }).map((name) => [name, variables[name]!] as const);
    const { name, variable } = regionUser(region, 1);
    return [
      [`nats_${region}`, serverConfig(topology.name, region, regions)],
      [`nats_variables_${region}`, variablesText(Object.fromEntries(needed))],
      [`nats_user_${region}`, `${name}:${variables[variable]!}`],
      [`postgres_url_${region}`, `postgres://forebay:${password}@postgres-${region}:5432/forebay`],
    ];
  });
  const maintenance = maintenanceUser(1);
  return {
    "admin.key": adminKey,
    admin_key_hash: createHash("sha256").update(adminKey).digest("hex"),
    session_secret: newSecret(),
    postgres_password: password,
    nats_maintenance: `${maintenance.name}:${variables[maintenance.variable]!}`,
    ...(Object.fromEntries(byRegion) as Record<string, string>),
  };
}

function secretsOf(regions: readonly string[]): Readonly<Record<string, string>> {
  const names = regions.flatMap((region) => variablesOf({ region, regions }));
  const secrets = Object.fromEntries(names.map((name) => [name, newSecret()]));
  const routes = regions.map((region) => [
    routeVariable(region),
    `nats://${ROUTES_USER}:${secrets[ROUTES_PASSWORD] ?? ""}@nats-${region}:6222`,
  ]);
  return { ...secrets, ...(Object.fromEntries(routes) as Record<string, string>) };
}

function serverConfig(name: string, region: string, regions: readonly string[]): string {
  return natsServerConfig({
    region,
    regions,
    clusterName: `forebay-${name}`,
    listen: "0.0.0.0:4222",
    // Nothing of the composition's network is published but the regions' HTTP.
    monitor: "0.0.0.0:8222",
    routes: { listen: "0.0.0.0:6222" },
    storeFolder: "/data",
    variablesFile: VARIABLES_FILE,
  });
}
