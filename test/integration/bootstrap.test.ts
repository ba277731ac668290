/** A region that the log was trimmed past, on real servers and under load: it loads another's state, also when it is killed half-way. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { uuidOf } from "../../services/core/operation-id.ts";
import type { Bootstrap } from "../../services/ports/bootstraps.ts";
import type { PartitionStatusAnswer, StatusAnswer } from "../../services/protocol/http/status.ts";
import { converged, digests, eventually, startBed, withStores, type LocalBed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { readMetrics } from "./cluster/metrics.ts";
import { send, type Answer } from "./cluster/request.ts";

const SCHEMA = { fields: { note: { class: "lww" }, likes: { class: "merge", kind: "counter" } } };
const AWAY_SECONDS_MAX = 20;
const ENVIRONMENT = {
  FOREBAY_TRIM_EVERY_SECONDS: "1",
  // Longer than loading takes: what comes after the snapshot has to be there.
  FOREBAY_LOG_RETENTION_SECONDS: "15",
  FOREBAY_WAL_RETENTION_SECONDS: "1",
  FOREBAY_OPERATION_RETENTION_SECONDS: "3600",
  FOREBAY_MEMBER_AWAY_SECONDS_MAX: String(AWAY_SECONDS_MAX),
  FOREBAY_VERIFY_EVERY_SECONDS: "0",
};
/** So many that loading takes a while: it is killed meanwhile. */
const FILLED_RECORDS = 15_000;
const LIMIT_MS = 120_000;

let bed: LocalBed;
let traffic: Traffic | undefined;

beforeAll(async () => {
  bed = await startBed("bootstrap", 1, ENVIRONMENT);
  await createCollection(bed, "notes", SCHEMA);
}, 120_000);

afterEach(async () => {
  await traffic?.end();
  traffic = undefined;
});

afterAll(() => bed.stop());

function urlOf(region: string, key: string): string {
  return `${bed.cluster.region(region).url}/v1/collections/notes/records/${key}`;
}

async function write(region: string, key: string): Promise<string> {
  const body = { set: { note: `${region} wrote this, and some more text` }, inc: { likes: 1 } };
  const answer = await eventually(`${region} takes a write`, async () => {
    const tried = await send(urlOf(region, key), { method: "PATCH", body });
    return tried?.status === 202 ? tried : undefined;
  });
  return answer.body["operation"] as string;
}

/** Many records at once, as their clients write them. */
async function fill(region: string, records: number): Promise<void> {
  let next = 0;
  const client = async () => {
    while (next < records) await write(region, `filled-${(next += 1)}`);
  };
  await Promise.all(Array.from({ length: 64 }, client));
}

async function statusOf(region: string): Promise<PartitionStatusAnswer | undefined> {
  const answer = await send(`${bed.cluster.region(region).url}/v1/status`, { method: "GET" });
  return answer?.status === 200 ? (answer.body as StatusAnswer).partitions[0] : undefined;
}

async function readyz(region: string): Promise<Answer | undefined> {
  return send(`${bed.cluster.region(region).url}/readyz`, { method: "GET" });
}

function logOf(region: string): string {
  return readFileSync(join(bed.folder!, "logs", `${region}.log`), "utf8");
}

/** Somebody who writes through the other regions all the time, and reads through the one that loads. */
class Traffic {
  readonly found: string[] = [];
  readonly refused = new Set<string>();
  readonly operations: string[] = [];
  #isOver = false;
  readonly #done: Promise<unknown>;

  constructor(loading: string, others: readonly string[]) {
    this.#done = Promise.all([...others.map((region) => this.#write(region)), this.#read(loading)]);
    // Heard of at the end.
    this.#done.catch(() => undefined);
  }

