/** Which links between regions carry messages: who hears whom tells a cut link from a region that is gone. */
import type { LinkView } from "../../protocol/cluster/view.ts";
import { SILENT_AFTER_MS } from "../hearing.ts";
import type { RegionFacts } from "./facts.ts";

/** Further than members of a log should be from each other. */
const SLOW_ROUND_TRIP_MS = 400;

/** Within this time of its start a process may not have heard everybody. */
export const STARTING_MS = 5_000;

type Facts = ReadonlyMap<string, RegionFacts>;

/** Regions that hear this one: by the word of those that are heard here, and the viewer's own. */
export function heardBy(region: string, facts: Facts, viewer: string): readonly string[] {
  return [...facts.values()]
    .filter((other) => hears(other, region, { facts, viewer }) === true)
    .map((other) => other.region);
}

/** Undefined where nobody can tell: the listener is not heard here itself, or has only just begun to listen. */
function hears(
  listener: RegionFacts,
  region: string,
  { facts, viewer }: { facts: Facts; viewer: string },
): boolean | undefined {
  if (listener.region === region) return false;
  if (listener.region === viewer) return facts.get(region)?.state === "heard";
  if (listener.state !== "heard") return undefined;
  const heardMs = listener.peers.get(region)?.heard_ms;
  if (heardMs !== undefined) return heardMs < SILENT_AFTER_MS;
  return hasJustStarted(listener) ? undefined : false;
}

/** It may not have had the time to hear anybody. */
function hasJustStarted({ heard }: RegionFacts): boolean {
  return heard.every(({ report }) => report.sent_at - report.started_at < STARTING_MS);
}

/** Every way between two of the regions, without since when. */
export function judgeLinks(
  regions: readonly string[],
  facts: Facts,
  viewer: string,
): Omit<LinkView, "since">[] {
  const listeners = new Map(regions.map((region) => [region, heardBy(region, facts, viewer)]));
  return regions.flatMap((from) =>
    regions.filter((to) => to !== from).map((to) => judgeLink({ from, to }, { facts, viewer, listeners })),
  );
}

function judgeLink(
  { from, to }: { from: string; to: string },
  about: { facts: Facts; viewer: string; listeners: ReadonlyMap<string, readonly string[]> },
): Omit<LinkView, "since"> {
  const listener = about.facts.get(to);
  const isHeard = listener === undefined ? undefined : hears(listener, from, about);
  const roundTripMs = listener?.peers.get(from)?.round_trip_ms;
  const told = roundTripMs === undefined ? {} : { round_trip_ms: roundTripMs };
  if (isHeard === true) {
    const isSlow = roundTripMs !== undefined && roundTripMs > SLOW_ROUND_TRIP_MS;
    return { from, to, state: isSlow ? "slow" : "ok", ...told };
  }
  const isHeardElsewhere = about.listeners.get(from)!.length > 0;
  return { from, to, state: isHeard === false && isHeardElsewhere ? "cut" : "dark" };
}
