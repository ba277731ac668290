/** Findings of the data itself: lag, folds that stand still, logs that differ, verdicts, what trimming waits for. */
import type { VerdictReport } from "../../protocol/cluster/report.ts";
import type { LagView } from "../../protocol/cluster/view.ts";
import { hasCompared } from "../role-figures.ts";
import { describeDuration } from "./lag-text.ts";
import type { PartitionFacts, RegionFacts } from "./facts.ts";
import type { Found } from "./findings.ts";
import type { Situation } from "./situation.ts";

const LAG_HIGH_MS = 10_000;
const TRIM_PINNED_MS = 60_000;
/** Some times the hour between two verifications. */
const VERIFICATION_OVERDUE_MS = 4 * 3_600_000;

export function dataFindings(situation: Situation): Found[] {
  const heard = [...situation.facts.values()].filter(({ state }) => state === "heard");
  return [
    ...lags(situation),
    ...heard.flatMap((facts) =>
      [...facts.partitions].flatMap(([partition, known]) => [
        ...folds(facts, partition, known),
        ...disagreements(facts, partition, known),
      ]),
    ),
    ...verdicts(heard, situation),
    ...members(heard, situation),
  ];
}

/** One for each origin and region: the partition that is worst off speaks for all. */
function lags({ lags: all }: Situation): Found[] {
  const worst = new Map<string, LagView>();
  for (const lag of all) {
    if (lag.age_ms < LAG_HIGH_MS || lag.reason === "region-silent") continue;
    const name = `${lag.origin}:${lag.region}`;
    const known = worst.get(name);
    if (known === undefined || lag.age_ms > known.age_ms) worst.set(name, lag);
  }
  return [...worst].map(([name, lag]) => ({
    id: `lag-high:${name}`,
    severity: "risk" as const,
    region: lag.region,
    partition: lag.partition,
    what: `${lag.region} is ${describeDuration(lag.age_ms)} behind ${lag.origin} (partition ${lag.partition}).`,
    why: lag.text,
    act: "The stage that the reason names is where to look.",
    runbook: "LagHigh",
  }));
}

function folds({ region }: RegionFacts, partition: number, { fold }: PartitionFacts): Found[] {
  if (fold?.state === "stopped")
    return [
      {
        id: `fold-stopped:${region}:${partition}`,
        severity: "hurt",
        region,
        partition,
        what: `${region} has stopped folding partition ${partition}: it shows nothing new of other regions.`,
        ...(fold.reason === undefined ? {} : { why: `${fold.reason}.` }),
        act: "The reason names the next command; forebay log status shows what each region has.",
        runbook: "FoldStopped",
      },
    ];
  if (fold?.state === "bootstrapping")
    return [
      {
        id: `bootstrapping:${region}:${partition}`,
        severity: "hurt",
        region,
        partition,
        what: `${region} loads the state of partition ${partition} from another region, and answers no requests meanwhile.`,
        ...(fold.reason === undefined ? {} : { why: `Stage: ${fold.reason}.` }),
        act: "forebay status shows how far it is; where it does not get on, the runbook says why.",
        runbook: "BootstrapStuck",
      },
    ];
  return [];
}

function disagreements({ region }: RegionFacts, partition: number, known: PartitionFacts): Found[] {
  const others = known.disagreesWith;
  if (others.length === 0) return [];
  return [
    {
      id: `log-disagrees:${region}:${partition}`,
      severity: "hurt",
      region,
      partition,
      what: `${region} has folded another log than ${others.join(", ")} at the same position (partition ${partition}).`,
      why: "The log was replaced or lost a part, or one of them has read a damaged copy.",
      act: "forebay log status compares them; rebuild or rejoin as the runbook says.",
      runbook: "LogDisagrees",
    },
  ];
}

interface ToldVerdict {
  readonly region: string;
  readonly verdict: VerdictReport;
}

