/**
 * The same load and the same fault on etcd: puts through the HTTP gateway of each node, the leader killed every 15 s.
 *
 * What is compared are writes that the nearest node takes: for Forebay, local ones, which are durable in one region when they
 * are answered; for etcd, which has no other, writes that a quorum has stored. Two kinds of client:
 *
 *   own        knows the node of its region, as Forebay's clients do
 *   elsewhere  tries once more, on another node, after an error or after 5 s
 */
import { PacedLoad } from "../../../infra/load/paced-load.ts";
import type { LoadRequest, StreamPlan } from "../../../infra/load/plan.ts";
import { unlessInterrupted } from "../interruption.ts";
import { progress, report, round } from "../report.ts";
import { EtcdCluster } from "./etcd-cluster.ts";
import { findEtcd, type EtcdProgram } from "./etcd-program.ts";
import { killLeaders, sleepUntil } from "./faults.ts";
import { measureKills, phasesOf, WARM_UP_MS } from "./kills.ts";
import { ofClass, writeFigures, type WriteFigures } from "./local-figures.ts";
import type { Settings } from "./settings.ts";

const SECONDS = 120;
const TIMEOUT_MS = 5_000;
const KEYS_COUNT = 2_000;
const REQUESTS_COUNT = 4_000;
const REGIONS = ["eu", "us", "ap"];

const CLIENTS = { own: 1, elsewhere: 2 } as const;
type Client = keyof typeof CLIENTS;

/** @param forebay figures of a run that was measured already, under the same load. */
export async function compareWithEtcd(settings: Settings, forebay: WriteFigures | undefined): Promise<void> {
  let program: EtcdProgram;
  try {
    program = await findEtcd(settings.etcdPath);
  } catch (error) {
    const reason = (error as Error).message;
    report("election.etcd", { skipped: `no etcd 3.5 can be had: ${reason}`, hint: "--etcd PATH names one" });
    return;
  }
  progress(`etcd ${program.version} at ${program.path}`);
  const ofForebay = forebay ?? (await measureKills(settings, SECONDS));
  const own = await measureEtcd(program, settings, "own");
  const elsewhere = await measureEtcd(program, settings, "elsewhere");
  report("election.side-by-side", { system: "forebay, local writes", ...ofForebay });
  report("election.side-by-side", { system: `etcd ${program.version}, own node`, ...own });
  report("election.side-by-side", { system: `etcd ${program.version}, tries another node`, ...elsewhere });
}

async function measureEtcd(program: EtcdProgram, settings: Settings, client: Client): Promise<WriteFigures> {
  const cluster = await EtcdCluster.start(program.path, REGIONS);
  try {
    return await unlessInterrupted(underLoad(cluster, settings, client));
  } finally {
    await cluster.stop();
  }
}

async function underLoad(cluster: EtcdCluster, settings: Settings, client: Client): Promise<WriteFigures> {
  const phases = phasesOf(settings, SECONDS);
  const streams = cluster.nodes.map((_, place) => putStream(cluster, { place, settings, client }));
  const load = await PacedLoad.start({ streams, secondsMax: phases.toMs / 1_000 + 60 });
  const elapsedMs = (): number => load.elapsedMs();
  const kills = await killLeaders(cluster, {
    ...phases,
    everyMs: settings.everySeconds * 1_000,
    awayMs: settings.awaySeconds * 1_000,
    elapsedMs,
  });
  await sleepUntil(phases.toMs, elapsedMs);
  const records = ofClass(await load.stop(), "local");
  const undisturbed = writeFigures(records, { fromMs: WARM_UP_MS, toMs: phases.fromMs });
  const disturbed = writeFigures(records, phases);
  const p99Ratio = round(disturbed.p99_ms / undisturbed.p99_ms);
  report("election.etcd.undisturbed", { client, ...undisturbed });
  report("election.etcd.kills", { client, kills: kills.length, ...disturbed, p99_ratio: p99Ratio });
  return disturbed;
}

function putStream(
  cluster: EtcdCluster,
  { place, settings, client }: { place: number; settings: Settings; client: Client },
): StreamPlan {
  const { nodes } = cluster;
  const { name } = nodes[place]!;
  return {
    name: `${name}.put`,
    region: name,
    class: "local",
    urls: [...nodes.slice(place), ...nodes.slice(0, place)].map(({ url }) => url).slice(0, CLIENTS[client]),
    ratePerSecond: settings.localPerSecond,
    requests: Array.from({ length: REQUESTS_COUNT }, (_, index) => put(name, index)),
    timeoutMs: TIMEOUT_MS,
    connectionsMax: 512,
    triesMax: CLIENTS[client],
  };
}

/** About as much as a write of the other load. */
function put(region: string, index: number): LoadRequest {
  const key = `shared-${(index * 7_919) % KEYS_COUNT}`;
  const value = JSON.stringify({ total: index % 3, last: `${region}-${index}` });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return {
    method: "POST",
    path: "/v3/kv/put",
    body: JSON.stringify({ key: base64(key), value: base64(value) }),
  };
}
