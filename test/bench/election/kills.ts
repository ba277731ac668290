/**
 * The leader's nats-server is killed every 15 s for three minutes, under writes in every region.
 *
 * Unavailable, of authoritative writes and of JetStream alike: from the end of the killed process until the first answer of
 * success to something that was sent, or due, after it, in one region. Requests under way at the kill don't count.
 */
import { PacedLoad } from "../../../infra/load/paced-load.ts";
import { latencyFigures, unavailableMs } from "../../../infra/load/figures.ts";
import type { StreamRecord } from "../../../infra/load/record.ts";
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { checkPaced } from "../../integration/cluster/paced-check.ts";
import {
  authoritativeStream,
  localStream,
  openPacedCollection,
  togetherStream,
} from "../../integration/cluster/paced-writes.ts";
import { withCluster } from "../bench-cluster.ts";
import { unlessInterrupted } from "../interruption.ts";
import { progress, report, round } from "../report.ts";
import { BarePublishers } from "./bare.ts";
import { caughtUpMs, emptyMs } from "./draining.ts";
import { killLeaders, natsServers, sleepUntil, type Kill } from "./faults.ts";
import { ofClass, writeFigures, type WriteFigures } from "./local-figures.ts";
import type { Settings } from "./settings.ts";

const SECONDS = 180;
/** Connections are opened and code is compiled: no figure is of this time. */
export const WARM_UP_MS = 5_000;
export const TOPOLOGY = "test/integration/topologies/one-partition.yaml";
const RUN = "kills";

export interface Phases {
  readonly fromMs: number;
  readonly toMs: number;
}

export function phasesOf(settings: Settings, secondsByDefault: number): Phases {
  const fromMs = WARM_UP_MS + settings.undisturbedSeconds * 1_000;
  return { fromMs, toMs: fromMs + (settings.seconds ?? secondsByDefault) * 1_000 };
}

/** @returns the figures of local writes during the trouble. */
export async function measureKills(settings: Settings, secondsByDefault = SECONDS): Promise<WriteFigures> {
  return withCluster(TOPOLOGY, async (cluster) => {
    await openPacedCollection({ cluster });
    const bare = await BarePublishers.open(cluster);
    try {
      return await underLoad(cluster, { settings, bare, phases: phasesOf(settings, secondsByDefault) });
    } finally {
      await bare.close();
    }
  });
}

interface Run {
  readonly settings: Settings;
  readonly bare: BarePublishers;
  readonly phases: Phases;
}

async function underLoad(cluster: LocalCluster, { settings, bare, phases }: Run): Promise<WriteFigures> {
  const load = await startLoad(cluster, settings, phases.toMs / 1_000 + 60);
  const elapsedMs = (): number => load.elapsedMs();
  bare.start(elapsedMs);
  const killing = killLeaders(natsServers(cluster), {
    ...phases,
    everyMs: settings.everySeconds * 1_000,
    awayMs: settings.awaySeconds * 1_000,
    elapsedMs,
    prepare: (leader) => bare.align(leader),
    onKilled: (atMs) => bare.killed(atMs),
  });
  const kills = await unlessInterrupted(killing);
  const drainedMs = await caughtUpMs(cluster);
  await sleepUntil(phases.toMs, elapsedMs);
  progress("the load ends");
  const records = await load.stop();
  const emptiedMs = await emptyMs(cluster);
  reportKills(kills, { records, bare });
  const local = reportLocal(records, phases);
  report("election.drain", { caught_up_after_heal_ms: round(drainedMs, 0), empty_after_load_ms: round(emptiedMs, 0), bar_ms: 10_000 }); // prettier-ignore
  await reportCheck(cluster, records, RUN);
  return local;
}

export function localStreamOf({ isTogether }: Settings): typeof localStream {
  return isTogether ? togetherStream : localStream;
}

function startLoad(cluster: LocalCluster, settings: Settings, secondsMax: number): Promise<PacedLoad> {
  const ratePerSecond = settings.authoritativePerSecond;
  const streams = cluster.regions.flatMap((region) => [
    localStreamOf(settings)(region, settings.localPerSecond, RUN),
    authoritativeStream(region, { ratePerSecond, secondsMax, run: RUN }),
  ]);
  return PacedLoad.start({ streams, secondsMax });
}

