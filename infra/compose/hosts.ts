/** How the composition's servers are called: their services' names, which its network resolves and their certificates say. */
export const SERVER_KINDS = ["nats", "postgres"] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

export const ROUTES_PORT = 6222;

export function hostOf(kind: ServerKind, region: string): string {
  return `${kind}-${region}`;
}
