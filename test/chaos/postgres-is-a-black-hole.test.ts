/**
 * A region's PostgreSQL is of no use for a while: it is frozen and says nothing, it crashes, it takes no writes. The region
 * tells so in time, the others don't notice, and the same process goes on when the database does.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBed, type Bed } from "../integration/cluster/bed.ts";
import {
  ACCOUNTS,
  ACCOUNTS_SCHEMA,
  askAll,
  KEY,
  READS,
  surprises,
  WRITES,
  type Requests,
  type Told,
} from "../integration/cluster/every-request.ts";
import { COLLECTION, createCollection, Load } from "../integration/cluster/load.ts";
import { send } from "../integration/cluster/request.ts";
import { queryOnce } from "../integration/postgres/server.ts";

const BROKEN = "eu";
const OTHERS = ["us", "ap"];
const PROBE_TIMEOUT_MS = 2_000;
const PATIENT_MS = 10_000;

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("postgres-black-hole");
  await createCollection(bed);
  await createCollection(bed, ACCOUNTS, ACCOUNTS_SCHEMA);
  await untilUsable(BROKEN);
});

afterAll(() => bed.stop());

const urlOf = (region: string) => bed.cluster.region(region).url;

async function probe(path: string): Promise<{ status: number; text: string }> {
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  const response = await fetch(`${urlOf(BROKEN)}${path}`, { signal });
  return { status: response.status, text: await response.text() };
}

/** Whatever is wrong with the database, the process tells about itself. */
async function expectAlive(): Promise<void> {
  expect((await probe("/livez")).status).toBe(200);
  expect((await probe("/metrics")).text).toContain("forebay_wal_head");
}

async function untilUnready(reason: RegExp): Promise<void> {
  await eventually(`the region is not ready: ${reason}`, async () => {
    const { status, text } = await probe("/readyz");
    if (status !== 503 || !reason.test(text)) throw new Error(`${status} ${text}`);
    return true;
  });
}

/** A local and an authoritative write succeed, and the region is ready. */
async function untilUsable(region: string): Promise<void> {
  await eventually(`${region} is of use`, async () => {
    const path = (collection: string) => `${urlOf(region)}/v1/collections/${collection}/records/${KEY}`;
    const written = [
      await send(path(COLLECTION), { method: "PATCH", body: { inc: { total: 0 } } }),
      await send(path(ACCOUNTS), { method: "PATCH", body: { set: { email: "a@b" } } }),
      await send(`${urlOf(region)}/readyz`, { method: "GET" }),
    ];
    const statuses = written.map((answer) => answer?.status);
    if (statuses.join() !== "202,200,200") throw new Error(JSON.stringify(written));
    return true;
  });
}

/**
 * In the other regions nothing fails. They have as long as a busy machine may need: what they must not do is wait for the
 * database that is broken, and it is for as long as this takes.
 */
async function expectOthersUntouched(): Promise<void> {
  const { delete: _, restore: __, ...writes } = WRITES;
  const { operation: ___, ...reads } = READS;
  for (const region of OTHERS) {
    let open: Requests = inNoHurry({ ...writes, ...reads });
    const failed: Told[] = [];
    await eventually(`${region} answers everything`, async () => {
      const told = (await askAll(bed, region, open)).filter(({ code }) => code !== "answered");
      failed.push(...told.filter(({ code }) => !isOfTheLog(code)));
      // On a slow disk the log may be slow, too, for a moment; nothing else is a reason to ask again.
      const again = told.filter(({ code }) => isOfTheLog(code));
      open = Object.fromEntries(again.map(({ name }) => [name, open[name]!]));
      return again.length === 0 ? true : undefined;
    });
    expect({ region, failed }).toEqual({ region, failed: [] });
  }
}

const isOfTheLog = (code: Told["code"]) => code === "no-quorum" || code === "outcome-unknown";

function inNoHurry(requests: Requests): Requests {
  return Object.fromEntries(
    Object.entries(requests).map(([name, asked]) => [name, { ...asked, deadlineMs: PATIENT_MS }]),
  );
}

const codesOf = (told: readonly Told[]) => told.map(({ name, code }) => `${name}: ${code}`);

