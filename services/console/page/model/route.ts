/** What the page shows, as it stands in the address: `#/lag?origin=eu&region=us`. So links, reload and the back button work. */

export const VIEWS = [
  "overview",
  "lag",
  "buffers",
  "writes",
  "log",
  "load",
  "reconciler",
  "conflicts",
  "members",
  "records",
  "chaos",
] as const;

export type ViewName = (typeof VIEWS)[number];
export type Parameters = Readonly<Record<string, string>>;

export interface Route {
  readonly view: ViewName;
  readonly parameters: Parameters;
}

export const VIEW_TITLES: Readonly<Record<ViewName, string>> = {
  overview: "Overview",
  lag: "Lag",
  buffers: "Buffers",
  writes: "Writes",
  log: "Log",
  load: "Load",
  reconciler: "Reconciler",
  conflicts: "Conflicts",
  members: "Members",
  records: "Records",
  chaos: "Chaos",
};

/** An address that names nothing known is the overview. */
export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#?\/?/, "");
  const [name = "", query = ""] = text.split(/\?(.*)/s);
  const view = VIEWS.find((known) => known === name) ?? "overview";
  return { view, parameters: Object.fromEntries(new URLSearchParams(query)) };
}

/** Parameters that are empty are left out. */
export function formatRoute({ view, parameters }: Route): string {
  const set = Object.entries(parameters).filter(([, value]) => value !== "");
  const query = new URLSearchParams(set).toString();
  return query === "" ? `#/${view}` : `#/${view}?${query}`;
}

/** The address of a view. */
export function linkTo(view: ViewName, parameters: Parameters = {}): string {
  return formatRoute({ view, parameters });
}
