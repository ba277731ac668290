/**
 * A region's PostgreSQL is lost under load, and its streaming standby takes its place: the name leads to a server that is
 * read-only at first, and to a primary once it is promoted. The region's process goes on by itself.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually, startBed, type LocalBed } from "../integration/cluster/bed.ts";
import { COLLECTION, createCollection, Load } from "../integration/cluster/load.ts";
import { send } from "../integration/cluster/request.ts";
import { Standby } from "../integration/cluster/standby.ts";

const TIMEOUT_MS = 240_000;

let bed: LocalBed;
const standbys: Standby[] = [];

beforeAll(async () => {
  bed = await startBed("postgres-fails-over");
  await createCollection(bed);
}, 120_000);

afterAll(async () => {
  await bed.stop();
  await Promise.all(standbys.map((standby) => standby.stop()));
});

async function standbyOf(region: string): Promise<Standby> {
  const standby = await Standby.of(bed, region);
  standbys.push(standby);
  return standby;
}

const urlOf = (region: string) => bed.cluster.region(region).url;

/** It answers whether it is ready with a reason that fits. */
async function untilReadiness(region: string, status: number, reason: RegExp): Promise<void> {
  await eventually(`${region} is ready or not: ${reason}`, async () => {
    const answer = await send(`${urlOf(region)}/readyz`, { method: "GET" });
    const text = JSON.stringify(answer);
    if (answer?.status !== status || !reason.test(text)) throw new Error(text);
    return true;
  });
}

/** The primary dies; its name leads to the standby, which is promoted a while after. */
async function failOver(region: string, standby: Standby): Promise<void> {
  await bed.cluster.faults.kill("postgres", region);
  await standby.takeAddress();
  await untilReadiness(region, 503, /read-only/);
  const path = `${urlOf(region)}/v1/collections/${COLLECTION}/records/refused`;
  await eventually(`${region} refuses writes`, async () => {
    const answer = await send(path, { method: "PATCH", body: { set: { last: "refused" } } });
    // Of what a connection of before was the last to carry nobody knows what became of it.
    expect([503, 504]).toContain(answer?.status);
    return answer?.status === 503 ? answer : undefined;
  });
  await standby.promote();
}

it(
  "loses nothing that was acknowledged where its standby was synchronous",
  { timeout: TIMEOUT_MS },
  async () => {
    const { pid } = bed.cluster.region("eu");
    const standby = await standbyOf("eu");
    await standby.becomeSynchronous();
    const load = new Load(bed);
    load.start({ clients: 4 });
    await load.untilAcknowledged(300);
    await failOver("eu", standby);
    await untilReadiness("eu", 200, /"ready":true/);
    await load.untilAcknowledged(300);
    await load.verify();
    expect(bed.cluster.region("eu").pid).toBe(pid);
  },
);

it(
  "gets back from the log what its standby lacks, and goes on under a new run",
  { timeout: TIMEOUT_MS },
  async () => {
    const { pid } = bed.cluster.region("us");
    const standby = await standbyOf("us");
    const before = new Load(bed);
    before.start({ clients: 4 });
    await before.untilAcknowledged(100);
    await standby.fallBehind();
    await before.untilAcknowledged(300);
    await before.verify();
    // The others write on: it hears from them what it has sent, and from nobody else.
    const meanwhile = new Load(bed);
    meanwhile.start({ clients: 2, urls: [() => urlOf("eu"), () => urlOf("ap")] });
    await failOver("us", standby);
    await untilReadiness("us", 200, /"ready":true/);
    const after = new Load(bed);
    after.start({ clients: 4, urls: [() => urlOf("us")] });
    await after.untilAcknowledged(300);
    await Promise.all([meanwhile.stop(), after.stop()]);
    for (const load of [meanwhile, after, before]) await load.verify();
    expect(bed.cluster.region("us").pid).toBe(pid);
  },
);
