/** One run of the demo on a cluster: schemas → load → story → no more load → check → table and figure. */
import { writeFileSync } from "node:fs";
import { PacedLoad } from "../../load/paced-load.ts";
import type { StreamRecord } from "../../load/record.ts";
import { authorization } from "../../local/authorization.ts";
import type { LocalCluster } from "../../local/cluster.ts";
import { waitFor } from "../../local/wait.ts";
import { Api } from "../retail/api.ts";
import { Director, type StagedEvent } from "./director.ts";
import { drawFigure } from "./figure/figure.ts";
import { LiveView } from "./live.ts";
import { renderFrame, renderPlainLine } from "./live-table.ts";
import { makeRecording } from "./recorder.ts";
import { CLASSES, type Recording, type WriteClass } from "./recording.ts";
import type { Screen } from "./screen.ts";
import { storySeconds, type StoryTimes } from "./story.ts";
import { findingOf, formatSummary, summarize, type Verification } from "./summary.ts";
import { TARGETS, trafficPlan } from "./traffic.ts";
import { verify } from "./verify.ts";
import { StatusWatch } from "./watch.ts";

const SCHEMA_TIMEOUT_MS = 30_000;
const PLAIN_EVERY_SECONDS = 5;
const WARM_UP_SECONDS = 3;
/** The story may wait for elections; a load that nobody stops ends by itself. */
const SECONDS_MAX = 600;

export interface RunOptions {
  readonly cluster: LocalCluster;
  readonly screen: Screen;
  readonly times: StoryTimes;
  readonly rates: Readonly<Record<WriteClass, number>>;
  /** Where the figure goes. */
  readonly figurePath: string;
  readonly signal: AbortSignal;
}

/** @returns whether everything is what was promised. Throws the signal's reason when it is aborted. */
export async function runDemo(options: RunOptions): Promise<boolean> {
  const { cluster, screen, rates, figurePath } = options;
  await openCollections(options);
  const { recording, verification } = await playUnderLoad(options);
  screen.release();
  const summary = summarize(recording, verification);
  const names = cluster.regions.map(({ name }) => name).join(", ");
  const subtitle = `${rates.local} local and ${rates.authoritative} authoritative writes per second in each of ${names}, on one machine`;
  writeFileSync(figurePath, drawFigure(recording, { title: findingOf(summary), subtitle }));
  screen.print(["", ...formatSummary(recording, verification).split("\n"), `figure: ${figurePath}`]);
  return summary.problems.length === 0;
}

/** A schema reaches the other regions through the log. */
async function openCollections({ cluster, signal }: RunOptions): Promise<void> {
  const api = new Api(cluster.regions);
  for (const writeClass of CLASSES) {
    const { collection, schema } = TARGETS[writeClass];
    await api.putCollection(collection, schema);
    for (const { name, url, key } of cluster.regions) {
      const isThere = async () => {
        const path = `/v1/collections/${collection}/records?limit=1`;
        const response = await fetch(`${url}${path}`, { signal, headers: authorization(key) });
        await response.arrayBuffer();
        return response.status === 200 ? true : undefined;
      };
      const what = `collection ${collection} in ${name}`;
      await waitFor(isThere, { what, timeoutMs: SCHEMA_TIMEOUT_MS, signal });
    }
  }
}

/** The same load for a moment, so that no process is new to it: it counts in what records must hold, in no figure. */
async function warmUp({ cluster, rates, signal }: RunOptions, run: string): Promise<readonly StreamRecord[]> {
  const { regions } = cluster;
  const load = await PacedLoad.start(trafficPlan({ regions, rates, run, secondsMax: WARM_UP_SECONDS }));
  const stop = () => void load.stop();
  signal.addEventListener("abort", stop, { once: true });
  const records = await load.ended;
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  return records;
}

interface Played {
  readonly recording: Recording;
  readonly verification: Verification;
}

async function playUnderLoad(options: RunOptions): Promise<Played> {
  const { cluster, times, rates, signal } = options;
  const { regions } = cluster;
  const run = `election-${Date.now()}`;
  const warm = await warmUp(options, `${run}-warm-up`);
  const load = await PacedLoad.start(trafficPlan({ regions, rates, run, secondsMax: SECONDS_MAX }));
  const elapsedSeconds = () => load.elapsedMs() / 1_000;
  const watch = new StatusWatch(regions, elapsedSeconds);
  const names = regions.map(({ name }) => name);
  const live = new LiveView(watch, { regions: names, totalSeconds: storySeconds(times) });
  const hide = show(options, { load, live, elapsedSeconds });
  try {
    const staged = await tell(options, { watch, live, elapsedSeconds });
    const seconds = elapsedSeconds();
    const records = await load.stop();
    hide();
    options.screen.say(
      "\nThe load has ended: what is left drains, and every region is compared with what clients were told.\n",
    );
    const events = await Promise.all(
      staged.map(async (event) => ({ ...event, drainSeconds: await event.drainSeconds })),
    );
    const all = [...warm, ...records];
    const verification = await verify({ regions: cluster.regions, records: all, watch, signal });
    const bufferOf = (region: string) => watch.bufferOf(region);
    const recording = makeRecording({ seconds, regions: names, records, events, bufferOf });
    return { recording, verification };
  } finally {
    hide();
    watch.stop();
    await load.kill();
  }
}

async function tell(
  { cluster, screen, times, signal }: RunOptions,
  parts: { watch: StatusWatch; live: LiveView; elapsedSeconds: () => number },
): Promise<StagedEvent[]> {
  const { watch, live, elapsedSeconds } = parts;
  const note = (text: string) => {
    live.note({ atSeconds: elapsedSeconds(), text });
    if (!screen.isLive) screen.print([`${String(Math.round(elapsedSeconds())).padStart(3)} s | ${text}`]);
  };
  const announce = (text: string) => screen.say(`\n${text}\n`);
  return new Director({ cluster, watch, times, elapsedSeconds, announce, note, signal }).play();
}

/** @returns stops it. */
function show(
  { screen }: RunOptions,
  parts: { load: PacedLoad; live: LiveView; elapsedSeconds: () => number },
): () => void {
  const { load, live, elapsedSeconds } = parts;
  return load.onSecond((streams) => {
    live.add(streams);
    const frame = live.frame(elapsedSeconds());
    if (screen.isLive) screen.draw(renderFrame(frame, screen.paint));
    else if (streams[0]!.second % PLAIN_EVERY_SECONDS === 0) screen.print([renderPlainLine(frame)]);
  });
}
