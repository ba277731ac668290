/** The examples run against a cluster, to their end, and tell their stories; and many writes go in few requests. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { SocketConstructor } from "../../../services/client/index.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { startGuardedBed, type LocalBed } from "../cluster/bed.ts";
import { createCollection } from "../cluster/load.ts";
import { clientAt, posts } from "./clients.ts";

const run = promisify(execFile);
const LIMIT_MS = 90_000;

let bed: LocalBed;
beforeAll(async () => {
  bed = await startGuardedBed("examples", 4);
});
afterAll(() => bed.stop());

/** @returns its story. */
async function story(example: string): Promise<string> {
  const script = join(packageRoot(), "dist/services/client/examples", example, "main.js");
  const { stdout } = await run(process.execPath, [script, "--data", bed.folder], { timeout: LIMIT_MS });
  return stdout;
}

describe("the example", () => {
  it("user-profile merges what two devices write, and gives an address to one user alone", async () => {
    const told = await story("user-profile");
    expect(told).toContain("a second user with it:");
    expect(told).toContain("Ada: 3 likes, engines and maths, ");
    expect(told).toContain('"theme":"dark"');
    expect(told).toContain('"language":"en"');
  });

  it("checkout sells no more than there is, and captures a payment once", async () => {
    const told = await story("checkout");
    expect(told).toContain("sold 4 + 4 + 4 in ");
    expect(told).toContain("30 more: refused, 18 are left in all");
    expect(told).toContain("first press: committed, by the try whose answer was lost");
    expect(told).toContain("second press: committed, the same operation: true");
    expect(told).toContain("the order is paid, captured 1 time");
  });

  it("job-scheduler refuses a worker that was paused beyond its lease", async () => {
    const told = await story("job-scheduler");
    expect(told).toContain('"slow" wakes up and writes:');
    expect(told).toContain('the job is done, by "quick"');
  });
});

describe("many writes", () => {
  it("take effect once, also where they are sent again, and are refused one by one", async () => {
    await createCollection(bed, posts.name, posts.schema);
    const records = clientAt(bed, "eu").collection(posts);
    const writes = Array.from({ length: 1_200 }, (_, index) => ({
      key: `many-${index % 10}`,
      write: index === 7 ? { set: { last: 0.5 } } : { inc: { likes: 1 } },
      idempotencyKey: `many-${index}`,
    }));
    for (const _ of ["first", "again"]) {
      const codes: (string | undefined)[] = [];
      for await (const { error } of records.writeMany(writes)) codes.push(error?.code);
      expect(codes).toEqual(writes.map((_write, index) => (index === 7 ? "wrong-type" : undefined)));
    }
    const likes: (number | undefined)[] = [];
    for await (const { fields } of records.list({ prefix: "many-", pageSize: 3 })) likes.push(fields.likes);
    expect(likes).toEqual(Array.from({ length: 10 }, (_, index) => (index === 7 ? 119 : 120)));
  });
});

describe("a subscription where regions ask for credentials", () => {
  for (const [way, webSocket] of [
    ["a WebSocket", WebSocket as unknown as SocketConstructor],
    ["plain HTTP", undefined],
  ] as const) {
    it(`tells the state and then a change over ${way}`, async () => {
      await createCollection(bed, posts.name, posts.schema);
      const client = clientAt(bed, "eu", { platform: { webSocket } });
      const key = `followed-${way.length}`;
      const records = client.collection(posts);
      await records.write(key, { inc: { likes: 1 } }, { until: "committed" });
      const told: (number | undefined)[] = [];
      for await (const { records: changed, isComplete } of records.subscribe({ key })) {
        for (const { fields, pending } of changed) if (pending === 0) told.push(fields?.likes);
        if (isComplete) await records.write(key, { inc: { likes: 1 } });
        if (told.at(-1) === 2) break;
      }
      expect(told).toEqual([1, 2]);
    });
  }
});
