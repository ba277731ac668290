/** What the composition and what was prepared for it must be like, so that nothing but TLS goes between its containers. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readComposition, type Composition } from "./compose-rules.ts";
import { mountsOf, type Mount } from "./composition-mounts.ts";

/** The text of a file that was prepared. */
type Prepared = (file: string) => string;

interface Container {
  readonly name: string;
  readonly composition: Composition;
  readonly mounts: readonly Mount[];
  /** The text of what is mounted there; undefined where nothing is. */
  readonly textAt: (target: string | undefined) => string | undefined;
}

const RULES: readonly [RegExp, (container: Container, authority: string) => readonly string[]][] = [
  [/^region-/, regionProblems],
  [/^nats-/, natsProblems],
  [/^postgres-/, postgresProblems],
];

/** @returns one sentence each; none where all is well. */
export function tlsProblems(text: string, prepared: Prepared): readonly string[] {
  const composition = readComposition(text);
  const containers = Object.keys(composition.services).map((name): Container => {
    const mounts = mountsOf(composition, name);
    const textAt = (target: string | undefined) => {
      const file = mounts.find((mount) => mount.target === target)?.file;
      return file === undefined ? undefined : prepared(file);
    };
    return { name, composition, mounts, textAt };
  });
  const authority = prepared("ca.pem");
  return [
    ...containers.flatMap((container) => {
      const rule = RULES.find(([names]) => names.test(container.name));
      const problems = rule === undefined ? ["no rule is known for it"] : rule[1](container, authority);
      return problems.map((problem) => `${container.name}: ${problem}`);
    }),
    ...keyProblems(containers, prepared),
  ];
}

/** A key is a secret of one container, and the authority's of none. */
function keyProblems(containers: readonly Container[], prepared: Prepared): string[] {
  const keys = containers.flatMap(({ name, mounts }) =>
    mounts.filter(({ file }) => prepared(file).includes("PRIVATE KEY")).map((mount) => ({ name, ...mount })),
  );
  return keys.flatMap(({ name, kind, file }) => [
    ...(kind === "secret" ? [] : [`${name}: the key ${file} is mounted as if it were no secret`]),
    ...(prepared(file) === prepared("ca-key.pem") ? [`${name}: it has the authority's key`] : []),
    ...(keys.some((other) => other.file === file && other.name !== name)
      ? [`${name}: another container has its key ${file}`]
      : []),
  ]);
}

function regionProblems({ name, composition, textAt }: Container, authority: string): string[] {
  const environment = composition.services[name]?.environment ?? {};
  const addresses = ["FOREBAY_NATS_URL", "FOREBAY_NATS_TRIM_URL"].flatMap(
    (variable) => environment[variable] ?? [],
  );
  const database = textAt(environment["FOREBAY_POSTGRES_URL_FILE"])?.trim() ?? "";
  const mode = URL.canParse(database) ? new URL(database).searchParams.get("sslmode") : null;
  return [
    ...addresses
      .filter((address) => !address.startsWith("tls://"))
      .map((address) => `${address} is not encrypted`),
    ...(mode === "verify-full" ? [] : [`the address of its database says sslmode=${mode ?? ""}`]),
    ...["FOREBAY_NATS_CA_FILE", "FOREBAY_POSTGRES_CA_FILE"]
      .filter((variable) => textAt(environment[variable]) !== authority)
      .map((variable) => `${variable} is not the authority`),
  ];
}

function natsProblems({ name, textAt }: Container, authority: string): string[] {
  const config = textAt("/etc/nats/server.conf") ?? "";
  const variables = textAt("/etc/nats/variables.conf") ?? "";
  const ofClients = /^tls \{\n([^}]*)\}/m.exec(config)?.[1];
  const ofRoutes = /^cluster \{\n[^]*?^ {2}tls \{\n([^}]*)\}/m.exec(config)?.[1];
  // Without it, it tells others the container's address, which no certificate says.
  const isNamed = config.includes(`\n  advertise: "${name}:6222"\n`);
  const routes = [...variables.matchAll(/^FOREBAY_NATS_ROUTE_\w+: "(\w+):/gm)];
  const blockProblems = (what: string, block: string | undefined): string[] => {
    if (block === undefined) return [`${what} are not encrypted`];
    const at = (setting: string) => textAt(new RegExp(`^ *${setting}: "(.*)"$`, "m").exec(block)?.[1]);
    return [
      ...(at("ca_file") === authority ? [] : [`${what} trust another authority`]),
      ...certificateProblems(name, { certificate: at("cert_file"), key: at("key_file"), authority }),
    ];
  };
  return [
    ...blockProblems("clients", ofClients),
    ...blockProblems("routes", ofRoutes),
    ...(ofRoutes === undefined || /^ *verify: true$/m.test(ofRoutes) ? [] : ["routes verify nobody"]),
    ...(isNamed ? [] : ["others are told another address than its certificate says"]),
    ...(routes.length > 1 && routes.every(([, protocol]) => protocol === "tls")
      ? []
      : ["it dials others in clear"]),
  ];
}

function postgresProblems({ name, composition, textAt }: Container, authority: string): string[] {
  const { entrypoint = [], command = [] } = composition.services[name] ?? {};
  const setting = (wanted: string) =>
    command.flatMap((word) => (word.startsWith(`--${wanted}=`) ? word.slice(wanted.length + 3) : []))[0];
  // It reads a copy of its key that its own user makes.
  const [, source, copy] = /install -m 600 (\S+) (\S+)/.exec(entrypoint.join(" ")) ?? [];
  const access = (textAt(setting("hba_file")) ?? "host all all all trust").trim().split("\n");
  return [
    ...(setting("ssl") === "on" ? [] : ["it speaks no TLS"]),
    ...(copy !== undefined && setting("ssl_key_file") === copy
      ? []
      : ["its key is not the one that it makes its own"]),
    ...access
      .filter((line) => !/^(local|hostssl)\s/.test(line))
      .map((line) => `"${line}" lets in who speaks no TLS`),
    ...access
      .filter((line) => /^hostssl\s/.test(line) && !line.endsWith(" scram-sha-256"))
      .map((line) => `"${line}" asks for no password`),
    ...certificateProblems(name, {
      certificate: textAt(setting("ssl_cert_file")),
      key: textAt(source),
      authority,
    }),
  ];
}

interface Shown {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly authority: string;
}

/** A container is known by its service's name. */
function certificateProblems(name: string, { certificate, key, authority }: Shown): string[] {
  if (certificate === undefined) return ["it has no certificate"];
  if (key === undefined) return ["it has no key"];
  const read = new X509Certificate(certificate);
  const [from, to] = [new Date(read.validFrom), new Date(read.validTo)];
  const now = new Date();
  const problems: [boolean, string][] = [
    [read.verify(new X509Certificate(authority).publicKey), "the authority has not signed its certificate"],
    [read.checkPrivateKey(createPrivateKey(key)), "its key is not of its certificate"],
    [read.checkHost(name) !== undefined, "its certificate is for another name"],
    [from < now && now < to, "its certificate is not valid now"],
    [!read.ca, "its certificate is an authority's"],
  ];
  return problems.filter(([isRight]) => !isRight).map(([, problem]) => problem);
}
