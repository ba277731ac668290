/** Two of three nats-servers are gone for two minutes: local writes go on, authoritative ones are refused, at once. */
import { latencyFigures, latenciesOf, numbersIn, unavailableMs } from "../../../infra/load/figures.ts";
import { PacedLoad } from "../../../infra/load/paced-load.ts";
import type { StreamRecord } from "../../../infra/load/record.ts";
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { authoritativeStream, openPacedCollection } from "../../integration/cluster/paced-writes.ts";
import { withCluster } from "../bench-cluster.ts";
import { progress, report, round } from "../report.ts";
import { caughtUpMs, emptyMs } from "./draining.ts";
import { findLeader, natsServers, sleepUntil } from "./faults.ts";
import { localStreamOf, reportCheck, TOPOLOGY, WARM_UP_MS } from "./kills.ts";
import { ofClass, writeFigures } from "./local-figures.ts";
import type { Settings } from "./settings.ts";

const SECONDS = 120;
const UNDISTURBED_MS = 10_000;
const AFTERWARDS_MS = 15_000;
const AT_ONCE_MS = 50;
/** So many refusals in a row, each at once, say that it has begun: two seconds of them. */
const IN_A_ROW_SECONDS = 2;
const RUN = "quorum";

export async function measureQuorum(settings: Settings): Promise<void> {
  await withCluster(TOPOLOGY, async (cluster) => {
    await openPacedCollection({ cluster });
    const lossMs = (settings.seconds ?? SECONDS) * 1_000;
    const secondsMax = (WARM_UP_MS + UNDISTURBED_MS + lossMs + AFTERWARDS_MS) / 1_000 + 120;
    const ratePerSecond = settings.authoritativePerSecond;
    const streams = cluster.regions.flatMap((region) => [
      localStreamOf(settings)(region, settings.localPerSecond, RUN),
      authoritativeStream(region, { ratePerSecond, secondsMax, run: RUN }),
    ]);
    const load = await PacedLoad.start({ streams, secondsMax });
    const elapsedMs = (): number => load.elapsedMs();
    await sleepUntil(WARM_UP_MS + UNDISTURBED_MS, elapsedMs);
    const stopped = await loseQuorum(cluster);
    const lostAtMs = elapsedMs();
    await sleepUntil(lostAtMs + lossMs, elapsedMs);
    const returnedFromMs = elapsedMs();
    await Promise.all(stopped.map((name) => cluster.startNats(name)));
    const backAtMs = elapsedMs();
    progress("both are back");
    const drainedMs = await caughtUpMs(cluster);
    await sleepUntil(backAtMs + AFTERWARDS_MS, elapsedMs);
    const records = await load.stop();
    const emptiedMs = await emptyMs(cluster);
    reportQuorum(records, { stopped, lostAtMs, returnedFromMs, backAtMs });
    report("election.quorum.drain", { caught_up_after_return_ms: round(drainedMs, 0), empty_after_load_ms: round(emptiedMs, 0) }); // prettier-ignore
    await reportCheck(cluster, records, RUN);
  });
}

/** Kills the leader's server and one more, at once. */
async function loseQuorum(cluster: LocalCluster): Promise<readonly string[]> {
  const leader = await findLeader(natsServers(cluster));
  const other = cluster.regions.find(({ name }) => name !== leader)!.name;
  await Promise.all([cluster.killNats(leader), cluster.killNats(other)]);
  progress(`killed ${leader}, which led, and ${other}`);
  return [leader, other];
}

interface Times {
  readonly stopped: readonly string[];
  readonly lostAtMs: number;
  readonly returnedFromMs: number;
  readonly backAtMs: number;
}

function reportQuorum(records: readonly StreamRecord[], times: Times): void {
  const { stopped, lostAtMs, returnedFromMs, backAtMs } = times;
  const without = { fromMs: lostAtMs, toMs: returnedFromMs };
  const local = ofClass(records, "local");
  const undisturbed = writeFigures(local, { fromMs: WARM_UP_MS, toMs: lostAtMs });
  report("election.quorum.local", {
    ...writeFigures(local, without),
    undisturbed_p99_ms: undisturbed.p99_ms,
    failed_in_all: writeFigures(local).failed,
    bar_failed: 0,
  });
  for (const record of ofClass(records, "authoritative")) {
    const sinceMs = atOnceSinceMs(record, without);
    const window = { fromMs: sinceMs ?? returnedFromMs, toMs: returnedFromMs };
    const { count, p50Ms, p99Ms, worstMs } = latencyFigures(
      latenciesOf([record], { window, outcome: "refused" }),
    );
    report("election.quorum.authoritative", {
      region: record.region,
      own_server: stopped.includes(record.region) ? "stopped" : "runs",
      refused_at_once_after_ms: sinceMs === undefined ? null : round(sinceMs - lostAtMs, 0),
      refused: count,
      not_refused_since: [...numbersIn(record, window)].length - count,
      p50_ms: round(p50Ms),
      p99_ms: round(p99Ms),
      worst_ms: round(worstMs, 1),
      bar_p99_ms: AT_ONCE_MS,
      committed_again_after_ms: round(
        unavailableMs(record, { faultAtMs: backAtMs, untilMs: Infinity }) ?? Number.NaN,
        0,
      ),
    });
  }
}

/** When the first of a row of writes was due that were each refused at once; undefined where there was none. */
function atOnceSinceMs(
  record: StreamRecord,
  window: { readonly fromMs: number; readonly toMs: number },
): number | undefined {
  const inARow = Math.ceil(IN_A_ROW_SECONDS * record.pace.ratePerSecond);
  let row = 0;
  for (const number of numbersIn(record, window)) {
    const isAtOnce = record.outcome(number) === "refused" && record.latencyMs(number) < AT_ONCE_MS;
    row = isAtOnce ? row + 1 : 0;
    if (row === inARow) return record.dueAtMs(number - inARow + 1);
  }
  return undefined;
}
