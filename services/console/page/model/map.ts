/** Where regions and the links between them are drawn: on an ellipse, so that every pair has a line of its own. */
import type { LinkView } from "../../../protocol/cluster/view.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export const MAP_SIZE = { width: 480, height: 300 } as const;
const MARGIN = { x: 62, y: 40 } as const;

/** The first region is at the top; a pair lies side by side. */
export function placeRegions(regions: readonly string[]): Map<string, Point> {
  const { width, height } = MAP_SIZE;
  const { top, bottom } = extentOf(regions.length);
  const turn = regions.length === 2 ? Math.PI : -Math.PI / 2;
  return new Map(
    regions.map((region, index) => {
      const angle = turn + (2 * Math.PI * index) / regions.length;
      const isAlone = regions.length === 1;
      const x = width / 2 + (isAlone ? 0 : (width / 2 - MARGIN.x) * Math.cos(angle));
      // Stretched, since few regions fill only a part of the ellipse.
      const share = top === bottom ? 0.5 : (Math.sin(angle) - top) / (bottom - top);
      const y = MARGIN.y + (height - 2 * MARGIN.y) * share;
      return [region, { x, y }];
    }),
  );
}

/** Of the sines of all angles. */
function extentOf(regions: number): { readonly top: number; readonly bottom: number } {
  if (regions < 3) return { top: 0, bottom: 0 };
  const sines = Array.from({ length: regions }, (_, index) =>
    Math.sin(-Math.PI / 2 + (2 * Math.PI * index) / regions),
  );
  return { top: Math.min(...sines), bottom: Math.max(...sines) };
}

export interface DrawnLink {
  readonly one: string;
  readonly other: string;
  /** The worse of both ways. */
  readonly state: LinkView["state"];
  /** The ways that are in this state, as `eu → us`. */
  readonly ways: readonly string[];
  readonly roundTripMs: number | undefined;
  readonly since: number;
}

const WORSE: readonly LinkView["state"][] = ["ok", "slow", "dark", "cut"];

/** Two ways make one line. */
export function drawnLinks(links: readonly LinkView[]): DrawnLink[] {
  const pairs = new Map<string, LinkView[]>();
  for (const link of links) {
    const name = [link.from, link.to].sort().join(" ");
    pairs.set(name, [...(pairs.get(name) ?? []), link]);
  }
  return [...pairs].map(([name, both]) => {
    const [one = "", other = ""] = name.split(" ");
    const state = both.reduce<LinkView["state"]>(
      (worst, link) => (WORSE.indexOf(link.state) > WORSE.indexOf(worst) ? link.state : worst),
      "ok",
    );
    const worst = both.filter((link) => link.state === state);
    const measured = both.flatMap(({ round_trip_ms: ms }) => ms ?? []);
    return {
      one,
      other,
      state,
      ways: worst.map(({ from, to }) => `${from} → ${to}`),
      roundTripMs: measured.length === 0 ? undefined : Math.max(...measured),
      since: Math.min(...worst.map(({ since }) => since)),
    };
  });
}
