/** The bad day of the demo: a nats-server dies and comes back, a link is cut for 20 s, a region process is killed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LocalCluster } from "../../local/cluster.ts";

const CUT_MS = 20_000;
const NATS_AWAY_MS = 5_000;

export async function wreak(cluster: LocalCluster, say: (line: string) => void): Promise<void> {
  const [first, second, third] = cluster.regions.map((region) => region.name) as [string, string, string];
  say(`killing the nats-server of ${second}`);
  await cluster.killNats(second);
  say(`cutting the link ${first}–${third} for ${CUT_MS / 1_000} s`);
  cluster.cutLink(first, third);
  const healed = sleep(CUT_MS).then(() => {
    cluster.healLink(first, third);
    say(`the link ${first}–${third} is back`);
  });
  await sleep(NATS_AWAY_MS);
  await cluster.startNats(second);
  say(`the nats-server of ${second} is back`);
  say(`killing the region process of ${first}`);
  await cluster.killRegion(first);
  await cluster.startRegion(first);
  say(`the region process of ${first} is back`);
  await healed;
}
