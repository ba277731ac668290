/** What must hold between options. A rule is only asked where every option that it looks at is right by itself. */
import type { Option, ValuesOf } from "./option.ts";
import { ASYMMETRIC, LOOPBACK, SYMMETRIC } from "./options/access.ts";
import { OPTIONS } from "./schema.ts";

type Looks = Readonly<Record<string, Option<unknown>>>;
export type Names<Options> = { readonly [Name in keyof Options]: string };

/** What a rule is given of one option. */
export type Look = (
  option: Option<unknown>,
) => { readonly value: unknown; readonly name: string } | undefined;

export interface Rule {
  readonly name: string;
  /** For the reference, in one sentence. */
  readonly summary: string;
  /** @param look returns undefined for an option that is wrong by itself. */
  problem(look: Look): string | undefined;
}

/** @param problem is given the values and, by the same words, the names under which they were set. */
function rule<const Options extends Looks>(about: {
  readonly name: string;
  readonly summary: string;
  readonly looksAt: Options;
  readonly problem: (values: ValuesOf<Options>, names: Names<Options>) => string | undefined;
}): Rule {
  const { name, summary, looksAt, problem } = about;
  return {
    name,
    summary,
    problem(look) {
      const found = Object.entries(looksAt).map(([word, option]) => [word, look(option)] as const);
      if (found.some(([, one]) => one === undefined)) return undefined;
      const values = Object.fromEntries(found.map(([word, one]) => [word, one!.value]));
      const names = Object.fromEntries(found.map(([word, one]) => [word, one!.name]));
      return problem(values as ValuesOf<Options>, names as Names<Options>);
    },
  };
}

const { process, http, postgres, nats, access, tokens, trial } = OPTIONS;
const keySources = { url: tokens.keysUrl, set: tokens.keySet, secret: tokens.secret };

const tokenNeeds = (what: "issuer" | "audience") =>
  rule({
    name: `tokens-have-an-${what}`,
    summary: `Where tokens are taken, ${tokens[what].variable} is set.`,
    looksAt: { ...keySources, needed: tokens[what] },
    problem: ({ url, set, secret, needed }, names) =>
      (url ?? set ?? secret) === undefined || needed !== undefined
        ? undefined
        : `${names.needed} is not set; it must be ${tokens[what].kind.expectation}`,
  });

export const RULES: readonly Rule[] = [
  rule({
    name: "region-is-in-the-topology",
    summary: "FOREBAY_REGION is a region of FOREBAY_TOPOLOGY.",
    looksAt: { region: process.region, file: process.topology },
    problem({ region, file }, names) {
      const known = file.topology.regions.map(({ name }) => name);
      if (known.includes(region)) return undefined;
      return `${names.region} is ${JSON.stringify(region)}, which the topology does not have; it has ${known.join(", ")}`;
    },
  }),
  rule({
    name: "the-authority-of-the-database-is-looked-at",
    summary:
      "FOREBAY_POSTGRES_CA_FILE is not set where FOREBAY_POSTGRES_URL says sslmode=disable or no-verify.",
    looksAt: { url: postgres.url, caFile: postgres.caFile },
    problem({ url, caFile }, names) {
      const mode = new URL(url).searchParams.get("sslmode");
      if (caFile === undefined || (mode !== "disable" && mode !== "no-verify")) return undefined;
      return `${names.caFile} is set, and sslmode=${mode} in ${names.url} would not look at it`;
    },
  }),
  rule({
    name: "a-certificate-has-its-key",
    summary: "FOREBAY_NATS_CERT_FILE and FOREBAY_NATS_KEY_FILE are set together.",
    looksAt: { certFile: nats.certFile, keyFile: nats.keyFile },
    problem: ({ certFile, keyFile }, names) =>
      (certFile === undefined) === (keyFile === undefined)
        ? undefined
        : `${names.certFile} and ${names.keyFile} must be set together`,
  }),
  rule({
    name: "without-authentication-nobody-else-reaches-it",
    summary: "FOREBAY_AUTHENTICATION is off only where FOREBAY_HTTP_HOST is on loopback.",
    looksAt: { isOn: access.isOn, host: http.host },
    problem: ({ isOn, host }, names) =>
      isOn || LOOPBACK.includes(host)
        ? undefined
        : `${names.isOn} is off, which lets everybody do everything: that takes ${names.host} 127.0.0.1, and it is "${host}"`,
  }),
  rule({
    name: "somebody-can-prove-who-they-are",
    summary: "FOREBAY_ADMIN_KEY_SHA256 is set, or tokens are taken, or FOREBAY_AUTHENTICATION is off.",
    looksAt: { ...keySources, isOn: access.isOn, admin: access.adminKeyHash },
    problem: ({ url, set, secret, isOn, admin }, names) =>
      !isOn || (admin ?? url ?? set ?? secret) !== undefined
        ? undefined
        : `${names.admin} is not set, and no tokens are taken, so nobody could prove who they are: set it (\`forebay key admin\` makes a key and its hash), or FOREBAY_JWT_KEYS_URL with FOREBAY_JWT_ISSUER and FOREBAY_JWT_AUDIENCE`,
  }),
  rule({
    name: "tokens-are-signed-in-one-way",
    summary: "Of FOREBAY_JWT_KEYS_URL, FOREBAY_JWT_KEYS_FILE and FOREBAY_JWT_SECRET at most one is set.",
    looksAt: keySources,
    problem(values, names) {
      const given = (["url", "set", "secret"] as const).filter((word) => values[word] !== undefined);
      if (given.length < 2) return undefined;
      return `${given.map((word) => names[word]).join(" and ")} are set: tokens are signed in one way; keep one`;
    },
  }),
  tokenNeeds("issuer"),
  tokenNeeds("audience"),
  rule({
    name: "algorithms-fit-the-keys",
    summary: `FOREBAY_JWT_ALGORITHMS are some of ${SYMMETRIC.join(", ")} with FOREBAY_JWT_SECRET, and else some of ${ASYMMETRIC.join(", ")}.`,
    looksAt: { ...keySources, algorithms: tokens.algorithms },
    problem({ algorithms = [], url, set, secret }, names) {
      // Where no tokens are taken, whatever is left of them counts for nothing.
      if ((url ?? set ?? secret) === undefined) return undefined;
      const allowed: readonly string[] = secret === undefined ? ASYMMETRIC : SYMMETRIC;
      const wrong = algorithms.filter((name) => !allowed.includes(name));
      if (wrong.length === 0) return undefined;
      return `${names.algorithms} has "${wrong.join(", ")}"; here it must list some of ${allowed.join(", ")}`;
    },
  }),
  rule({
    name: "the-control-channel-has-a-key",
    summary: "Where FOREBAY_CHAOS_URL is set, FOREBAY_CHAOS_KEY is.",
    looksAt: { url: trial.chaosUrl, key: trial.chaosKey },
    problem: ({ url, key }, names) =>
      url === undefined || key !== undefined
        ? undefined
        : `${names.key} is not set; it must be the key of the control channel at ${names.url}`,
  }),
];
