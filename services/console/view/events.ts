/** What has happened between two views of the cluster, as this process saw it. */
import type { ClusterEvent, LinkView, RegionView } from "../../protocol/cluster/view.ts";
import type { PartitionFacts, RegionFacts } from "./facts.ts";
import type { Situation } from "./situation.ts";

export type Happened = Omit<ClusterEvent, "at">;

/** @param before undefined at first: what is there when somebody begins to look has not happened just then. */
export function happenedBetween(before: Situation | undefined, after: Situation): Happened[] {
  if (before === undefined) return [];
  return [
    ...regionEvents(before, after),
    ...linkEvents(before.links, after.links),
    ...leaderEvents(before, after),
    ...[...after.facts.values()].flatMap((facts) => {
      const earlier = before.facts.get(facts.region);
      return earlier === undefined ? [] : ownEvents(earlier, facts);
    }),
  ];
}

function regionEvents(before: Situation, after: Situation): Happened[] {
  return after.regions.flatMap((region): Happened[] => {
    const [was, is] = [stateOf(before, region), stateOf(after, region)];
    if (was === is || was === undefined) return [];
    if (is === "heard") return [{ kind: "region-heard", region, text: `${region} is heard here.` }];
    return [{ kind: "region-silent", region, text: `${region} is not heard here any more.` }];
  });
}

function stateOf({ states }: Situation, region: string): RegionView["state"] | undefined {
  return states.get(region)?.state;
}

function linkEvents(before: readonly LinkView[], after: readonly LinkView[]): Happened[] {
  const earlier = new Map(before.map((link) => [`${link.from} ${link.to}`, link.state]));
  return after.flatMap(({ from, to, state }): Happened[] => {
    const was = earlier.get(`${from} ${to}`);
    if (was === undefined || was === state) return [];
    if (state === "cut")
      return [{ kind: "link-cut", region: to, text: `${to} does not hear ${from} any more.` }];
    const isThrough = state === "ok" || state === "slow";
    return was === "cut" && isThrough
      ? [{ kind: "link-healed", region: to, text: `${to} hears ${from} again.` }]
      : [];
  });
}

function leaderEvents(before: Situation, after: Situation): Happened[] {
  return [...after.leaders].flatMap(([partition, { leader, term }]): Happened[] => {
    const was = before.leaders.get(partition);
    if (was === undefined || (was.leader === leader && was.term === term)) return [];
    if (leader === undefined)
      return was.leader === undefined
        ? []
        : [
            {
              kind: "leader-lost",
              partition,
              text: `Nobody is known to lead partition ${partition}; it was ${was.leader}.`,
            },
          ];
    const isElection = term !== undefined && was.term !== undefined && term > was.term;
    if (was.leader === leader && !isElection) return [];
    const inTerm = term === undefined ? "" : ` in term ${term}`;
    return [
      {
        kind: "leader-changed",
        region: leader,
        partition,
        text: `${leader} leads partition ${partition}${inTerm}.`,
      },
    ];
  });
}

function ownEvents(before: RegionFacts, after: RegionFacts): Happened[] {
  const { region } = after;
  return [
    ...[...after.partitions].flatMap(([partition, facts]) => {
      const earlier = before.partitions.get(partition);
      return earlier === undefined ? [] : partitionEvents({ region, partition }, earlier, facts);
    }),
    ...processEvents(before, after),
  ];
}

function partitionEvents(
  about: { region: string; partition: number },
  before: PartitionFacts,
  after: PartitionFacts,
): Happened[] {
  const { region, partition } = about;
  const found: Happened[] = [];
  const [wasOpen, isOpen] = [before.breaker.state !== "closed", after.breaker.state !== "closed"];
  if (!wasOpen && isOpen)
    found.push({
      ...about,
      kind: "breaker-opened",
      text: `${region} leaves partition ${partition} to its buffer (${after.breaker.reason ?? "the log is away"}).`,
    });
  if (wasOpen && !isOpen)
    found.push({
      ...about,
      kind: "breaker-closed",
      text: `${region} publishes to partition ${partition} again.`,
    });
  const [hadStopped, hasStopped] = [before.fold?.state === "stopped", after.fold?.state === "stopped"];
  if (!hadStopped && hasStopped)
    found.push({
      ...about,
      kind: "fold-stopped",
      text: `${region} has stopped folding partition ${partition}: ${after.fold?.reason ?? "no reason given"}.`,
    });
  if (hadStopped && !hasStopped)
    found.push({ ...about, kind: "fold-goes-on", text: `${region} folds partition ${partition} again.` });
  if (after.verdict !== undefined && after.verdict.id !== before.verdict?.id) {
    const { verdict, differing_records: differing } = after.verdict;
    const what = verdict === "diverged" ? `${verdict}, ${differing} records differ` : verdict;
    found.push({
      ...about,
      kind: "verdict",
      text: `${region} has verified partition ${partition}: ${what}.`,
    });
  }
  return found;
}

function processEvents(before: RegionFacts, after: RegionFacts): Happened[] {
  const { region } = after;
  const found: Happened[] = [];
  const [was, is] = [newest(before), newest(after)];
  if (was === undefined || is === undefined) return [];
  const known = new Set(before.remembered.map(({ report }) => report.process));
  for (const { report } of after.heard)
    if (!known.has(report.process))
      found.push({
        kind: "process-started",
        region,
        text: `A process of ${region} has started (${report.software}).`,
      });
  const [wasRefusing, isRefusing] = [refuses(before), refuses(after)];
  if (!wasRefusing && isRefusing)
    found.push({ kind: "admission-refuses", region, text: `${region} refuses load.` });
  if (wasRefusing && !isRefusing)
    found.push({ kind: "admission-open", region, text: `${region} takes all requests again.` });
  const [wasDrained, isDrained] = [was.draining_since !== undefined, is.draining_since !== undefined];
  if (!wasDrained && isDrained) found.push({ kind: "draining", region, text: `${region} is drained.` });
  if (wasDrained && !isDrained)
    found.push({ kind: "undrained", region, text: `${region} takes writes again.` });
  return found;
}

function newest({ heard }: RegionFacts) {
  return heard[0]?.report;
}

function refuses({ heard }: RegionFacts): boolean {
  return heard.some(({ report }) => report.load.admission === "refusing");
}
