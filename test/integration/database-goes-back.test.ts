/** A region's database that is restored from an old backup, or dropped, on a whole cluster. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { WAL_RUN_ROWS } from "../../services/core/fold/member.ts";
import type { StatusAnswer } from "../../services/protocol/http/status.ts";
import {
  chainsAtOnePosition,
  converged,
  digests,
  eventually,
  startBed,
  withStores,
  type Bed,
} from "./cluster/bed.ts";
import { Likes, LIKES_SCHEMA } from "./cluster/likes.ts";
import { createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";
import { queryOnce } from "./postgres/server.ts";

let bed: Bed;
let likes: Likes;

beforeAll(async () => {
  bed = await startBed("database-goes-back", 1);
  await createCollection(bed, "posts", LIKES_SCHEMA);
  likes = new Likes(bed);
}, 120_000);

afterAll(() => bed.stop());

/** Statements on the server of a region's database, from outside of it. */
async function administer(
  region: string,
  ...statements: readonly ((database: string) => string)[]
): Promise<void> {
  const url = new URL(bed.cluster.region(region).postgres.url);
  const database = url.pathname.slice(1);
  url.pathname = "/template1";
  for (const statement of statements) await queryOnce(url.href, statement(database));
}

async function allAreAlike(): Promise<void> {
  await withStores(bed, async (stores) => {
    await converged(bed, stores);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
    expect(new Set(await chainsAtOnePosition(stores, 0)).size).toBe(1);
    await likes.check(stores);
  });
}

async function walOf(region: string): Promise<StatusAnswer["partitions"][number]["wal"] | undefined> {
  const answer = await send(`${bed.cluster.region(region).url}/v1/status`, { method: "GET" });
  return answer?.status === 200 ? (answer.body as StatusAnswer).partitions[0]!.wal : undefined;
}

/** The region has rejoined so often, and takes writes. */
async function hasRejoined(region: string, times: number): Promise<void> {
  await eventually(`${region} has rejoined`, async () => {
    const wal = await walOf(region);
    return wal !== undefined && wal.head >= times * WAL_RUN_ROWS && wal.trouble === undefined
      ? true
      : undefined;
  });
  await likes.add(region);
}

it("a database that is restored from an old backup loses nothing that the log or it has, and repeats nothing", async () => {
  await Promise.all(["eu", "us", "ap"].map((region) => likes.add(region, 20)));
  await bed.cluster.stopRegion("ap");
  await administer("ap", (database) => `create database backup template ${database}`);
  await bed.cluster.startRegion("ap");
  await Promise.all(["eu", "us", "ap"].map((region) => likes.add(region, 30)));
  await allAreAlike();
  await bed.cluster.stopRegion("ap");
  await administer(
    "ap",
    (database) => `drop database ${database} with (force)`,
    (database) => `create database ${database} template backup`,
  );
  // It takes writes before it can hear what it has sent before: under the same sequences.
  for (const other of ["eu", "us"]) bed.cluster.cutLink("ap", other);
  await bed.cluster.startRegion("ap");
  const load = likes.load(["eu", "us"]);
  await likes.add("ap", 25);
  for (const other of ["eu", "us"]) bed.cluster.healLink("ap", other);
  await hasRejoined("ap", 1);
  await load.end();
  await allAreAlike();
}, 180_000);

it("a database that is dropped comes back by itself", async () => {
  const load = likes.load(["eu", "us"]);
  await likes.add("ap", 10);
  await withStores(bed, (stores) => converged(bed, new Map([["ap", stores.get("ap")!]])));
  await bed.cluster.killRegion("ap");
  await administer(
    "ap",
    (database) => `drop database ${database} with (force)`,
    (database) => `create database ${database}`,
  );
  await bed.cluster.startRegion("ap");
  await hasRejoined("ap", 2);
  await load.end();
  await allAreAlike();
}, 180_000);
