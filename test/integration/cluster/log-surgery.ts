/** What can happen to a log behind the cluster's back: closed to publishers, deleted, made anew empty, put back as it was once. */
import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { connectOptions } from "../../../services/adapters/nats/address.ts";
import { eventually, withStores, type Bed, type LocalBed } from "./bed.ts";

const STREAM = "FOREBAY_LOG_0";
const TIMEOUT_MS = 5_000;

interface StreamAnswer {
  readonly config: object;
  readonly state: { readonly last_seq: number };
  readonly error?: { readonly description: string };
}

/** Sends a request of JetStream's administration. @throws what it answers. */
export async function administer(bed: Bed, what: string, body: object = {}): Promise<StreamAnswer> {
  const { nats } = bed.cluster.regions[0]!;
  const connection = await connect({ ...connectOptions(nats), ignoreClusterUpdates: true });
  try {
    const subject = `$JS.API.STREAM.${what}.${STREAM}`;
    // Servers that have just started elect a leader first: until then nobody answers.
    const said = await eventually(`an answer to ${what}`, async () =>
      (await connection.request(subject, JSON.stringify(body), { timeout: TIMEOUT_MS })).json<StreamAnswer>(),
    );
    if (said.error !== undefined) throw new Error(said.error.description);
    return said;
  } finally {
    await connection.close();
  }
}

/** Nobody can publish any more, and everybody reads what there is. @returns where all regions are then. */
export async function standStill(bed: Bed): Promise<number> {
  const { config } = await administer(bed, "INFO");
  await administer(bed, "UPDATE", { ...config, subjects: ["nobody.publishes.here"] });
  return eventually("all regions are at the end of the log", async () => {
    const positions = await positionsOf(bed);
    const end = await endOf(bed);
    return positions.every((position) => position === end) ? end : undefined;
  });
}

async function endOf(bed: Bed): Promise<number> {
  return (await administer(bed, "INFO")).state.last_seq;
}

/** Waits until the log has so many entries more than now. What clients are told of is in the WALs, and may not have reached it. */
export async function untilGrown(bed: Bed, entries: number): Promise<void> {
  const before = await endOf(bed);
  await eventually(`the log has ${entries} entries more`, async () =>
    (await endOf(bed)) >= before + entries ? true : undefined,
  );
}

export async function positionsOf(bed: Bed): Promise<number[]> {
  return withStores(bed, async (stores) =>
    Promise.all([...stores.values()].map(async (store) => (await store.readPositions(0)).position)),
  );
}

function storeOf(bed: LocalBed, region: string): string {
  return join(bed.folder, "nats", region, "jetstream");
}

async function whileStopped(bed: LocalBed, work: (region: string) => void): Promise<void> {
  const regions = bed.cluster.regions.map(({ name }) => name);
  await Promise.all(regions.map((region) => bed.cluster.stopNats(region)));
  for (const region of regions) work(region);
  await Promise.all(regions.map((region) => bed.cluster.startNats(region)));
  await bed.cluster.waitForJetStream();
}

/** Keeps a copy of what all servers have on disk, as a backup of their machines would. */
export function backUpServers(bed: LocalBed): Promise<void> {
  return whileStopped(bed, (region) =>
    cpSync(storeOf(bed, region), `${storeOf(bed, region)}.before`, { recursive: true }),
  );
}

/** All servers come back with their disks of before: what they have acknowledged since is gone. */
export function restoreServers(bed: LocalBed): Promise<void> {
  return whileStopped(bed, (region) => {
    rmSync(storeOf(bed, region), { recursive: true });
    renameSync(`${storeOf(bed, region)}.before`, storeOf(bed, region));
  });
}