describe("a region whose PostgreSQL", () => {
  it("is frozen answers every request by its deadline, and goes on when it wakes up", async () => {
    const { pid } = bed.cluster.region(BROKEN);
    const load = new Load(bed);
    load.start({ clients: 2 });
    await load.untilAcknowledged(100);
    await bed.cluster.faults.pause("postgres", BROKEN);
    try {
      // At first everybody waits for the own deadline; nobody knows yet.
      const first = await askAll(bed, BROKEN, { ...WRITES, ...READS });
      expect(surprises(first)).toEqual([]);
      await expectAlive();
      await untilUnready(/database (does not answer|has not answered for)/);
      await load.untilAcknowledged(50);
      await expectOthersUntouched();

      await eventually("the region refuses rather than waits", async () => {
        const told = await askAll(bed, BROKEN, { "local write": WRITES["local write"]! });
        expect(surprises(told)).toEqual([]);
        return told[0]!.code === "store-unavailable" ? true : undefined;
      });
      const later = await askAll(bed, BROKEN, { ...WRITES, ...READS });
      // Without effect, for certain: nothing was sent anywhere.
      expect(codesOf(later)).toEqual(
        Object.keys({ ...WRITES, ...READS }).map((name) => `${name}: store-unavailable`),
      );
      const status = await send(`${urlOf(BROKEN)}/v1/status`, { method: "GET" });
      expect(status).toMatchObject({
        status: 200,
        body: { region: BROKEN, partitions: [{ stale_ms: expect.any(Number) as number }] },
      });
      await expectAlive();
    } finally {
      await bed.cluster.faults.resume("postgres", BROKEN);
    }
    await untilUsable(BROKEN);
    await load.untilAcknowledged(100);
    // Every acknowledged write is there once, and what was unknown has become known under the same key.
    await load.verify();
    expect(bed.cluster.region(BROKEN).pid).toBe(pid);
  });

  it("crashes and recovers tells nobody anything that it does not know", async () => {
    const { pid } = bed.cluster.region(BROKEN);
    const load = new Load(bed);
    load.start({ clients: 2 });
    await load.untilAcknowledged(50);
    const back = new AbortController();
    const restart = bed.cluster.restartPostgres(BROKEN, { mode: "immediate" }).finally(() => back.abort());
    const told: Told[] = [];
    while (!back.signal.aborted) {
      told.push(...(await askAll(bed, BROKEN, { ...WRITES, ...READS })));
      await expectAlive();
    }
    await restart;
    // It may have answered before it went, and after it came back.
    const decided = ["answered", "record-missing", "not-deleted", "lease-held"] as const;
    expect(surprises(told, decided)).toEqual([]);
    await untilUsable(BROKEN);
    await load.untilAcknowledged(50);
    await load.verify();
    expect(bed.cluster.region(BROKEN).pid).toBe(pid);
  });

  it("takes no writes for a while is not ready, serves what it can, and lags until it takes them again", async () => {
    const { pid, postgres } = bed.cluster.region(BROKEN);
    const load = new Load(bed);
    load.start({ clients: 2 });
    await load.untilAcknowledged(50);
    await setReadOnly(postgres.url, "on");
    try {
      await untilUnready(/read-only/);
      const { schema: _, ...writes } = WRITES;
      expect(surprises(await askAll(bed, BROKEN, writes))).toEqual([]);
      const { "local read": local, list } = READS;
      expect(codesOf(await askAll(bed, BROKEN, { local: local!, list: list! }))).toEqual([
        "local: answered",
        "list: answered",
      ]);
      await expectAlive();
      await expectOthersUntouched();
    } finally {
      await setReadOnly(postgres.url, "off");
    }
    await untilUsable(BROKEN);
    await load.untilAcknowledged(50);
    await load.verify();
    expect(bed.cluster.region(BROKEN).pid).toBe(pid);
  });
});

async function setReadOnly(url: string, value: "on" | "off"): Promise<void> {
  await queryOnce(url, `alter system set default_transaction_read_only = ${value}`);
  await queryOnce(url, "select pg_reload_conf()");
}
