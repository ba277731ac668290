/** Findings of what is between regions: silence, cut links, leaders, quorums, clocks. */
import { describeDuration } from "./lag-text.ts";
import type { Found } from "./findings.ts";
import { STARTING_MS } from "./links.ts";
import type { Situation } from "./situation.ts";

const LEADER_CHANGES_MAX = 3;
const LEADER_MISSING_MS = 2_000;
/** Beyond 500 ms stamps of a region are not taken any more. */
const CLOCK_RISK_MS = 250;
const CLOCK_HURT_MS = 400;

export function clusterFindings(situation: Situation): Found[] {
  return [
    ...silences(situation),
    ...cuts(situation),
    ...leaders(situation),
    ...quorum(situation),
    ...clocks(situation),
  ];
}

function silences(situation: Situation): Found[] {
  const { viewer, states, facts, lookedMs, nowMs } = situation;
  const regions = expected(situation);
  const others = regions.filter((region) => region !== viewer);
  const isStarting = lookedMs < STARTING_MS;
  const isAlone = others.length > 1 && others.every((region) => states.get(region)!.state !== "heard");
  if (isAlone && !isStarting) return [isolation(viewer)];
  return regions.flatMap((region): Found[] => {
    const known = states.get(region)!;
    if (isStarting && known.state === "unheard") return [];
    // Who is heard elsewhere is not gone: that is a link.
    if (known.state === "heard" || known.heard_by.length > 0) return [];
    const lastAtMs = facts.get(region)?.lastAtMs;
    const since =
      lastAtMs === undefined ? "since this process started" : `for ${describeDuration(nowMs - lastAtMs)}`;
    return [
      {
        id: `region-silent:${region}`,
        severity: "hurt",
        region,
        what: `Nothing was heard of ${region} ${since}, by ${viewer} or by any region that ${viewer} hears.`,
        why: `Its processes or its nats-server are down, or ${region} is cut off from everybody.`,
        act: `Look at ${region} itself: whether its processes run, and whether its clients are served.`,
        runbook: "RegionSilent",
      },
    ];
  });
}

/** Regions whose silence matters: members by the word of regions that are heard, and all while nobody has told of members. */
function expected(situation: Situation): readonly string[] {
  const members = membersOf(situation);
  const { regions } = situation;
  return members.length === 0 ? regions : regions.filter((region) => members.includes(region));
}

/** What a region that is silent has told of members last may be old. */
function membersOf({ facts }: Situation): readonly string[] {
  const heard = [...facts.values()].filter(({ state }) => state === "heard");
  const told = heard.flatMap(({ partitions }) => [...partitions.values()]);
  return [...new Set(told.flatMap(({ newest }) => newest.members))];
}

/** That all others are gone at once is less likely than that it is this one. */
function isolation(viewer: string): Found {
  return {
    id: `isolated:${viewer}`,
    severity: "hurt",
    region: viewer,
    what: `${viewer} hears no other region: what is shown of them is old.`,
    why: `The nats-server of ${viewer} is away, or ${viewer} is cut off from all others.`,
    act: `Look at the nats-server of ${viewer} and its routes; ask another region how the others are.`,
    runbook: "RegionSilent",
  };
}

function cuts({ links }: Situation): Found[] {
  return links
    .filter(({ state }) => state === "cut")
    .map(({ from, to, since }) => ({
      id: `link-cut:${from}:${to}`,
      severity: "risk" as const,
      region: to,
      since,
      what: `${to} does not hear ${from}.`,
      why: `${from} is heard elsewhere, so it runs: the link from ${from} to ${to} is cut.`,
      act: `Look at the network between ${from} and ${to}; local writes go on in both.`,
      runbook: "LinkCut",
    }));
}

function leaders({ leaders: known }: Situation): Found[] {
  return [...known].flatMap(([partition, { missing, changes }]): Found[] => {
    const found: Found[] = [];
    if (missing !== undefined && missing.forMs >= LEADER_MISSING_MS)
      found.push({
        id: `leader-missing:${partition}`,
        severity: "hurt",
        partition,
        since: missing.sinceMs,
        what: `Nobody is known to lead the log of partition ${partition}.`,
        why: "An election is under way, or too few of the log's servers reach each other.",
        act: "Wait ten seconds for an election; then see which regions are silent and which links are cut.",
        runbook: "LeaderMissing",
      });
    if (changes >= LEADER_CHANGES_MAX)
      found.push({
        id: `leader-churn:${partition}`,
        severity: "risk",
        partition,
        what: `The log of partition ${partition} has changed its leader ${changes} times in five minutes.`,
        why: "Links or servers are slow or come and go, so that the leader is not heard in time.",
        act: "Look at round trips, and hold leadership where the network is best: forebay leader move REGION.",
        runbook: "LeaderChurn",
      });
    return found;
  });
}

/** As if every member held the log: with more members than servers of it, this is warned of too early. */
function quorum(situation: Situation): Found[] {
  const { states, viewer, lookedMs } = situation;
  if (lookedMs < STARTING_MS) return [];
  const members = membersOf(situation);
  const isThere = (region: string) => region === viewer || states.get(region)?.state === "heard";
  const there = members.filter(isThere).length;
  const majority = Math.floor(members.length / 2) + 1;
  if (members.length < 3 || there > majority) return [];
  const away = members
    .filter((region) => !isThere(region))
    .toSorted()
    .join(", ");
  if (away === "") return [];
  const isLost = there < majority;
  return [
    {
      id: "quorum-at-risk",
      severity: "risk",
      what: isLost
        ? `${viewer} hears ${there} of ${members.length} members, which is no majority.`
        : `${viewer} hears ${there} of ${members.length} members: without one more of them the log has no leader.`,
      why: `Not heard: ${away}.`,
      act: "Bring back what is silent before anything else is stopped or maintained.",
      runbook: "QuorumAtRisk",
    },
  ];
}

function clocks({ facts, states, viewer }: Situation): Found[] {
  const own = facts.get(viewer);
  if (own === undefined) return [];
  return [...own.peers.values()].flatMap(({ region, clock_offset_ms: offsetMs }): Found[] => {
    if (offsetMs === undefined || states.get(region)?.state !== "heard" || Math.abs(offsetMs) < CLOCK_RISK_MS)
      return [];
    const side = offsetMs > 0 ? "ahead of" : "behind";
    return [
      {
        id: `clock-offset:${[viewer, region].toSorted().join(":")}`,
        severity: Math.abs(offsetMs) >= CLOCK_HURT_MS ? "hurt" : "risk",
        region,
        what: `The clock of ${region} is ${Math.abs(Math.round(offsetMs))} ms ${side} that of ${viewer}.`,
        why: "Of two concurrent writes the one with the later stamp wins: from 500 ms on stamps are not believed.",
        act: "See which of the two is off by its NTP service, and correct that clock slowly.",
        runbook: "ClockOffset",
      },
    ];
  });
}