/** Where the machine is slower than the bar's, the ratio tells: it is of the same run. */
function reportLocal(records: readonly StreamRecord[], { fromMs, toMs }: Phases): WriteFigures {
  const local = ofClass(records, "local");
  const undisturbed = writeFigures(local, { fromMs: WARM_UP_MS, toMs: fromMs });
  const disturbed = writeFigures(local, { fromMs, toMs });
  report("election.local.undisturbed", { ...undisturbed });
  report("election.local.kills", { ...disturbed, bar_failed: 0, bar_worst_ms: 250 });
  const whole = writeFigures(local);
  report("election.local", {
    sent: whole.writes,
    failed: whole.failed,
    p99_ratio: round(disturbed.p99_ms / undisturbed.p99_ms),
    bar_p99_ratio: 3,
  });
  for (const record of local) {
    const { p99_ms, worst_ms, failed } = writeFigures([record], { fromMs, toMs });
    report("election.local.region", { region: record.region, failed, p99_ms, worst_ms });
  }
  return disturbed;
}

type ByRegion = Record<string, number | undefined>;

/** The worst of a region over the limit's in the same region; undefined where one of them never came back. */
function worstOver(measured: ByRegion, limit: ByRegion): number | undefined {
  const differences = Object.entries(measured).map(
    ([region, ms]) => (ms ?? Number.NaN) - (limit[region] ?? Number.NaN),
  );
  return differences.some(Number.isNaN) ? undefined : Math.max(...differences);
}

function reportKills(
  kills: readonly Kill[],
  { records, bare }: { records: readonly StreamRecord[]; bare: BarePublishers },
): void {
  const overBare: number[] = [];
  const overLog: number[] = [];
  for (const [index, kill] of kills.entries()) {
    const window = { faultAtMs: kill.atMs, untilMs: kill.untilMs };
    const authoritative = Object.fromEntries(
      ofClass(records, "authoritative").map((record) => [record.region, unavailableMs(record, window)]),
    );
    const ofBare = bare.unavailableMs("bare", window);
    const ofLog = bare.unavailableMs("log", window);
    const worst = { bare: worstOver(authoritative, ofBare), log: worstOver(authoritative, ofLog) };
    if (kill.isPrepared && worst.bare !== undefined) overBare.push(worst.bare);
    if (worst.log !== undefined) overLog.push(worst.log);
    report("election.kill", {
      kill: index + 1,
      server: kill.server,
      at_s: round(kill.atMs / 1_000, 1),
      back_after_ms: round(kill.backAtMs - kill.atMs, 0),
      authoritative_unavailable_ms: rounded(authoritative),
      bare_unavailable_ms: rounded(ofBare),
      log_leaderless_ms: rounded(ofLog),
      worst_over_bare_ms: rounded(worst).bare,
      worst_over_log_ms: rounded(worst).log,
      ...(kill.isPrepared ? {} : { note: "the bare stream was led by another server" }),
    });
  }
  const figures = (valuesMs: readonly number[]) => {
    const { p50Ms, worstMs } = latencyFigures(valuesMs);
    return { kills: valuesMs.length, median_ms: round(p50Ms, 0), worst_ms: round(worstMs, 0) };
  };
  report("election.authoritative", {
    kills: kills.length,
    over_bare: figures(overBare),
    over_log: figures(overLog),
    bar_ms: 1_500,
  });
}

function rounded(values: Readonly<Record<string, number | undefined>>): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value === undefined ? null : round(value, 0)]),
  );
}

export async function reportCheck(
  cluster: LocalCluster,
  records: readonly StreamRecord[],
  run: string,
): Promise<void> {
  progress("checking every outcome");
  const bed = { cluster, partitions: 1, stop: () => Promise.resolve() };
  const { problems, unknown, committed, dead, digests } = await checkPaced(bed, { records, run });
  report("election.check", {
    run,
    problems,
    digests_equal: digests.length === 1,
    digest: digests[0],
    authoritative_committed: committed,
    authoritative_dead: dead,
    unknown_turned_out: unknown,
  });
}