/** The newest verdict of a partition counts, whichever region's it is; one on too few takes nothing back that was found before. */
function verdicts(heard: readonly RegionFacts[], { partitions, wallMs }: Situation): Found[] {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  return numbers.flatMap((partition) => {
    const newest = newestOf(heard, ({ partitions: known }) => known.get(partition)?.verdict);
    const compared = newestOf(heard, ({ partitions: known }) => known.get(partition)?.compared);
    return [
      ...(compared?.verdict.verdict === "diverged" ? divergence(compared, partition) : []),
      ...(newest === undefined ? [] : overdue(newest, partition, wallMs)),
    ];
  });
}

function newestOf(
  heard: readonly RegionFacts[],
  verdictOf: (facts: RegionFacts) => VerdictReport | undefined,
): ToldVerdict | undefined {
  const told = heard.flatMap((facts): ToldVerdict[] => {
    const verdict = verdictOf(facts);
    return verdict === undefined ? [] : [{ region: facts.region, verdict }];
  });
  return told.toSorted((one, other) => other.verdict.at - one.verdict.at)[0];
}

function divergence({ region, verdict }: ToldVerdict, partition: number): Found[] {
  const { id, at, differing_records: differing } = verdict;
  const about = { region, partition, since: at };
  const repair = `forebay verify show ${id} --region ${region}, then forebay repair ${id}`;
  return [
    {
      ...about,
      id: `diverged:${partition}`,
      severity: "hurt",
      what: `Regions hold different data in partition ${partition}: ${differing} records differ.`,
      why: `Verification ${id} of ${region} compared them at the same position.`,
      act: repair,
      runbook: "Diverged",
    },
    {
      ...about,
      id: `repair-waits:${partition}`,
      severity: "risk",
      what: `${differing} records of partition ${partition} wait for a repair.`,
      act: repair,
      runbook: "RepairWaits",
    },
  ];
}

function overdue({ region, verdict }: ToldVerdict, partition: number, wallMs: number): Found[] {
  const { verdict: word, at } = verdict;
  const isOverdue = wallMs - at > VERIFICATION_OVERDUE_MS;
  const isOnAll = hasCompared(verdict);
  if (isOnAll && !isOverdue) return [];
  return [
    {
      region,
      partition,
      since: at,
      id: `verification-overdue:${partition}`,
      severity: isOnAll ? "note" : "risk",
      what: `Nobody knows whether all regions hold the same in partition ${partition}.`,
      why: isOverdue
        ? `The last verdict is ${describeDuration(wallMs - at)} old.`
        : `The last verification could not compare all of them (${word}).`,
      act: "forebay verify, once all regions are there.",
      runbook: "VerificationOverdue",
    },
  ];
}

/** What a member is behind, others keep for it; what it is not kept for, it has to load anew. */
function members(heard: readonly RegionFacts[], { wallMs }: Situation): Found[] {
  const found = new Map<string, Found>();
  for (const { partitions } of heard) {
    for (const [partition, { newest }] of partitions) {
      const { pinned_by: pinned, away = [] } = newest;
      if (pinned !== undefined && wallMs - pinned.since >= TRIM_PINNED_MS)
        found.set(`trim-pinned:${pinned.region}:${partition}`, {
          id: `trim-pinned:${pinned.region}:${partition}`,
          severity: "risk",
          region: pinned.region,
          partition,
          since: pinned.since,
          what: `Log and WALs of partition ${partition} are kept from position ${pinned.position} on for ${pinned.region}, and grow.`,
          why: `${pinned.region} has told of nothing further for ${describeDuration(wallMs - pinned.since)}.`,
          act: `Bring ${pinned.region} back, or remove it: forebay region remove ${pinned.region}.`,
          runbook: "TrimPinned",
        });
      for (const region of away)
        found.set(`member-away:${region}:${partition}`, {
          id: `member-away:${region}:${partition}`,
          severity: "risk",
          region,
          partition,
          what: `${region} was away for so long that nothing of partition ${partition} is kept for it any more.`,
          act: `It loads another region's state when it comes back; remove it if it never will.`,
          runbook: "MemberAway",
        });
    }
  }
  return [...found.values()];
}
