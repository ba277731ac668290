/** A log that fails on a whole cluster under load: noticed, not folded, made anew; nothing that was acknowledged is lost. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LogAnswer } from "../../services/protocol/http/log.ts";
import { eventually, startBed, withStores, type LocalBed } from "./cluster/bed.ts";
import { startCoordinator } from "./cluster/coordinator.ts";
import { createCollection, Load } from "./cluster/load.ts";
import {
  administer,
  backUpServers,
  positionsOf,
  restoreServers,
  standStill,
  untilGrown,
} from "./cluster/log-surgery.ts";
import { send } from "./cluster/request.ts";

const LIMIT_MS = 60_000;
/** Where nothing is lost there is nothing to notice. */
const LOST_ENTRIES_MIN = 5;

let bed: LocalBed;
let load: Load;

beforeAll(async () => {
  bed = await startBed("log-fails", 1, { FOREBAY_VERIFY_EVERY_SECONDS: "0" });
  await createCollection(bed);
}, 120_000);

afterEach(() => load.stop());

afterAll(() => bed.stop());

const urlOf = (region: string, path: string) => `${bed.cluster.region(region).url}${path}`;

async function reasonsOf(region: string): Promise<string> {
  const answer = await send(urlOf(region, "/readyz"), { method: "GET" });
  return answer?.status === 503 ? String(answer.body["reasons"]) : "";
}

/** All regions have stopped, and say so. */
async function untilStopped(reason: RegExp): Promise<void> {
  for (const { name } of bed.cluster.regions) {
    await eventually(
      `${name} says that ${reason.source}`,
      async () => (reason.test(await reasonsOf(name)) ? true : undefined),
      LIMIT_MS,
    );
  }
}

async function rebuild(body: object = {}) {
  const answer = await send(urlOf("us", "/v1/log/rebuild"), { method: "POST", body });
  expect(answer).toMatchObject({ status: 200 });
  return (answer!.body as unknown as LogAnswer).partitions[0]!;
}

/** Dry first; then everything that the load was told must be there, everywhere, and every region must fold on by itself. */
async function rebuildAndVerify(position: number): Promise<void> {
  const planned = await rebuild();
  expect(planned).toMatchObject({ healthy: false, lost_positions: 0 });
  expect(planned).not.toHaveProperty("made");
  expect(planned.refusal).toBeUndefined();
  expect(planned.regions.map(({ fate }) => fate)).toEqual(["goes-on", "goes-on", "goes-on"]);
  expect(planned.regions.some(({ proposed_again: again = 0 }) => again > 0)).toBe(true);
  expect(await positionsOf(bed)).toEqual([position, position, position]);
  const { made } = await rebuild({ dry_run: false });
  expect(made).toMatchObject({ position: position + 1 });
  await load.untilAcknowledged(100);
  await load.verify();
  for (const { name } of bed.cluster.regions)
    await eventually(`${name} is ready`, async () => ((await reasonsOf(name)) === "" ? true : undefined));
  await verifyOnce();
  const again = await send(urlOf("eu", "/v1/log/rebuild"), { method: "POST", body: { dry_run: false } });
  expect(again?.body).toMatchObject({ type: "urn:forebay:problem:log-healthy" });
  await withStores(bed, async (stores) => {
    for (const store of stores.values()) {
      expect(await store.logCreatedAtMs(0)).toBe(made!.created_at_ms);
    }
  });
}

async function verifyOnce(): Promise<void> {
  const coordinator = await startCoordinator(bed, "eu");
  try {
    expect(await coordinator.reconciler.verifyToEnd(0)).toMatchObject({ verdict: "match" });
  } finally {
    await coordinator.close();
  }
}

describe("a log that fails under load", () => {
  it(
    "is missed when it was deleted; no region makes an empty one in its place",
    { timeout: 170_000 },
    async () => {
      load = new Load(bed);
      load.start({ clients: 2 });
      await load.untilAcknowledged(100);
      const position = await standStill(bed);
      await administer(bed, "DELETE");
      await untilStopped(/is gone.*forebay log rebuild/);
      await load.untilAcknowledged(100);
      await bed.cluster.killRegion("ap");
      const starting = bed.cluster.startRegion("ap");
      starting.catch(() => undefined);
      await untilStopped(/is gone/);
      await expect(administer(bed, "INFO")).rejects.toThrow("stream not found");
      await rebuildAndVerify(position);
      await starting;
    },
  );

  it("is refused when somebody has made an empty one in its place", { timeout: 170_000 }, async () => {
    load = new Load(bed);
    load.start({ clients: 2 });
    await load.untilAcknowledged(100);
    const { config } = await administer(bed, "INFO");
    const { first_seq: _, ...fresh } = config as { first_seq?: number };
    const position = await standStill(bed);
    await administer(bed, "DELETE");
    await administer(bed, "CREATE", fresh);
    await untilStopped(/is empty|has been replaced/);
    await load.untilAcknowledged(100);
    await rebuildAndVerify(position);
  });

  it("is refused when it has lost its tail, also once it has grown again", { timeout: 170_000 }, async () => {
    load = new Load(bed);
    load.start({ clients: 2 });
    await load.untilAcknowledged(50);
    await backUpServers(bed);
    await load.untilAcknowledged(100);
    await untilGrown(bed, LOST_ENTRIES_MIN);
    const position = await standStill(bed);
    await restoreServers(bed);
    await untilStopped(/lost its tail.*forebay log rebuild/);
    await load.untilAcknowledged(50);
    await rebuildAndVerify(position);
  });
});
