/** What the composition's processes and servers know each other by: made once, together, and never changed. */
import { createHash, randomBytes } from "node:crypto";
import { variablesOf, variablesText } from "../nats/server-config.ts";
import { maintenanceUser, regionUser, ROUTES_PASSWORD, ROUTES_USER, routeVariable } from "../nats/users.ts";
import { hostOf, ROUTES_PORT } from "./hosts.ts";

const SECRET_BYTES = 32;

const newSecret = () => `s${randomBytes(SECRET_BYTES).toString("hex")}`;

/** Texts by the name of their file. */
export function makeSecrets(regions: readonly string[]): Readonly<Record<string, string>> {
  const password = newSecret();
  const adminKey = `fb_admin_${newSecret()}`;
  const variables = variablesFor(regions);
  const byRegion = regions.flatMap((region) => {
    const needed = variablesOf({ region, regions }).map((name) => [name, variables[name]!] as const);
    const { name, variable } = regionUser(region, 1);
    const place = `${hostOf("postgres", region)}:5432/forebay`;
    return [
      [`nats_variables_${region}`, variablesText(Object.fromEntries(needed))],
      [`nats_user_${region}`, `${name}:${variables[variable]!}`],
      [`postgres_url_${region}`, `postgres://forebay:${password}@${place}?sslmode=verify-full`],
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

function variablesFor(regions: readonly string[]): Readonly<Record<string, string>> {
  const names = regions.flatMap((region) => variablesOf({ region, regions }));
  const secrets = Object.fromEntries(names.map((name) => [name, newSecret()]));
  const routes = regions.map((region) => [
    routeVariable(region),
    `tls://${ROUTES_USER}:${secrets[ROUTES_PASSWORD] ?? ""}@${hostOf("nats", region)}:${ROUTES_PORT}`,
  ]);
  return { ...secrets, ...(Object.fromEntries(routes) as Record<string, string>) };
}
