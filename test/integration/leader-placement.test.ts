/**
 * Who leads the log, on three regions with the latencies of regions/local.yaml: the quorum round trips are 85 ms under eu and
 * us and 125 ms under ap.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migrateDatabase } from "../../services/adapters/postgres/migrate.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { LocalCluster } from "../../infra/local/cluster.ts";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import type { LeadersAnswer } from "../../services/protocol/http/leaders.ts";
import type { StatusAnswer } from "../../services/protocol/http/status.ts";
import { chainsAtOnePosition, eventually, withStores, type Bed } from "./cluster/bed.ts";
import { createCollection, Load } from "./cluster/load.ts";
import { readMetrics } from "./cluster/metrics.ts";
import { send, type Answer, type Asked } from "./cluster/request.ts";

const TIMEOUT_MS = 240_000;
const LOOK_MS = 500;
const LOOKS = 12;

let bed: Bed;

beforeAll(async () => {
  const folder = makeTemporaryFolder("placement");
  const cluster = await LocalCluster.start({
    authentication: "off",
    dataFolder: folder.path,
    topology: join(packageRoot(), "regions/local.yaml"),
    portBase: 0,
    migrate: migrateDatabase,
    environment: {
      FOREBAY_LEADER_LOOK_MS: String(LOOK_MS),
      FOREBAY_LEADER_SETTLED_MS: "2000",
      FOREBAY_LEADER_COOL_DOWN_MS: "1000",
    },
  });
  const stop = async () => {
    await cluster.stop();
    folder.remove();
  };
  bed = { cluster, partitions: 1, stop };
  await createCollection(bed);
}, TIMEOUT_MS);
afterAll(() => bed.stop(), TIMEOUT_MS);

const urlOf = (region: string, path: string) => `${bed.cluster.region(region).url}${path}`;

/** @throws {Error} when nothing comes back. */
async function ask(region: string, path: string, asked: Asked = { method: "GET" }): Promise<Answer> {
  const answer = await send(urlOf(region, path), asked);
  if (answer === undefined) throw new Error(`${region} did not answer ${asked.method} ${path}`);
  return answer;
}

async function post(region: string, path: string, body: object): Promise<Answer> {
  return ask(region, path, { method: "POST", body });
}

/** Asked again while the log is without a leader, as it is for a moment whenever leadership moves by itself. */
async function moveLeader(by: string, body: object): Promise<Answer> {
  return eventually("an answer that is no matter of a moment", async () => {
    const answer = await post(by, "/v1/leader", body);
    return answer.status === 503 ? undefined : answer;
  });
}

async function leadership(region = "us"): Promise<LeadersAnswer["partitions"][number]> {
  return ((await ask(region, "/v1/leader")).body as unknown as LeadersAnswer).partitions[0]!;
}

async function status(region: string): Promise<StatusAnswer> {
  return (await ask(region, "/v1/status")).body as unknown as StatusAnswer;
}

async function leads(...regions: readonly string[]): Promise<string> {
  return eventually(`one of ${regions.join(", ")} leads`, async () => {
    const { leader } = await leadership();
    return leader !== undefined && regions.includes(leader) ? leader : undefined;
  });
}

/** The sum of a counter in each region, since it was started. */
async function counted(name: string): Promise<number[]> {
  return Promise.all(
    bed.cluster.regions.map(async ({ url }) => {
      const samples = (await readMetrics(url)).filter((sample) => sample.name === name);
      return samples.reduce((sum, { value }) => sum + value, 0);
    }),
  );
}

/** Waits until every region has measured its links, by which its figures are no longer exactly the topology's. */
async function measured(): Promise<void> {
  for (const { name } of bed.cluster.regions) {
    await eventually(`${name} has measured its links`, async () => {
      const { ranking } = await leadership(name);
      const isExact = ranking.some(({ quorum_round_trip_ms: ms }) => ms === 85 || ms === 125);
      return ranking.length === 3 && !isExact ? true : undefined;
    });
  }
}

/** Lets so many looks of every region pass, and sees that nothing moves. */
async function staysFor(looks: number): Promise<void> {
  const state = async () => {
    const { leader, leader_since_ms: since } = await leadership();
    return { leader, since };
  };
  const before = await state();
  const lookedBefore = await counted("forebay_leader_looks_total");
  await eventually(`${looks} looks of every region`, async () => {
    const looked = await counted("forebay_leader_looks_total");
    return looked.every((count, index) => count >= lookedBefore[index]! + looks) ? true : undefined;
  });
  expect(await state()).toEqual(before);
}

