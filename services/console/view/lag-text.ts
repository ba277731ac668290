/** Says in one plain sentence what is waited for, and why. */
import type { LagView } from "../../protocol/cluster/view.ts";
import type { PartitionFacts } from "./facts.ts";

interface Known {
  /** Undefined where the region is silent. */
  readonly here: PartitionFacts | undefined;
  readonly there: PartitionFacts | undefined;
  readonly leader: string | undefined;
}

export function describeLag(lag: Omit<LagView, "text" | "since" | "waits_for">, known: Known): string {
  const { origin, region, reason } = lag;
  switch (reason) {
    case "nothing":
      return `${region} shows all that ${origin} has taken.`;
    case "region-silent":
      return `${region} is not heard here: what it shows is not known.`;
    case "origin-silent":
      return lag.operations === 0
        ? `${origin} is not heard here: whether ${region} shows all that it has taken is not known.`
        : `${origin} is not heard here: ${region} lacks ${lag.operations} of its operations, or more.`;
    case "on-its-way":
      return `${amount(lag)} on the way to ${region}.`;
    default:
      return `${amount(lag)} ${place(lag)}: ${why(lag, known)}.`;
  }
}

function amount({
  operations,
  origin,
  age_ms: ageMs,
}: Pick<LagView, "operations" | "origin" | "age_ms">): string {
  const what = operations === 1 ? `1 operation of ${origin} is` : `${operations} operations of ${origin} are`;
  return ageMs < 1_000 ? what : `${what}, the oldest for ${describeDuration(ageMs)},`;
}

function place({ stage, origin, region }: Pick<LagView, "stage" | "origin" | "region">): string {
  switch (stage) {
    case "buffer":
      return `held in ${origin}'s buffer`;
    case "log":
      return `in the log and not at ${region} yet`;
    case "fold":
      return `at ${region} and not folded yet`;
    default:
      return `not shown in ${region}`;
  }
}

function why(
  {
    reason,
    stage,
    origin,
    region,
    partition,
  }: Pick<LagView, "reason" | "stage" | "origin" | "region" | "partition">,
  { here, there, leader }: Known,
): string {
  const breaker = there?.breaker;
  switch (reason) {
    case "no-leader":
      return `the log of partition ${partition} has no leader${openFor(breaker?.open_ms)}; they are safe in ${origin} and go out once one is elected`;
    case "breaker-open":
      return `${origin} can't reach the log${openFor(breaker?.open_ms)} (${breakerText(breaker?.reason)}${leader === undefined ? "" : `; its leader is in ${leader}`}); they are safe in ${origin} and go out once it can`;
    case "in-doubt":
      return `${origin}'s relay does not know what became of its last batches, and waits for what the log has folded`;
    case "wal-trouble":
      return there?.wal.trouble ?? "its buffer can't be read";
    case "no-relay":
      return `no process of ${origin} relays partition ${partition}`;
    case "replica-behind":
      return `${region}'s copy of the log is ${here?.replicaLag ?? "some"} entries behind its leader's`;
    case "fold-stopped":
      return here?.fold?.reason === undefined
        ? `no process of ${region} folds partition ${partition}`
        : `${region} has stopped folding (${here.fold.reason})`;
    case "fold-bootstrapping":
      return `${region} loads its state from another region (${here?.fold?.reason ?? "under way"})`;
    case "database-away":
      return `the database of ${stage === "buffer" ? origin : region} does not answer`;
    case "fold-busy":
      return `${region} folds more slowly than entries come`;
    default:
      return stage === "buffer"
        ? `${origin} sends as fast as log and folds take it`
        : `${region} is behind with reading the log`;
  }
}

function openFor(openMs: number | undefined): string {
  return openMs === undefined || openMs < 1_000 ? "" : `, for ${describeDuration(openMs)} now`;
}

function breakerText(reason: "refused" | "timed-out" | "slow" | undefined): string {
  return { refused: "nobody takes entries", "timed-out": "no answer", slow: "slow to answer" }[
    reason ?? "timed-out"
  ];
}

export function describeDuration(durationMs: number): string {
  const seconds = durationMs / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
