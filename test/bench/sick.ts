/**
 * `npm run bench -- sick [--seconds N]`: a minute each of one-way cuts, servers that never answer, resets and jitter, under
 * writes in every region. What a region refuses, how long the longest answer takes, what grows, and whether all is true
 * in the end.
 */
import { figuresOf } from "../../infra/load/figures.ts";
import { PacedLoad } from "../../infra/load/paced-load.ts";
import type { StreamRecord } from "../../infra/load/record.ts";
import type { LocalCluster } from "../../infra/local/cluster.ts";
import { SICKNESSES, type Sickness } from "../integration/cluster/sicknesses.ts";
import {
  authoritativeStream,
  localStream,
  openPacedCollection,
} from "../integration/cluster/paced-writes.ts";
import { withCluster } from "./bench-cluster.ts";
import { caughtUpMs } from "./election/draining.ts";
import { findLeader, natsServers, readStatus, sleepUntil } from "./election/faults.ts";
import { reportCheck, TOPOLOGY, WARM_UP_MS } from "./election/kills.ts";
import { ofClass } from "./election/local-figures.ts";
import { positiveNumber, readOptions } from "./options.ts";
import { residentMegabytes } from "./processes.ts";
import { progress, report, round } from "./report.ts";

const SECONDS = 60;
const LOCAL_PER_SECOND = 200;
const AUTHORITATIVE_PER_SECOND = 10;
/** Far beyond every deadline: what takes as long is stuck. */
const TIMEOUT_MS = 30_000;
const CALM_MS = 3_000;
const RUN = "sick";

interface Episode {
  readonly sickness: Sickness;
  readonly withoutDatabase: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly caughtUpMs: number;
  readonly rowsMax: number;
  readonly residentMegabytes: number;
}

export async function benchSick(words: readonly string[]): Promise<void> {
  const { seconds: text } = readOptions(words, ["seconds"]);
  const seconds = positiveNumber(text, "seconds", SECONDS);
  await withCluster(TOPOLOGY, async (cluster) => {
    await openPacedCollection({ cluster });
    const secondsMax = SICKNESSES.length * (seconds + 120) + 60;
    const load = await PacedLoad.start({ streams: streamsOf(cluster, secondsMax), secondsMax });
    await sleepUntil(WARM_UP_MS, () => load.elapsedMs());
    const episodes: Episode[] = [];
    for (const sickness of SICKNESSES) episodes.push(await suffer(cluster, { sickness, load, seconds }));
    const records = await load.stop();
    for (const episode of episodes) reportEpisode(records, episode);
    await reportCheck(cluster, records, RUN);
  });
}

function streamsOf(cluster: LocalCluster, secondsMax: number) {
  const options = { ratePerSecond: AUTHORITATIVE_PER_SECOND, secondsMax, run: RUN };
  return cluster.regions.flatMap((region) => [
    { ...localStream(region, LOCAL_PER_SECOND, RUN), timeoutMs: TIMEOUT_MS },
    { ...authoritativeStream(region, options), timeoutMs: TIMEOUT_MS },
  ]);
}

async function suffer(
  cluster: LocalCluster,
  { sickness, load, seconds }: { sickness: Sickness; load: PacedLoad; seconds: number },
): Promise<Episode> {
  const elapsedMs = (): number => load.elapsedMs();
  const leader = await findLeader(natsServers(cluster));
  const withoutDatabase = sickness.isDatabaseOf?.(cluster, leader);
  progress(sickness.name);
  const fromMs = elapsedMs();
  await sickness.begin(cluster, leader);
  let rowsMax = 0;
  for (let untilMs = fromMs; untilMs < fromMs + seconds * 1_000; untilMs += 1_000) {
    await sleepUntil(untilMs, elapsedMs);
    rowsMax = Math.max(rowsMax, await pendingRows(cluster));
  }
  await cluster.faults.healAll();
  const toMs = elapsedMs();
  const drainedMs = await caughtUpMs(cluster);
  const pids = cluster.regions.map(({ pid }) => pid!);
  const resident = Math.max(...pids.map((pid) => residentMegabytes(pid).resident_megabytes));
  await sleepUntil(elapsedMs() + CALM_MS, elapsedMs);
  return {
    sickness,
    withoutDatabase,
    fromMs,
    toMs,
    caughtUpMs: drainedMs,
    rowsMax,
    residentMegabytes: resident,
  };
}

/** Of the fullest buffer; a region that can't tell counts for nothing. */
async function pendingRows(cluster: LocalCluster): Promise<number> {
  const looks = await Promise.allSettled(cluster.regions.map(({ url }) => readStatus(url)));
  return Math.max(0, ...looks.map((look) => (look.status === "fulfilled" ? look.value.wal.pending_rows : 0)));
}

function reportEpisode(records: readonly StreamRecord[], episode: Episode): void {
  const { sickness, withoutDatabase, ...window } = episode;
  const local = ofClass(records, "local");
  const others = figuresOf(
    local.filter(({ region }) => region !== withoutDatabase),
    window,
  );
  const own = figuresOf(
    local.filter(({ region }) => region === withoutDatabase),
    window,
  );
  const decided = figuresOf(ofClass(records, "authoritative"), window);
  report("sick", {
    sickness: sickness.name,
    seconds: round((episode.toMs - episode.fromMs) / 1_000, 0),
    local: { due: others.due, failed: others.due - others.succeeded, failures: others.failures, worst_ms: round(others.latency.worstMs, 0) }, // prettier-ignore
    ...(withoutDatabase !== undefined && { local_without_database: { due: own.due, succeeded: own.succeeded, failures: own.failures } }), // prettier-ignore
    authoritative: { due: decided.due, succeeded: decided.succeeded, failures: decided.failures },
    stuck: stuck(records, window),
    caught_up_after_heal_ms: round(episode.caughtUpMs, 0),
    pending_rows_max: episode.rowsMax,
    resident_megabytes_max: episode.residentMegabytes,
  });
}

/** Requests that nobody answered until their client gave up, which is long after their deadline. */
function stuck(records: readonly StreamRecord[], window: { fromMs: number; toMs: number }): number {
  return figuresOf(records, window).failures["timeout"] ?? 0;
}
