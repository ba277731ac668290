/** Trimming with short retentions on a whole cluster: a region that is stopped keeps what it needs, up to a limit. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PartitionStatusAnswer, StatusAnswer } from "../../services/protocol/http/status.ts";
import {
  chainsAtOnePosition,
  converged,
  digests,
  eventually,
  startBed,
  withStores,
  type Bed,
} from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";

const SCHEMA = { fields: { note: { class: "lww" }, likes: { class: "merge", kind: "counter" } } };
/** Short enough to be waited for, long enough that a region that starts anew is not away meanwhile. */
const AWAY_SECONDS_MAX = 25;
const ENVIRONMENT = {
  FOREBAY_TRIM_EVERY_SECONDS: "1",
  FOREBAY_LOG_RETENTION_SECONDS: "1",
  FOREBAY_WAL_RETENTION_SECONDS: "1",
  FOREBAY_OPERATION_RETENTION_SECONDS: "1",
  FOREBAY_MEMBER_AWAY_SECONDS_MAX: String(AWAY_SECONDS_MAX),
};
const LIMIT_MS = 90_000;

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("trimming", 1, ENVIRONMENT);
  await createCollection(bed, "notes", SCHEMA);
}, 120_000);

afterAll(() => bed.stop());

async function write(region: string, key: string): Promise<string> {
  const url = `${bed.cluster.region(region).url}/v1/collections/notes/records/${key}`;
  const body = { set: { note: region }, inc: { likes: 1 } };
  const answer = await eventually(`${region} takes a write`, async () => {
    const tried = await send(url, { method: "PATCH", body });
    return tried?.status === 202 ? tried : undefined;
  });
  return answer.body["operation"] as string;
}

async function statusOf(region: string): Promise<PartitionStatusAnswer> {
  const answer = await send(`${bed.cluster.region(region).url}/v1/status`, { method: "GET" });
  return (answer!.body as StatusAnswer).partitions[0]!;
}

/** Looks until the status says what is waited for, while somebody writes. */
function whileWriting(
  what: string,
  region: string,
  isSo: (status: PartitionStatusAnswer) => boolean,
): Promise<PartitionStatusAnswer> {
  return eventually(
    what,
    async () => {
      await write("eu", "busy");
      const status = await statusOf(region);
      return isSo(status) ? status : undefined;
    },
    LIMIT_MS,
  );
}

async function walRowsOf(region: string): Promise<number> {
  return withStores(bed, async (stores) => {
    const limits = { rowsMax: 100_000, bytesMax: 100_000_000 };
    const { sequence } = await stores.get(region)!.walHead(0);
    for (let after = 0; after < sequence; after += 1) {
      const rows = await stores.get(region)!.readWal({ partition: 0, after, ...limits });
      if (rows.length > 0) return rows.length;
    }
    return 0;
  });
}

async function stateOf(region: string) {
  return withStores(bed, (stores) => stores.get(region)!.readPositions(0));
}

it("keeps what a stopped region needs, says who it is, and trims on once it is back", async () => {
  const old = await write("us", "first");
  await write("ap", "first");
  await whileWriting("the log is trimmed", "us", ({ trim }) => (trim.log_first ?? 0) > 5);
  await bed.cluster.stopRegion("ap");
  const { position, origins } = await stateOf("ap");
  const pinned = await whileWriting("ap pins", "us", ({ trim }) => trim.pinned_by !== undefined);
  expect(pinned.trim.pinned_by!.region).toBe("ap");
  expect(pinned.trim.log_first).toBeLessThanOrEqual(position + 1);
  expect(pinned.trim.operations_forgotten).toBeLessThanOrEqual(position);
  const { sequence } = await withStores(bed, (stores) => stores.get("eu")!.walHead(0));
  expect(await walRowsOf("eu")).toBeGreaterThanOrEqual(sequence - origins["eu"]!.watermark);
  await bed.cluster.startRegion("ap");
  await whileWriting("the log is trimmed on", "us", ({ trim }) => (trim.log_first ?? 0) > position + 10);
  await whileWriting("nobody pins", "eu", ({ trim }) => trim.pinned_by === undefined);
  await eventually("the first operation is forgotten everywhere", async () => {
    const answers = ["eu", "us", "ap"].map((region) =>
      send(`${bed.cluster.region(region).url}/v1/operations/${old}`, { method: "GET" }),
    );
    return (await Promise.all(answers)).every((answer) => answer?.status === 404) ? true : undefined;
  });
  await withStores(bed, async (stores) => {
    await converged(bed, stores);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
    expect(new Set(await chainsAtOnePosition(stores, 0)).size).toBe(1);
  });
}, 240_000);

it("is pinned no longer by who is away for too long, who comes back with another region's state", async () => {
  await bed.cluster.stopRegion("ap");
  const { position } = await stateOf("ap");
  const status = await whileWriting("ap counts no more", "us", ({ trim }) => trim.away.length > 0);
  expect(status.trim.away.map(({ region }) => region)).toEqual(["ap"]);
  await whileWriting("the log goes on without ap", "us", ({ trim }) => (trim.log_first ?? 0) > position + 1);
  // It loads another region's state: `bootstrap.test.ts` looks at how.
  await bed.cluster.startRegion("ap");
  await write("ap", "back");
  const { trim } = await statusOf("us");
  const first = trim.log_first!;
  await whileWriting("ap does not pin by being back", "us", (now) => (now.trim.log_first ?? 0) > first + 5);
  await withStores(bed, async (stores) => {
    await converged(bed, stores);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
  });
}, 240_000);
