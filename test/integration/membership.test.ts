/** Regions that are removed, drained or lost, and come again, on a whole cluster under load. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { MembersAnswer } from "../../services/protocol/http/members.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { WAL_RUN_ROWS } from "../../services/core/fold/member.ts";
import {
  chainsAtOnePosition,
  converged,
  digests,
  eventually,
  startBed,
  withStores,
  type Bed,
} from "./cluster/bed.ts";
import { TICK_EVERY_MS } from "../../services/relay/relay.ts";
import { Likes, LIKES_SCHEMA } from "./cluster/likes.ts";
import { createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";

let bed: Bed;
let likes: Likes;

beforeAll(async () => {
  bed = await startBed("membership", 1);
  await createCollection(bed, "posts", LIKES_SCHEMA);
  likes = new Likes(bed);
}, 120_000);

afterAll(() => bed.stop());

function ask(region: string, path: string, body?: object) {
  const url = `${bed.cluster.region(region).url}${path}`;
  return send(url, body === undefined ? { method: "GET" } : { method: "POST", body });
}

async function change(asked: string, body: object): Promise<MembersAnswer["partitions"][number]> {
  const answer = await ask(asked, "/v1/members", body);
  expect(answer, JSON.stringify(answer?.body)).toMatchObject({ status: 200 });
  return (answer!.body as MembersAnswer).partitions[0]!;
}

const names = ({ members }: MembersAnswer["partitions"][number]) => members.map(({ region }) => region);

async function areAlike(regions: readonly string[]): Promise<void> {
  await withStores(bed, async (all) => {
    const stores = new Map([...all].filter(([name]) => regions.includes(name)));
    await converged(bed, stores);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
    expect(new Set(await chainsAtOnePosition(stores, 0)).size).toBe(1);
    await likes.check(stores);
  });
}

it("a region is removed once it is drained, serves nothing then, and is added again under load", async () => {
  const load = likes.load(["eu", "us"]);
  await likes.add("ap", 20);
  expect((await ask("eu", "/v1/members", { action: "remove", region: "mars" }))?.body).toMatchObject({
    type: "urn:forebay:problem:unknown-region",
  });
  expect((await ask("eu", "/v1/members", { action: "remove", region: "ap" }))?.body).toMatchObject({
    type: "urn:forebay:problem:remove-refused",
  });
  expect((await ask("ap", "/v1/drain", {}))?.status).toBe(200);
  const removed = await eventually("ap is removed", async () => {
    const answer = await ask("eu", "/v1/members", { action: "remove", region: "ap" });
    return answer?.status === 200 ? (answer.body as MembersAnswer).partitions[0]! : undefined;
  });
  expect(names(removed)).toEqual(["eu", "us"]);
  expect(removed.departed).toEqual(["ap"]);
  expect(names(await change("us", { action: "remove", region: "ap" }))).toEqual(["eu", "us"]);
  await eventually("ap says so", async () => {
    const ready = await ask("ap", "/readyz");
    const read = await ask("ap", "/v1/collections/posts/records/a");
    const isSaid = JSON.stringify(ready?.body).includes("was removed from the cluster");
    return isSaid && JSON.stringify(read?.body).includes("not-a-member") ? true : undefined;
  });
  expect(names(await change("eu", { action: "add", region: "ap" }))).toEqual(["ap", "eu", "us"]);
  const url = `${bed.cluster.region("ap").url}/v1/drain`;
  await eventually("ap is undrained", async () =>
    (await send(url, { method: "DELETE" }))?.status === 200 ? true : undefined,
  );
  await likes.add("ap", 10);
  await load.end();
  await areAlike(["eu", "us", "ap"]);
}, 180_000);

it("a region that is lost is removed by force, and pins the others no more", async () => {
  const load = likes.load(["eu", "us"]);
  await likes.add("ap", 10);
  await withStores(bed, async (stores) => converged(bed, new Map([["ap", stores.get("ap")!]])));
  await bed.cluster.killRegion("ap");
  expect((await ask("eu", "/v1/members", { action: "remove", region: "ap" }))?.status).toBe(409);
  const place = async () => {
    const status = (await ask("eu", "/v1/status"))?.body as {
      partitions: { trim: { folded_by_all: number } }[];
    };
    return status.partitions[0]!.trim.folded_by_all;
  };
  // A tick of its that was on its way may still move them once.
  const before = await eventually("the others wait for it", async () => {
    const looked = await place();
    await new Promise((resolve) => setTimeout(resolve, 3 * TICK_EVERY_MS));
    return (await place()) === looked ? looked : undefined;
  });
  expect(names(await change("eu", { action: "remove", region: "ap", force: true }))).toEqual(["eu", "us"]);
  await eventually("they wait no more", async () => ((await place()) > before + 10 ? true : undefined));
  expect(names(await change("eu", { action: "add", region: "ap" }))).toEqual(["ap", "eu", "us"]);
  await bed.cluster.startRegion("ap");
  // Before it has folded that it was removed, it takes writes under the sequences that it had.
  await likes.add("ap", 10);
  await load.end();
  await withStores(bed, async (stores) =>
    eventually("ap goes on under a new run of sequences", async () =>
      (await stores.get("ap")!.walHead(0)).sequence > 2 * WAL_RUN_ROWS ? true : undefined,
    ),
  );
  await areAlike(["eu", "us", "ap"]);
}, 180_000);

it("a fourth region is added under load, takes writes, holds the same as the others, and is removed again", async () => {
  const load = likes.load(["eu", "us"]);
  const topology = join(packageRoot(), "test/integration/topologies/with-fourth-region.yaml");
  await bed.cluster.addRegion("sa", topology);
  await eventually("sa says that it is no member", async () => {
    const ready = await ask("sa", "/readyz");
    return JSON.stringify(ready?.body).includes("forebay region add sa") ? true : undefined;
  });
  expect(names(await change("us", { action: "add", region: "sa" }))).toEqual(["ap", "eu", "sa", "us"]);
  await likes.add("sa", 20);
  await load.end();
  await areAlike(["eu", "us", "ap", "sa"]);
  expect((await ask("eu", "/v1/verify", {}))?.status).toBe(202);
  await eventually("four regions match", async () => {
    const { verifications } = (await ask("eu", "/v1/verifications"))!.body as {
      verifications: { verdict?: string; regions: unknown[] }[];
    };
    return verifications.some(({ verdict, regions }) => verdict === "match" && regions.length === 4)
      ? true
      : undefined;
  });
  expect((await ask("sa", "/v1/drain", {}))?.status).toBe(200);
  await eventually("sa is removed", async () => {
    const answer = await ask("eu", "/v1/members", { action: "remove", region: "sa" });
    return answer?.status === 200 ? true : undefined;
  });
  await areAlike(["eu", "us", "ap"]);
}, 180_000);