it(
  "comes back to a region that is nearest to the others, and stays there",
  { timeout: TIMEOUT_MS },
  async () => {
    await measured();
    const moved = await moveLeader("us", { region: "ap", hold_ms: 0 });
    expect(moved).toMatchObject({ status: 200, body: { partitions: [{ partition: 0, leader: "ap" }] } });
    expect(await leads("eu", "us")).toBe("eu");
    await staysFor(LOOKS);
    const { ranking } = await leadership();
    expect(ranking.at(-1)!.region).toBe("ap");
    // No less than the links take; how much more a busy machine adds says nothing.
    expect(ranking.map(({ quorum_round_trip_ms: ms }) => ms! > 80)).toEqual([true, true, true]);
  },
);

it(
  "stays where it was put for the hold, and comes back when it is over",
  { timeout: TIMEOUT_MS },
  async () => {
    const body = { region: "ap", partition: 0, hold_ms: 3_600_000 };
    expect((await moveLeader("eu", body)).status).toBe(200);
    await leads("ap");
    for (const { name } of bed.cluster.regions) {
      expect(await leadership(name)).toMatchObject({ leader: "ap", hold: { leader: "ap" } });
    }
    await staysFor(LOOKS);
    // A process that starts anew hears of the hold from the others.
    await bed.cluster.restartRegion("eu");
    await eventually("eu has heard of the hold", async () =>
      (await leadership("eu")).hold === undefined ? undefined : true,
    );
    expect((await leadership("eu")).leader).toBe("ap");
    const release = { region: "ap", hold_ms: 0 };
    expect((await moveLeader("eu", release)).status).toBe(200);
    expect(await leads("eu", "us")).toBe("eu");
  },
);

it("refuses a region that it does not know", async () => {
  const answer = await moveLeader("eu", { region: "mars" });
  expect(answer).toMatchObject({ status: 422, body: { type: "urn:forebay:problem:unknown-region" } });
  expect(JSON.stringify(answer.body)).toContain("ap, eu, us");
});

it(
  "is drained under load, restarted and taken back, and nothing is lost",
  { timeout: TIMEOUT_MS },
  async () => {
    await leads("eu");
    const load = new Load(bed);
    // Clients of eu go to us as soon as eu is not ready, as a balancer would send them.
    let isReady = true;
    load.start({
      clients: 4,
      urls: [() => urlOf(isReady ? "eu" : "us", ""), () => urlOf("us", ""), () => urlOf("ap", "")],
    });
    await load.untilAcknowledged(200);
    expect((await post("eu", "/v1/drain", {})).status).toBe(200);
    const ready = await ask("eu", "/readyz");
    expect(ready).toMatchObject({ status: 503, body: { ready: false, draining: true } });
    isReady = false;
    const path = "/v1/collections/load/records/late";
    const refused = await ask("eu", path, { method: "PATCH", body: { inc: { total: 1 } } });
    expect(refused).toMatchObject({ status: 503, body: { type: "urn:forebay:problem:draining" } });
    const drained = await eventually("eu is drained", async () => {
      const { draining } = await status("eu");
      return draining?.is_drained === true ? draining : undefined;
    });
    expect(drained).toMatchObject({ pending_rows: 0, leads: [] });
    // An election on the way may have named another one for a while.
    await leads("us");
    await load.untilAcknowledged(200);
    const second = await post("ap", "/v1/drain", {});
    expect(second).toMatchObject({ status: 409, body: { type: "urn:forebay:problem:drain-refused" } });
    expect(JSON.stringify(second.body)).toContain("eu is drained");
    const there = await moveLeader("us", { region: "eu" });
    expect(there).toMatchObject({ status: 409, body: { type: "urn:forebay:problem:region-not-fit" } });
    await bed.cluster.restartRegion("eu");
    expect((await status("eu")).draining).toBeDefined();
    const still = await ask("eu", path, { method: "PATCH", body: { inc: { total: 1 } } });
    expect(still).toMatchObject({ status: 503, body: { type: "urn:forebay:problem:draining" } });
    expect((await ask("eu", "/v1/drain", { method: "DELETE" })).body).not.toHaveProperty("draining");
    expect((await ask("eu", "/readyz")).status).toBe(200);
    isReady = true;
    await load.untilAcknowledged(200);
    await load.verify();
    await withStores(bed, async (stores) => {
      expect(new Set(await chainsAtOnePosition(stores, 0)).size).toBe(1);
    });
  },
);
