/**
 * `npm run bench -- election`: what an election of the log costs whom.
 *
 *   kills    the leader's nats-server is killed every 15 s for 3 minutes
 *   quorum   two of three nats-servers are gone for 2 minutes
 *   etcd     the first again, on a three-node etcd (`--etcd PATH`, or unpacked from Debian's archive)
 *
 * `--only kills,quorum` picks; `--rate`, `--seconds` and others (`settings.ts`) make it smaller.
 */
import { compareWithEtcd } from "./etcd.ts";
import { measureKills } from "./kills.ts";
import type { WriteFigures } from "./local-figures.ts";
import { measureQuorum } from "./quorum.ts";
import { readSettings } from "./settings.ts";

export async function benchElection(words: readonly string[]): Promise<void> {
  const settings = readSettings(words);
  let kills: WriteFigures | undefined;
  if (settings.parts.includes("kills")) kills = await measureKills(settings);
  if (settings.parts.includes("quorum")) await measureQuorum(settings);
  if (settings.parts.includes("etcd")) await compareWithEtcd(settings, kills);
}
