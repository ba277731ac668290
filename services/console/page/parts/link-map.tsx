/** Regions and the links between them as a drawing, and the same as a table. */
import type { LinkView } from "../../../protocol/cluster/view.ts";
import { useShown } from "../hooks.ts";
import { milliseconds } from "../model/format.ts";
import { drawnLinks, MAP_SIZE, placeRegions, type DrawnLink, type Point } from "../model/map.ts";
import { conditionOf, leadersOf, CONDITION_WORDS } from "../model/regions.ts";
import { Mark, Since, type Tone } from "./marks.tsx";
import { Table } from "./table.tsx";

const TONES: Readonly<Record<LinkView["state"], Tone>> = { ok: "ok", slow: "note", cut: "risk", dark: "off" };
/** With more regions the figures would cover each other: the table has them. */
const LABELLED_REGIONS_MAX = 5;

export function LinkMap() {
  const { view } = useShown();
  const links = drawnLinks(view.links);
  const places = placeRegions(view.members);
  const hasLabels = view.members.length <= LABELLED_REGIONS_MAX;
  return (
    <>
      <svg
        class="map"
        viewBox={`0 0 ${MAP_SIZE.width} ${MAP_SIZE.height}`}
        role="img"
        aria-label={summary(links)}
      >
        {links.map((link) => (
          <Line
            key={`${link.one} ${link.other}`}
            link={link}
            places={places}
            hasLabel={hasLabels || link.state !== "ok"}
          />
        ))}
        {view.members.map((region) => (
          <Node key={region} region={region} place={places.get(region)!} />
        ))}
      </svg>
      <details open={!hasLabels || undefined}>
        <summary>Links as a table</summary>
        <LinkTable links={links} />
      </details>
    </>
  );
}

function summary(links: readonly DrawnLink[]): string {
  const told = (["cut", "dark", "slow"] as const).flatMap((name) => {
    const pairs = links.filter(({ state }) => state === name).map(({ one, other }) => `${one} and ${other}`);
    return pairs.length === 0 ? [] : `${name}: ${pairs.join(", ")}`;
  });
  return told.length === 0 ? `${links.length} links between regions, all well` : `Links ${told.join("; ")}`;
}

interface LineProps {
  readonly link: DrawnLink;
  readonly places: ReadonlyMap<string, Point>;
  readonly hasLabel: boolean;
}

function Line({ link, places, hasLabel }: LineProps) {
  const from = places.get(link.one);
  const to = places.get(link.other);
  if (from === undefined || to === undefined) return null;
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  return (
    <g class={`link link-${link.state}`}>
      <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
      {hasLabel && (
        <text x={middle.x} y={middle.y + 4}>
          {link.state === "ok" ? milliseconds(link.roundTripMs) : labelOf(link)}
        </text>
      )}
    </g>
  );
}

function labelOf({ state, roundTripMs }: DrawnLink): string {
  return state === "slow" ? `slow ${milliseconds(roundTripMs)}` : state;
}

function Node({ region, place }: { readonly region: string; readonly place: Point }) {
  const { view } = useShown();
  const found = view.regions.find((one) => one.region === region);
  const condition = found === undefined ? "unheard" : conditionOf(found);
  const led = [...leadersOf(view).values()].filter((leader) => leader === region).length;
  const note = condition !== "well" ? CONDITION_WORDS[condition] : leadNote(led, view.partitions);
  return (
    <g class={`node node-${condition}`} transform={`translate(${place.x} ${place.y})`}>
      <rect x={-52} y={-19} width={104} height={38} rx={7} />
      <text y={note === "" ? 5 : -2}>{region}</text>
      {note !== "" && (
        <text class="small" y={12}>
          {note}
        </text>
      )}
    </g>
  );
}

function leadNote(led: number, partitions: number): string {
  if (led === 0) return "";
  return partitions === 1 ? "leads the log" : `leads ${led} of ${partitions}`;
}

function LinkTable({ links }: { readonly links: readonly DrawnLink[] }) {
  const columns = [
    { title: "Link" },
    { title: "State" },
    { title: "Round trip", isFigure: true },
    { title: "Lasts" },
  ];
  const rows = links.map((link) => ({
    id: `${link.one} ${link.other}`,
    cells: [
      `${link.one} – ${link.other}`,
      <Mark key="state" tone={TONES[link.state]}>
        {link.state === "ok" ? "ok" : `${link.state}: ${link.ways.join(", ")}`}
      </Mark>,
      milliseconds(link.roundTripMs),
      <Since key="since" at={link.since} />,
    ],
    tone: link.state === "cut" ? ("risk" as const) : undefined,
  }));
  return <Table caption="Links between regions" columns={columns} rows={rows} />;
}