  async #write(region: string): Promise<void> {
    for (let number = 0; !this.#isOver; number += 1) {
      this.operations.push(await write(region, `busy-${number % 50}`));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #read(region: string): Promise<void> {
    for (let number = 0; !this.#isOver; number += 1) {
      const key = number % 2 === 0 ? "first" : `filled-${(number % FILLED_RECORDS) + 1}`;
      const answer = await send(urlOf(region, key), { method: "GET" });
      if (answer?.status === 404) this.found.push(`${key}: ${JSON.stringify(answer.body)}`);
      else if (answer?.status === 503) this.refused.add(String(answer.body["type"]));
      // A process that is down refuses at once.
      if (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

/** Stops a region until the log no longer holds what it needs. @returns what it had taken, and shipped to nobody. */
async function cutOffForLong(region: string): Promise<string[]> {
  const { cluster } = bed;
  const others = ["eu", "us", "ap"].filter((name) => name !== region);
  for (const other of others) cluster.cutLink(region, other);
  const operations: string[] = [];
  for (let number = 0; number < 20; number += 1) operations.push(await write(region, `alone-${number}`));
  const { position } = (await statusOf(region))!;
  await cluster.killRegion(region);
  for (const other of others) cluster.healLink(region, other);
  await eventually(
    "the log is trimmed past it",
    async () => {
      await write("eu", "busy");
      return ((await statusOf("eu"))?.trim.log_first ?? 0) > position + 50 ? true : undefined;
    },
    LIMIT_MS,
  );
  return operations;
}

/** Waits until some records are loaded, and by far not all. */
async function loadedInPart(): Promise<Bootstrap> {
  return withStores(bed, (stores) =>
    eventually("some records are loaded", async () => {
      const [bootstrap] = await stores.get("ap")!.readBootstraps();
      return (bootstrap?.progress?.loaded.records ?? 0) > 0 ? bootstrap : undefined;
    }),
  );
}

async function bootstrapIsOver(): Promise<void> {
  await eventually(
    "ap is ready again",
    async () => {
      const [status, ready] = await Promise.all([statusOf("ap"), readyz("ap")]);
      const isOver = status !== undefined && status.bootstrap === undefined;
      return isOver && ready?.status === 200 ? true : undefined;
    },
    LIMIT_MS,
  );
}

async function expectAllAlike(operations: readonly string[]): Promise<void> {
  await withStores(bed, async (stores) => {
    await converged(bed, stores);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
    for (const id of operations) {
      const { outcomes } = await stores.get("us")!.readOutcomes({ partition: 0, ids: [id] });
      expect(outcomes.map(({ status }) => status)).toEqual([expect.stringMatching(/committed|superseded/)]);
    }
  });
}

describe("a region that the log was trimmed past", () => {
  it(
    "loads, folds on, is verified and ready; nothing that it took is lost",
    { timeout: 300_000 },
    async () => {
      await write("us", "first");
      await fill("us", FILLED_RECORDS);
      const alone = await cutOffForLong("ap");
      traffic = new Traffic("ap", ["eu", "us"]);
      const stages = new Set<string>();
      const starting = bed.cluster.startRegion("ap");
      const watching = eventually(
        "ap is ready",
        async () => {
          const [status, ready] = await Promise.all([statusOf("ap"), readyz("ap")]);
          if (status?.bootstrap !== undefined) {
            stages.add(status.bootstrap.stage);
            if (status.bootstrap.stage === "loading")
              expect(status.bootstrap).toMatchObject({
                source: expect.stringMatching(/eu|us/),
                rows: expect.any(Number),
              });
          }
          // It can be ready for a moment, before it has looked at the log.
          const isOver = stages.has("announced") && status !== undefined && status.bootstrap === undefined;
          return isOver && ready?.status === 200 ? true : undefined;
        },
        LIMIT_MS,
      );
      await Promise.all([starting, watching]);
      await traffic.end();
      expect(traffic.found).toEqual([]);
      expect([...traffic.refused]).toContain("urn:forebay:problem:bootstrapping");
      expect((await statusOf("ap"))!.bootstrap).toBeUndefined();
      expect(logOf("ap")).toContain("a bootstrap is over: the region holds what others do");
      const loaded = await readMetrics(bed.cluster.region("ap").url);
      const rows = loaded.find(({ name }) => name === "forebay_bootstrap_loaded_rows_total");
      expect(rows!.value).toBeGreaterThan(FILLED_RECORDS);
      await expectAllAlike([...alone, ...traffic.operations]);
    },
  );

  it("goes on where it was when it is killed half-way", { timeout: 300_000 }, async () => {
    const before = logOf("ap").length;
    await withStores(bed, (stores) =>
      stores
        .get("ap")!
        .orderBootstrap({ partition: 0, id: uuidOf("test", "half-way"), reason: "a test orders it" }),
    );
    traffic = new Traffic("ap", ["eu", "us"]);
    const half = await loadedInPart();
    // What is on its way may still arrive; the rest can't before it is killed.
    for (const other of ["eu", "us"]) bed.cluster.cutLink("ap", other);
    await bed.cluster.killRegion("ap");
    for (const other of ["eu", "us"]) bed.cluster.healLink("ap", other);
    const [left] = await withStores(bed, (stores) => stores.get("ap")!.readBootstraps());
    expect(left).toMatchObject({ stage: "loading", source: half.source });
    await bed.cluster.startRegion("ap");
    await bootstrapIsOver();
    await traffic.end();
    const lines = logOf("ap")
      .slice(before)
      .split("\n")
      .filter((line) => line.includes("loading begins or goes on"));
    const records = lines.map(
      (line) => (JSON.parse(line) as { progress: { loaded: { records: number } } }).progress.loaded.records,
    );
    expect(records[0]).toBe(0);
    expect(records.at(-1)).toBeGreaterThan(0);
    expect(traffic.found).toEqual([]);
    await expectAllAlike(traffic.operations);
  });

  it(
    "begins anew with another source when the first one is gone half-way",
    { timeout: 300_000 },
    async () => {
      await withStores(bed, (stores) =>
        stores
          .get("ap")!
          .orderBootstrap({ partition: 0, id: uuidOf("test", "source"), reason: "a test orders it" }),
      );
      const source = (await loadedInPart()).source!.name;
      bed.cluster.cutLink("ap", source);
      await bed.cluster.killRegion(source);
      bed.cluster.healLink("ap", source);
      await bootstrapIsOver();
      await bed.cluster.startRegion(source);
      await expectAllAlike([]);
    },
  );
});
