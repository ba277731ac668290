/**
 * The client of an app loses its region in the middle of writes: none is lost, none counts twice, what was written is read
 * wherever the client goes, and it goes home once its region has caught up.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OutcomeUnknownError } from "../../services/client/index.ts";
import { eventually, startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection } from "../integration/cluster/load.ts";
import { clientAt, posts } from "../integration/client/clients.ts";

const HOME = "eu";
const DEADLINE_MS = 30_000;
const WORKERS = 12;

let bed: Bed;
beforeAll(async () => {
  bed = await startBed("client");
  await createCollection(bed, posts.name, posts.schema);
});
afterAll(() => bed.stop());

/** Writes until it is told to stop. @returns how many were acknowledged. */
async function likeUntil(
  client: ReturnType<typeof clientAt>,
  key: string,
  isOver: () => boolean,
): Promise<number> {
  let count = 0;
  while (!isOver()) {
    try {
      await client.collection(posts).write(key, { inc: { likes: 1 } });
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw error;
      await error.settle({ deadlineMs: DEADLINE_MS });
    }
    count += 1;
  }
  return count;
}

async function likesIn(region: string, key: string): Promise<number | undefined> {
  const { url } = bed.cluster.region(region);
  const answer = await fetch(`${url}/v1/collections/posts/records/${key}?consistency=linearizable`);
  return ((await answer.json()) as { fields: { likes?: number } }).fields.likes;
}

describe("a region that is killed in the middle of writes", () => {
  it("costs no acknowledged write, and has none counted twice", async () => {
    const client = clientAt(bed, HOME, { tryMs: 2_000, deadlineMs: DEADLINE_MS });
    let isOver = false;
    const workers = Array.from({ length: WORKERS }, () => likeUntil(client, "killed", () => isOver));
    const progress = async (count: number) =>
      eventually(`${count} likes are in the view of us`, async () => {
        const { url } = bed.cluster.region("us");
        const answer = await fetch(`${url}/v1/collections/posts/records/killed`);
        const { fields } = (await answer.json()) as { fields?: { likes?: number } };
        return (fields?.likes ?? 0) >= count ? fields!.likes : undefined;
      });
    try {
      await progress(200);
      expect(client.region).toBe(HOME);
      await bed.cluster.killRegion(HOME);
      const before = await progress(200);
      await eventually("the client writes through another region", () =>
        client.region === HOME ? undefined : true,
      );
      await progress(before! + 100);
      await bed.cluster.startRegion(HOME);
      await eventually("the client has gone home", () => (client.region === HOME ? true : undefined));
    } finally {
      isOver = true;
      await Promise.allSettled(workers);
    }
    const acknowledged = (await Promise.all(workers)).reduce((sum, count) => sum + count);
    for (const { name } of bed.cluster.regions) {
      await eventually(`${name} has every like`, async () =>
        (await likesIn(name, "killed"))! >= acknowledged ? true : undefined,
      );
      expect(await likesIn(name, "killed")).toBe(acknowledged);
    }
  });

  it("takes no session with it: what was written there is read in the next one, or waited for", async () => {
    const client = clientAt(bed, HOME, { tryMs: 2_000, deadlineMs: DEADLINE_MS });
    const records = client.collection(posts);
    for (let round = 1; round <= 6; round += 1) {
      const { region } = await records.write("session", { set: { last: round } });
      if (round % 2 === 0) {
        await bed.cluster.killRegion(region);
        await bed.cluster.startRegion(region);
      }
      const other = clientAt(bed, region === "us" ? "ap" : "us", {
        session: client.session.export(),
        deadlineMs: DEADLINE_MS,
      });
      const read = await other.collection(posts).get("session");
      expect(read?.fields.last).toBe(round);
      expect((await records.get("session"))?.fields.last).toBe(round);
    }
    expect(client.session.export().split(",").length).toBeLessThanOrEqual(3);
  });
});
