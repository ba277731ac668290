/** Variables that begin as a region process's do, and are of other programs that may share its environment. */

export interface OtherVariable {
  readonly name: string;
  readonly pattern: RegExp;
  readonly summary: string;
}

export const OTHER_VARIABLES: readonly OtherVariable[] = [
  {
    name: "FOREBAY_KEY",
    pattern: /^FOREBAY_KEY$/,
    summary: "The API key or token that `forebay` comes with where `--api-key` is not given.",
  },
  {
    name: "FOREBAY_CACHE",
    pattern: /^FOREBAY_CACHE$/,
    summary: "Where `forebay up` keeps the servers that it has downloaded.",
  },
  {
    name: "FOREBAY_POSTGRES_ADMIN_URL",
    pattern: /^FOREBAY_POSTGRES_ADMIN_URL$/,
    summary: "A PostgreSQL in which `forebay up` makes its databases, instead of starting one.",
  },
  {
    name: "FOREBAY_IMAGE",
    pattern: /^FOREBAY_IMAGE$/,
    summary: "The image that `infra/compose/three-regions.yaml` starts.",
  },
  {
    name: "FOREBAY_SEED, FOREBAY_RUNS, FOREBAY_BENCH_OPEN",
    pattern: /^FOREBAY_(?:SEED|RUNS|BENCH_OPEN)$/,
    summary: "The seed of random tests, how often each is tried, and the loads of a bench.",
  },
  {
    name: "FOREBAY_NATS_PASSWORD_…, …_OPERATOR_PASSWORD, …_MAINTENANCE_PASSWORD_…, …_ROUTES_PASSWORD, …_ROUTE_…",
    pattern:
      /^FOREBAY_NATS_(?:PASSWORD_\w+|OPERATOR_PASSWORD|MAINTENANCE_PASSWORD_\d|ROUTES_PASSWORD|ROUTE_\w+)$/,
    summary: "What the configuration of a nats-server refers to (`forebay nats`, `infra/nats/README.md`).",
  },
];

export function isOfAnotherProgram(name: string): boolean {
  return OTHER_VARIABLES.some(({ pattern }) => pattern.test(name));
}
