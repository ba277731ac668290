/** The passwords of a local cluster's nats-servers, by variable: made once each, and kept in the cluster's state. */
import { randomBytes } from "node:crypto";
import { variablesOf } from "../nats/server-config.ts";
import {
  maintenanceUser,
  operatorUser,
  regionUser,
  ROUTES_PASSWORD,
  ROUTES_USER,
  routeVariable,
  SLOTS,
  type NatsUser,
} from "../nats/users.ts";
import { LOOPBACK } from "./ports.ts";

const PASSWORD_BYTES = 16;

export type NatsSecrets = Readonly<Record<string, string>>;

/** Those that are known, and new ones where there are none. */
export function completeSecrets(known: NatsSecrets, regions: readonly string[]): NatsSecrets {
  const users = [
    ...regions.flatMap((region) => SLOTS.map((slot) => regionUser(region, slot))),
    ...SLOTS.map(maintenanceUser),
    operatorUser,
  ];
  const needed = [...users.map(({ variable }) => variable), ROUTES_PASSWORD];
  const made = needed.map((variable) => [
    variable,
    known[variable] ?? randomBytes(PASSWORD_BYTES).toString("hex"),
  ]);
  return { ...known, ...(Object.fromEntries(made) as NatsSecrets) };
}

/** What the configuration of a server includes. @param routePorts by region, where the link proxies take routes. */
export function serverVariables(
  secrets: NatsSecrets,
  { region, routePorts }: { region: string; routePorts: ReadonlyMap<string, number> },
): Readonly<Record<string, string>> {
  const routes = [...routePorts].map(([name, port]) => [
    routeVariable(name),
    `nats://${ROUTES_USER}:${secrets[ROUTES_PASSWORD] ?? ""}@${LOOPBACK}:${port}`,
  ]);
  const all = { ...secrets, ...(Object.fromEntries(routes) as NatsSecrets) };
  const needed = variablesOf({ region, regions: [...routePorts.keys()], hasOperator: true });
  return Object.fromEntries(needed.map((name) => [name, all[name] ?? ""]));
}

/** `eu.1:password`, as a credentials file has it. */
export function credentials({ name, variable }: NatsUser, secrets: NatsSecrets): string {
  return `${name}:${secrets[variable] ?? ""}`;
}

/** What region processes are given, and whoever looks after the cluster. */
export function credentialsFor(region: string, secrets: NatsSecrets) {
  return {
    region: credentials(regionUser(region, 1), secrets),
    maintenance: credentials(maintenanceUser(1), secrets),
    operator: credentials(operatorUser, secrets),
  };
}
