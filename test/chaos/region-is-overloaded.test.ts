/**
 * A region is given more than it can take: while its log is away, and while its database stands still. It refuses before
 * its bounds, says why and when to come back, answers reads and probes, and keeps all that it has acknowledged.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBed, type Bed } from "../integration/cluster/bed.ts";
import { COLLECTION, createCollection, Load } from "../integration/cluster/load.ts";

const ROWS_MAX = 200;
/** Nine tenths. */
const ROWS_TAKEN = 180;
/** 10 are worked on, and 12 may wait. */
const REQUESTS_MAX = 25;
const WORKING_MAX = 10;

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("overloaded");
  await createCollection(bed);
});

afterAll(() => bed.stop());

const url = (path: string): string => `${bed.cluster.region("eu").url}${path}`;
const recordUrl = (key: string): string => url(`/v1/collections/${COLLECTION}/records/${key}`);

function write(key: string): Promise<Response> {
  return fetch(recordUrl(key), {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inc: { total: 1 } }),
  });
}

async function status(): Promise<{ admission: object; pendingRows: number }> {
  const response = await fetch(url("/v1/status"));
  const { admission, partitions } = (await response.json()) as {
    admission: object;
    partitions: { wal: { pending_rows: number } }[];
  };
  return { admission, pendingRows: partitions[0]!.wal.pending_rows };
}

/** What a refusal tells, and that it says when to come back. */
async function toldBy(response: Response): Promise<object> {
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(response.headers.get("content-type")).toContain("application/problem+json");
  const { type, reason } = (await response.json()) as { type: string; reason: string };
  return { status: response.status, type, reason };
}

async function expectAlive(key: string): Promise<void> {
  for (const path of ["/livez", "/readyz", "/metrics", "/v1/status"]) {
    expect([path, (await fetch(url(path))).status]).toEqual([path, 200]);
  }
  expect((await fetch(recordUrl(key))).status).toBe(200);
}

async function expectCounted(reason: string): Promise<void> {
  const text = await (await fetch(url("/metrics"))).text();
  const line = new RegExp(
    `^forebay_admission_refused_total\\{[^}]*reason="${reason}"[^}]*\\} ([1-9]\\d*)$`,
    "m",
  );
  expect(text).toMatch(line);
}

/** Holds what every append to the WAL needs, until the returned function is called. */
async function stopAppends(): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: bed.cluster.region("eu").postgres.url });
  await client.connect();
  await client.query("begin");
  await client.query("select 1 from wal_heads for update");
  return async () => {
    await client.query("rollback");
    await client.end();
  };
}

describe("a region whose log is away", () => {
  it("takes writes until its buffer is nearly full, refuses more, and takes them again once it has drained", async () => {
    await bed.cluster.restartRegion("eu", { environment: { FOREBAY_WAL_ROWS_MAX: String(ROWS_MAX) } });
    expect((await write("alive")).status).toBe(202);
    await bed.cluster.killNats("eu");
    const load = new Load(bed);
    load.start({ clients: 4, urls: [() => bed.cluster.region("eu").url] });
    let mostPending = 0;
    const refused = await eventually("the buffer is nearly full", async () => {
      const { admission, pendingRows } = await status();
      mostPending = Math.max(mostPending, pendingRows);
      return "reason" in admission ? admission : undefined;
    });
    expect(refused).toEqual({ state: "shedding", reason: "wal-rows" });
    expect(await toldBy(await write("refused"))).toEqual({
      status: 503,
      type: "urn:forebay:problem:wal-full",
      reason: "wal-rows",
    });
    await expectAlive("alive");
    await expectCounted("wal-rows");
    mostPending = Math.max(mostPending, (await status()).pendingRows);
    expect(mostPending).toBeGreaterThan(ROWS_TAKEN / 2);
    expect(mostPending).toBeLessThanOrEqual(ROWS_TAKEN);
    await bed.cluster.startNats("eu");
    await load.untilAcknowledged(2 * ROWS_MAX);
    await load.verify();
    expect((await fetch(recordUrl("refused"))).status).toBe(404);
    await eventually("the region says that it takes everything", async () => {
      const { admission } = await status();
      return "reason" in admission ? undefined : admission;
    });
  });
});

describe("a region whose database stands still", () => {
  it("has as many requests in flight as it may, refuses more, and loses none that it acknowledges", async () => {
    await bed.cluster.restartRegion("eu", { environment: { FOREBAY_REQUESTS_MAX: String(REQUESTS_MAX) } });
    const { value: before } = await total("held");
    const goOn = await stopAppends();
    const held: Promise<Response>[] = [];
    const refused: Response[] = [];
    try {
      // One after the other, so that it is certain which are refused.
      for (let count = 1; count <= WORKING_MAX; count += 1) {
        held.push(write("held"));
        await eventually("the write is in flight", async () => (await working()) === count || undefined);
      }
      for (let count = 0; count < 3; count += 1) refused.push(await write("held"));
      await expectAlive("alive");
    } finally {
      await goOn();
    }
    for (const response of refused) {
      expect(await toldBy(response)).toEqual({
        status: 429,
        type: "urn:forebay:problem:overloaded",
        reason: "requests-in-flight",
      });
    }
    await expectCounted("requests-in-flight");
    const accepted = (await Promise.all(held)).filter((response) => response.status === 202);
    expect(accepted.length).toBe(WORKING_MAX);
    expect((await total("held")).value).toBe(before + WORKING_MAX);
    expect((await write("held")).status).toBe(202);
  });
});

async function total(key: string): Promise<{ value: number }> {
  const response = await fetch(recordUrl(key));
  if (response.status === 404) return { value: 0 };
  const { fields } = (await response.json()) as { fields: { total: number } };
  return { value: fields.total };
}

/** As the process told last. */
async function working(): Promise<number> {
  const text = await (await fetch(url("/metrics"))).text();
  return Number(/^forebay_requests_in_flight\{[^}]*place="working"[^}]*\} (\d+)$/m.exec(text)?.[1]);
}
